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

// BlobStore keeps the ban list over restarts. Load returns (nil, nil) when
// nothing was saved. The bytes are at most maxBanStore long.
type BlobStore interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, data []byte) error
}

// errBanStore is wrapped by errors about saved bans.
var errBanStore = errors.New("saved bans are unusable")

// banRecord is a ban as it is saved. The span is saved beside the end, so that
// a clock that went back (a camera without a battery starts in 1970) can
// lengthen a ban by no more than its own span.
type banRecord struct {
	Peer   string `json:"peer"`
	Until  int64  `json:"until"` // Unix seconds
	Span   int64  `json:"span"`  // seconds that were left when it was saved
	Reason string `json:"reason,omitempty"`
}

// banList is a bounded set of bans. Its times come from the caller.
type banList struct {
	mu   sync.RWMutex
	bans map[peer.ID]Ban
}

// add bans p until the later of now+d and the end of an earlier ban. When the
// list is full, the ban that ends first makes room.
func (l *banList) add(p peer.ID, now time.Time, d time.Duration, reason string) {
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxBanReason)], "")
	l.mu.Lock()
	defer l.mu.Unlock()
	until := now.Add(d)
	if old, ok := l.bans[p]; ok && old.Until.After(until) {
		until = old.Until
	}
	l.drop(now)
	if _, ok := l.bans[p]; !ok && len(l.bans) >= maxBans {
		first := slices.MinFunc(slices.Collect(maps.Values(l.bans)), func(a, b Ban) int { return a.Until.Compare(b.Until) })
		delete(l.bans, first.Peer)
	}
	if l.bans == nil {
		l.bans = map[peer.ID]Ban{}
	}
	l.bans[p] = Ban{Peer: p, Until: until, Reason: reason}
}

func (l *banList) remove(p peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.bans, p)
}

func (l *banList) banned(p peer.ID, now time.Time) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b, ok := l.bans[p]
	return ok && now.Before(b.Until)
}

// list returns the bans that hold at now, the longest first.
func (l *banList) list(now time.Time) []Ban {
	l.mu.Lock()
	l.drop(now)
	out := slices.Collect(maps.Values(l.bans))
	l.mu.Unlock()
	slices.SortFunc(out, func(a, b Ban) int { return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Peer, b.Peer)) })
	return out
}

func (l *banList) drop(now time.Time) {
	maps.DeleteFunc(l.bans, func(_ peer.ID, b Ban) bool { return !now.Before(b.Until) })
}

func (l *banList) encode(now time.Time) ([]byte, error) {
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

// decode replaces the list by saved bans.
func (l *banList) decode(data []byte, now time.Time) error {
	if len(data) == 0 {
		return nil
	}
	if len(data) > maxBanStore {
		return fmt.Errorf("%w: longer than %d bytes", errBanStore, maxBanStore)
	}
	var records []banRecord
	if err := json.Unmarshal(data, &records); err != nil {
		return fmt.Errorf("%w: %w", errBanStore, err)
	}
	for _, r := range records {
		p, err := peer.Decode(r.Peer)
		if err != nil {
			return fmt.Errorf("%w: peer %q: %w", errBanStore, r.Peer, err)
		}
		left := min(r.Until-now.Unix(), r.Span, int64(maxBan/time.Second))
		if left > 0 {
			l.add(p, now, time.Duration(left)*time.Second, r.Reason)
		}
	}
	return nil
}
