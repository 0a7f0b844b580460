package beacon

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Protocol carries a beacon to a seed, which answers with one byte: 1 if it counts
// the camera, 0 if it has no room for it.
const Protocol protocol.ID = "/camswarm/beacon/1"

// Teller tells one seed at a time how this camera is.
type Teller struct {
	Host   host.Host
	Key    crypto.PrivKey // the host's
	Spread time.Duration  // see Config
	Keep   time.Duration  // after which a seed has forgotten by itself, but for cameras that may be lost
	// Seeds are the seeds of the camera's configuration that it is connected with.
	Seeds func() []peer.ID
	// Now is what there is to tell, without its hour, and the trusted time in seconds
	// since 1970; false: nothing yet.
	Now func() (Beacon, uint64, bool)
	Log *slog.Logger

	home peer.ID               // whom it tells (see moveTo),
	last Beacon                // what it heard last, without its hour,
	at   time.Time             // and when; zero: nothing
	told map[peer.ID]time.Time // others that may count it still
	met  map[peer.ID]bool      // seeds of which this process knows whether they count it

	tells atomic.Value // home, for other goroutines
	away  atomic.Bool  // the connection with home ended
}

// Tells reports whether a seed is the one that this camera tells: who hangs up on it has
// the camera counted twice, since it then tells another.
func (t *Teller) Tells(seed peer.ID) bool { return t.tells.Load() == seed && seed != "" }

func (t *Teller) moveTo(home peer.ID) {
	t.home, t.at = home, time.Time{}
	t.away.Store(false)
	t.tells.Store(home)
}

// meet says on again when the home is connected with after it was not: it may have
// restarted, and then has forgotten.
func (t *Teller) meet(again chan<- struct{}) *network.NotifyBundle {
	return &network.NotifyBundle{
		DisconnectedF: func(nw network.Network, c network.Conn) {
			if p := c.RemotePeer(); t.Tells(p) && nw.Connectedness(p) != network.Connected {
				t.away.Store(true)
			}
		},
		ConnectedF: func(_ network.Network, c network.Conn) {
			if t.Tells(c.RemotePeer()) && t.away.Swap(false) {
				select {
				case again <- struct{}{}:
				default:
				}
			}
		},
	}
}

// Run tells until ctx ends: a while after woken, until a seed has heard it, when it meets
// that seed again, and every RenewEvery. It returns nil.
func (t *Teller) Run(ctx context.Context, woken <-chan struct{}) error {
	t.told, t.met = map[peer.ID]time.Time{}, map[peer.ID]bool{}
	var tried Beacon // what was told last, heard or not
	var last, due time.Time
	tries := 0
	timer := time.NewTimer(t.spread() + retryLeast)
	defer timer.Stop()
	due = time.Now().Add(t.spread() + retryLeast)
	soon := func() {
		if at := later(time.Now().Add(t.spread()), last.Add(gapLeast)); at.Before(due) {
			due, tries = at, 0
			timer.Reset(time.Until(due))
		}
	}
	again := make(chan struct{}, 1)
	meet := t.meet(again)
	t.Host.Network().Notify(meet)
	defer t.Host.Network().StopNotify(meet)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-woken:
			if b, _, ok := t.Now(); ok && b != tried {
				soon()
			}
			continue
		case <-again:
			t.at = time.Time{}
			soon()
			continue
		case <-timer.C:
		}
		wait := time.Duration(0)
		if b, now, ok := t.Now(); ok {
			last, tried = time.Now(), b
			if t.tell(ctx, b, hourOf(now)) {
				tries = 0
				wait = RenewEvery - time.Duration(rand.Int64N(int64(RenewEvery/8)))
				if len(t.told) > 0 {
					wait = min(wait, withdrawEvery)
				}
			}
			if again, _, _ := t.Now(); wait > 0 && again != b { // it changed meanwhile
				wait = gapLeast + t.spread()
			}
		}
		if wait == 0 {
			wait = min(retryLeast<<min(tries, 6), retryMost)
			tries++
		}
		due = time.Now().Add(wait)
		timer.Reset(wait)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *Teller) spread() time.Duration {
	if t.Spread <= 0 {
		return 0
	}
	return time.Duration(rand.Int64N(int64(t.Spread)))
}

// tell tells the home, and withdraws from those that were it, or may have been before
// this process began: nothing of that is kept on the device.
func (t *Teller) tell(ctx context.Context, b Beacon, hour uint32) (heard bool) {
	seeds := t.Seeds()
	b.Hour = hour
	if !slices.Contains(seeds, t.home) {
		if t.home != "" {
			if len(t.told) < maxTold {
				t.told[t.home] = time.Now()
			}
		}
		home := peer.ID("")
		for _, s := range seeds {
			if home == "" || t.weight(s) > t.weight(home) {
				home = s
			}
		}
		t.moveTo(home)
		delete(t.told, home)
	}
	said := b
	said.Hour = 0
	switch {
	case t.home == "":
	case said == t.last && !t.at.IsZero() && time.Since(t.at) < RenewEvery*3/4:
		heard = true // only a former home is still to be told
	default:
		if heard = t.send(ctx, t.home, b); heard {
			t.last, t.at = said, time.Now()
		}
	}
	if heard {
		t.met[t.home] = true
		for _, s := range seeds {
			if !t.met[s] && len(t.told) < maxTold && len(t.met) < maxMet {
				t.told[s], t.met[s] = time.Now(), true
			}
		}
	}
	for s, at := range t.told {
		gone := Beacon{Product: b.Product, Hour: hour, State: stateWithdrawn}
		if time.Since(at) > max(t.Keep, lostFor) || slices.Contains(seeds, s) && t.send(ctx, s, gone) {
			delete(t.told, s)
		}
	}
	return heard
}

// weight orders the seeds for this camera, so that a fleet spreads over them.
func (t *Teller) weight(seed peer.ID) string {
	sum := sha256.Sum256([]byte(string(t.Host.ID()) + string(seed)))
	return string(sum[:])
}

func (t *Teller) send(ctx context.Context, seed peer.ID, b Beacon) (heard bool) {
	data, err := b.Sign(t.Key, seed)
	if err == nil {
		heard, err = t.converse(ctx, seed, data)
	}
	if err != nil && ctx.Err() == nil {
		t.Log.Debug("a beacon was not heard", "peer", seed.String(), "err", err)
	}
	return heard
}

func (t *Teller) converse(ctx context.Context, seed peer.ID, data []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, string(Protocol)), answerTimeout)
	defer cancel()
	s, err := t.Host.NewStream(ctx, seed, Protocol)
	if err != nil {
		return false, err
	}
	defer func() { _ = s.Reset() }()
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	if _, err := s.Write(data); err != nil {
		return false, err
	}
	if err := s.CloseWrite(); err != nil {
		return false, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(s, answer[:]); err != nil {
		return false, err
	}
	return answer[0] == 1, nil
}
