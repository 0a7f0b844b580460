package reputation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Reputation is what this node knows of a peer from what passed between them. No
// other node is asked or told, so nobody can be talked up or down. Every count
// loses half its value in halfLife.
type Reputation struct {
	Peer     peer.ID       `json:"peer"`
	Useful   float64       `json:"useful"`   // bytes of blocks that were missing here
	Failures float64       `json:"failures"` // time-outs and false claims
	Wrong    float64       `json:"wrong"`    // wrong bytes, malformed messages, floods
	Pace     time.Duration `json:"pace"`     // smoothed time for a MiB; 0: unknown
}

// Points of a score. A mebibyte is worth up to a point, less the more there are;
// nobody saves up more than maxGood, so that no past service pays for an attack.
// Slowness alone costs at most maxSlow: a camera on a bad line is asked last,
// and is neither silenced nor hung up on. Wrong bytes cannot be sent by mistake.
const (
	maxGood      = 10
	maxSlow      = 8
	failurePoint = 1
	wrongPoint   = 40
	maxWrong     = 200
)

// Score sums it up in points: MaxScore for the best, below 0 for who failed more
// often than it delivered, MinScore for the worst, 0 for a stranger.
func (r Reputation) Score() float64 {
	good := min(math.Log2(1+r.Useful/(1<<20)), maxGood)
	slow := min(r.Failures*failurePoint, maxSlow)
	return max(good-slow-min(r.Wrong*wrongPoint, maxWrong), MinScore)
}

// The range of Reputation.Score.
const (
	MinScore = -maxWrong
	MaxScore = maxGood
)

// decay ages a reputation by a time, at most one half-life: a clock that jumps
// from 1970 to 2099, or was off for a year, forgives nobody.
func (r *Reputation) decay(d time.Duration) {
	f := math.Exp2(-min(max(d, 0), halfLife).Seconds() / halfLife.Seconds())
	r.Useful *= f
	r.Failures *= f
	r.Wrong *= f
}

// Peers are the reputations of the peers that this node met, at most maxPeers.
// Safe for concurrent use; its times come from the caller's clock.
type Peers struct {
	now func() time.Time
	// Changed is called, without a lock, when the score of a peer changes by about
	// a point. It is set before anything is recorded.
	Changed func(p peer.ID, score float64)

	mu    sync.Mutex
	peers map[peer.ID]*entry
	dirty bool
}

type entry struct {
	Reputation
	at   time.Time // when it was aged
	told float64   // the score that Changed was told
}

// New returns no reputations yet, of everybody, by the clock now.
func New(now func() time.Time) *Peers {
	return &Peers{now: now, Changed: func(peer.ID, float64) {}, peers: map[peer.ID]*entry{}}
}

// Delivered records n useful bytes that took d, 0 if that is not known.
func (s *Peers) Delivered(p peer.ID, n int, d time.Duration) {
	s.edit(p, func(r *Reputation) {
		r.Useful += float64(n)
		if pace := time.Duration(float64(d) * (1 << 20) / float64(max(n, 1))); d > 0 {
			if r.Pace == 0 {
				r.Pace = pace
			}
			r.Pace += (pace - r.Pace) / 10
		}
	})
}

// Failed records a time-out or a false claim.
func (s *Peers) Failed(p peer.ID) { s.edit(p, func(r *Reputation) { r.Failures++ }) }

// Wrong records what no honest peer does.
func (s *Peers) Wrong(p peer.ID) { s.edit(p, func(r *Reputation) { r.Wrong++ }) }

func (s *Peers) edit(p peer.ID, f func(*Reputation)) {
	now := s.now()
	s.mu.Lock()
	r := s.peers[p]
	if r == nil {
		s.makeRoom(now)
		r = &entry{Reputation: Reputation{Peer: p}, at: now}
		s.peers[p] = r
	}
	r.age(now)
	f(&r.Reputation)
	s.dirty = true
	score := r.Score()
	news := math.Abs(score-r.told) >= 1 || (score < 0) != (r.told < 0)
	if news {
		r.told = score
	}
	s.mu.Unlock()
	if news {
		s.Changed(p, score)
	}
}

func (r *entry) age(now time.Time) {
	r.decay(now.Sub(r.at))
	r.at = now
}

