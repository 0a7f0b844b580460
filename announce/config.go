package announce

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig is wrapped by every error of [Config.Validate].
var ErrConfig = errors.New("announce: bad config")

// Config is what an operator may set.
type Config struct {
	// Degree is the number of neighbours that an announcement is pushed to in
	// a topic's mesh; between two thirds of it and twice it are kept. More
	// spreads faster and survives more hostile neighbours, at the cost of one
	// envelope (1-4 KB) per neighbour and announcement; less saves uplink.
	// 2..32; a camera, with at most 16 connections, has 4.
	Degree int `toml:"degree"`

	// Heartbeat is how often links of the mesh are mended and neighbours outside it
	// are told what has come lately. Announcements do not wait for it: they are
	// pushed along the mesh at once, and a new neighbour is asked for the latest. What
	// comes after that question, before one of the two has made the link part of its
	// mesh, is heard of a heartbeat later. Longer wakes an idle device less often;
	// shorter mends sooner. 1 s..1 min.
	Heartbeat time.Duration `toml:"heartbeat"`

	// LookTimeout is how long one announcement waits for a look at the chain
	// before it is held for later. Longer suits slow endpoints; shorter frees
	// validation sooner. 100 ms..1 min.
	LookTimeout time.Duration `toml:"look_timeout"`

	// HoldFor is how long an announcement that is ahead of the chain's view is
	// kept and judged again. Longer survives longer outages of the chain's
	// endpoints; after it the peers' answers on connect are the way. 10 s..24 h.
	HoldFor time.Duration `toml:"hold_for"`

	// HintBurst and HintEvery are the budget, per product, of looks at the
	// chain caused by claims that prove nothing: bare hints, and known
	// envelopes with a higher rev. A flood of them costs at most HintBurst +
	// duration/HintEvery looks, and as long as any claim is held another 6 +
	// one a minute. More reacts faster while under attack; less costs fewer
	// calls. Burst 1..100, every 1 s..1 h.
	HintBurst int           `toml:"hint_burst"`
	HintEvery time.Duration `toml:"hint_every"`

	// TellWithin is how long at most, at random, a node waits before it tells its
	// neighbours by a bare hint that the view of the registry rose; it keeps quiet
	// if it hears of that revision before. Longer saves messages where many learn of
	// a change at one moment; 0 tells at once and always, which is for seeds. 0..1 min.
	TellWithin time.Duration `toml:"tell_within"`

	// PeerBurst and PeerEvery are the rate of messages taken from one peer, per
	// followed product: PeerBurst at once and then one every PeerEvery. What
	// is over is dropped unread, before pubsub remembers it, so that the same
	// message from an honest peer still counts. Burst 4..1000, every 10 ms..1 min.
	PeerBurst int           `toml:"peer_burst"`
	PeerEvery time.Duration `toml:"peer_every"`
}

// DefaultConfig returns the settings of a camera.
func DefaultConfig() Config {
	return Config{
		Degree:      4,
		Heartbeat:   5 * time.Second,
		LookTimeout: 5 * time.Second,
		HoldFor:     10 * time.Minute,
		HintBurst:   5,
		HintEvery:   time.Minute,
		TellWithin:  time.Second,
		PeerBurst:   16,
		PeerEvery:   2 * time.Second,
	}
}

// SeedConfig returns the settings of a seed: a camera's with a wider mesh, which
// is mended at once and tells at once of changes on the chain.
func SeedConfig() Config {
	c := DefaultConfig()
	c.Degree = 8
	c.Heartbeat = time.Second
	c.TellWithin = 0
	return c
}

// Validate checks every field; errors wrap [ErrConfig] and name the field and
// its range.
func (c Config) Validate() error {
	return errors.Join(
		within("degree", c.Degree, 2, 32),
		within("heartbeat", c.Heartbeat, time.Second, time.Minute),
		within("look_timeout", c.LookTimeout, 100*time.Millisecond, time.Minute),
		within("hold_for", c.HoldFor, 10*time.Second, 24*time.Hour),
		within("hint_burst", c.HintBurst, 1, 100),
		within("hint_every", c.HintEvery, time.Second, time.Hour),
		within("tell_within", c.TellWithin, 0, time.Minute),
		within("peer_burst", c.PeerBurst, 4, 1000),
		within("peer_every", c.PeerEvery, 10*time.Millisecond, time.Minute),
	)
}

func within[T int | time.Duration](field string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%w: %s is %v: set it between %v and %v", ErrConfig, field, v, low, high)
	}
	return nil
}
