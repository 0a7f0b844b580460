package p2p

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Ban is a peer that is not talked to for a time.
type Ban struct {
	Peer   peer.ID   `json:"peer"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// errSavedBans is wrapped by errors about saved bans.
var errSavedBans = errors.New("saved bans are unusable")

// banRecord is a ban as it is saved. The span is saved beside the end, so that
// a clock that went back (a camera without a battery starts in 1970) can
// lengthen a ban by no more than its own span.
type banRecord struct {
	Peer   string `json:"peer"`
	Until  int64  `json:"until"` // Unix seconds
	Span   int64  `json:"span"`  // seconds that were left when it was saved
	Reason string `json:"reason,omitempty"`
}

// refusals are peers whose connections are refused for a time, at most maxBans of
// them: those that are banned, and those that rest. Its times come from the caller.
type refusals struct {
	mu    sync.RWMutex
	peers map[peer.ID]Ban
}

// add refuses p until the later of now+d and the end of an earlier refusal. When
// there are too many, the one that ends first makes room.
func (l *refusals) add(p peer.ID, now time.Time, d time.Duration, reason string) {
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxBanReason)], "")
	l.mu.Lock()
	defer l.mu.Unlock()
	until := now.Add(d)
	if old, ok := l.peers[p]; ok && old.Until.After(until) {
		until = old.Until
	}
	l.drop(now)
	if _, ok := l.peers[p]; !ok && len(l.peers) >= maxBans {
		first := slices.MinFunc(slices.Collect(maps.Values(l.peers)), func(a, b Ban) int { return a.Until.Compare(b.Until) })
		delete(l.peers, first.Peer)
	}
	if l.peers == nil {
		l.peers = map[peer.ID]Ban{}
	}
	l.peers[p] = Ban{Peer: p, Until: until, Reason: reason}
}

func (l *refusals) remove(p peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, p)
}

// holds reports whether p is refused at now.
func (l *refusals) holds(p peer.ID, now time.Time) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b, ok := l.peers[p]
	return ok && now.Before(b.Until)
}

// list returns those that hold at now, the longest first.
func (l *refusals) list(now time.Time) []Ban {
	l.mu.Lock()
	l.drop(now)
	out := slices.Collect(maps.Values(l.peers))
	l.mu.Unlock()
	slices.SortFunc(out, func(a, b Ban) int { return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Peer, b.Peer)) })
	return out
}

// drop forgets those that have ended. The caller holds mu.
func (l *refusals) drop(now time.Time) {
	maps.DeleteFunc(l.peers, func(_ peer.ID, b Ban) bool { return !now.Before(b.Until) })
}

// encode returns those that hold as they are saved.
func (l *refusals) encode(now time.Time) ([]byte, error) {
	var records []banRecord
	for _, b := range l.list(now) {
		left := b.Until.Sub(now)
		records = append(records, banRecord{
			Peer: b.Peer.String(), Until: b.Until.Unix(),
			Span: int64((left + time.Second - 1) / time.Second), Reason: b.Reason,
		})
	}
	return json.Marshal(records)
}

// decode adds saved bans. Unknown fields are let through: after a roll-back an older
// version reads what a newer one saved.
func (l *refusals) decode(data []byte, now time.Time) error {
	if len(data) == 0 {
		return nil
	}
	if len(data) > maxBanBytes {
		return fmt.Errorf("%w: longer than %d bytes", errSavedBans, maxBanBytes)
	}
	var records []banRecord
	if err := json.Unmarshal(data, &records); err != nil {
		return fmt.Errorf("%w: %w", errSavedBans, err)
	}
	for _, r := range records {
		p, err := peer.Decode(r.Peer)
		if err != nil {
			return fmt.Errorf("%w: peer %q: %w", errSavedBans, r.Peer, err)
		}
		left := min(r.Until-now.Unix(), r.Span, int64(maxBan/time.Second))
		if left > 0 {
			l.add(p, now, time.Duration(left)*time.Second, r.Reason)
		}
	}
	return nil
}

// keepBans writes the ban list a moment after it changes, and at the end.
func (n *Network) keepBans(ctx context.Context) {
	save := func() {
		data, err := n.gater.bans.encode(n.now())
		if err == nil {
			err = n.opts.Bans.Save(context.WithoutCancel(ctx), data)
		}
		if err != nil {
			n.log.Warn("bans were not saved; they end with this run", "err", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			select {
			case <-n.banned:
				save()
			default:
			}
			return
		case <-n.banned:
		}
		select {
		case <-ctx.Done():
		case <-time.After(banSaveDelay):
		}
		save()
	}
}

// Ban closes every connection with a peer and refuses new ones for d, at most
// 30 days. A longer ban that holds already stays. The reason is for Bans, in up
// to 120 bytes.
func (n *Network) Ban(p peer.ID, d time.Duration, reason string) {
	if p == n.host.ID() || d <= 0 {
		return
	}
	n.gater.bans.add(p, n.now(), min(d, maxBan), reason)
	nudge(n.banned)
	n.log.Warn("peer banned", "peer", p.String(), "for", d, "reason", reason)
	if err := n.host.Network().ClosePeer(p); err != nil {
		n.log.Debug("closing a banned peer", "peer", p.String(), "err", err)
	}
}

// Unban ends a ban.
func (n *Network) Unban(p peer.ID) {
	n.gater.bans.remove(p)
	nudge(n.banned)
}

// Bans lists the bans that hold, the longest first.
func (n *Network) Bans() []Ban { return n.gater.bans.list(n.now()) }