// makeRoom forgets the least telling reputation when there are too many: of the
// good or the bad ones, whichever are more, so that a crowd of one kind does not
// push out the other. The caller holds mu.
func (s *Peers) makeRoom(now time.Time) {
	if len(s.peers) < maxPeers {
		return
	}
	bad := 0
	for _, r := range s.peers {
		r.age(now)
		if r.Score() < 0 {
			bad++
		}
	}
	var least *entry
	for _, r := range s.peers {
		if (r.Score() < 0) != (bad > len(s.peers)/2) {
			continue
		}
		if least == nil || math.Abs(r.Score()) < math.Abs(least.Score()) {
			least = r
		}
	}
	delete(s.peers, least.Peer)
}

// Of returns the score of a peer, see Reputation.Score, and the time that it took
// for a MiB, 0 if that is not known.
func (s *Peers) Of(p peer.ID) (score float64, pace time.Duration) {
	r := s.get(p)
	return r.Score(), r.Pace
}

// get returns the reputation of a peer, the zero one of a stranger.
func (s *Peers) get(p peer.ID) Reputation {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.peers[p]
	if r == nil {
		return Reputation{Peer: p}
	}
	r.age(now)
	return r.Reputation
}

// Score returns the score of a peer, see Reputation.Score.
func (s *Peers) Score(p peer.ID) float64 { return s.get(p).Score() }

// All returns every reputation, the best score first.
func (s *Peers) All() []Reputation {
	now := s.now()
	s.mu.Lock()
	out := make([]Reputation, 0, len(s.peers))
	for _, r := range s.peers {
		r.age(now)
		out = append(out, r.Reputation)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Reputation) int {
		return cmp.Or(cmp.Compare(b.Score(), a.Score()), cmp.Compare(a.Peer, b.Peer))
	})
	return out
}

// ErrUnusable is wrapped by errors about saved reputations.
var ErrUnusable = errors.New("saved reputations are unusable")

// file is how reputations are saved: JSON with exactly these keys.
type file struct {
	Saved int64    `json:"saved"` // Unix seconds by the clock of then
	Peers []record `json:"peers"`
}

type record struct {
	Peer     string  `json:"peer"`
	Useful   float64 `json:"useful"` // bytes
	Failures float64 `json:"failures"`
	Wrong    float64 `json:"wrong"`
	PaceMS   int64   `json:"paceMs"` // per MiB
}

// Encode returns what is to be saved, nil if nothing has changed since.
func (s *Peers) Encode() ([]byte, error) {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = false
	s.mu.Unlock()
	if !dirty {
		return nil, nil
	}
	f := file{Saved: s.now().Unix(), Peers: []record{}}
	for _, r := range s.All() {
		f.Peers = append(f.Peers, record{r.Peer.String(), r.Useful, r.Failures, r.Wrong, r.Pace.Milliseconds()})
	}
	return json.Marshal(f)
}

// Decode replaces the reputations by saved ones, or, with an error, by none.
func (s *Peers) Decode(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if len(data) > MaxBytes {
		return fmt.Errorf("%w: longer than %d bytes", ErrUnusable, MaxBytes)
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: trailing bytes", ErrUnusable)
	}
	if len(f.Peers) > maxPeers {
		return fmt.Errorf("%w: %d peers, at most %d", ErrUnusable, len(f.Peers), maxPeers)
	}
	now, peers := s.now(), map[peer.ID]*entry{}
	for _, r := range f.Peers {
		p, err := peer.Decode(r.Peer)
		if err != nil {
			return fmt.Errorf("%w: peer %q: %w", ErrUnusable, r.Peer, err)
		}
		if r.Useful < 0 || r.Failures < 0 || r.Wrong < 0 || r.PaceMS < 0 || max(r.Useful, r.Failures, r.Wrong, float64(r.PaceMS)) > 1e15 || peers[p] != nil {
			return fmt.Errorf("%w: peer %q", ErrUnusable, r.Peer)
		}
		n := &entry{Reputation: Reputation{p, r.Useful, r.Failures, r.Wrong, time.Duration(min(r.PaceMS, 1e9)) * time.Millisecond}, at: now}
		if gone := now.Unix() - f.Saved; gone > 0 {
			n.decay(time.Duration(min(gone, int64(halfLife/time.Second))) * time.Second)
		}
		n.told = n.Score()
		peers[p] = n
	}
	s.mu.Lock()
	s.peers = peers
	s.mu.Unlock()
	return nil
}
