package beacon

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig is wrapped by every error of [Config.Validate].
var ErrConfig = errors.New("beacon: bad config")

// Config is what an operator, or a camera's owner, may set.
type Config struct {
	// Tell has a camera tell one of its seeds, in about 150 bytes each time that it
	// changes and every 6 h: its product, region and label, the release that it runs,
	// and what became of the newest. Default false: nothing is told.
	Tell bool `toml:"tell"`
	// Spread is the time, at random, by which a camera waits before it tells of a change,
	// so that a fleet's news do not come at one moment. Longer is easier on seeds, and
	// hides better when a camera restarted; shorter shows a bad release sooner. 0..1 h.
	Spread time.Duration `toml:"spread"`

	// Count has a seed count what cameras tell. Default true on a seed.
	Count bool `toml:"count"`
	// Keep is for how long a beacon counts that is not renewed, in memory only: a camera
	// that is gone is counted that long, one that cannot reach its seed for longer is
	// not. 7 h..7 days.
	Keep time.Duration `toml:"keep"`
	// Overdue is how long an installed release may stay unconfirmed before the camera is
	// counted among those that may be lost. Longer than install.confirm_within of the
	// cameras, or honest ones are counted. 1 min..24 h.
	Overdue time.Duration `toml:"overdue"`
	// MinGroup is from how many networks (IPv4 /24, IPv6 /56) cameras must share a region
	// and a label before the pair is named in what a seed gives out; smaller groups are
	// counted with others. Those behind relays are one network; at private addresses, on
	// the seed's own network, each camera counts as one. Larger hides homes better,
	// smaller shows more. 1 hides nothing. 1..1000.
	MinGroup int `toml:"min_group"`
	// PerNetwork is how many cameras of one network (IPv4 /24, IPv6 /56) count, so that
	// whoever makes up identities needs addresses too. Larger suits fleets behind few
	// addresses, such as mobile carriers'; smaller bounds liars better. 1..65536.
	PerNetwork int `toml:"per_network"`
}

// DefaultConfig returns the settings of a camera, or of a seed.
func DefaultConfig(seed bool) Config {
	return Config{Spread: 30 * time.Second, Count: seed, Keep: 26 * time.Hour, Overdue: 2 * time.Hour, MinGroup: 5, PerNetwork: 256}
}

// Validate reports the first value that is out of its bounds. The error wraps
// ErrConfig.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	switch {
	case c.Spread < 0 || c.Spread > time.Hour:
		return bad("spread is %v; it must be between 0 and 1h", c.Spread)
	case c.Keep <= RenewEvery || c.Keep > 7*24*time.Hour:
		return bad("keep is %v; it must be between 7h and 168h, since cameras renew every 6h", c.Keep)
	case c.Overdue < time.Minute || c.Overdue > 24*time.Hour:
		return bad("overdue is %v; it must be between 1m and 24h", c.Overdue)
	case c.MinGroup < 1 || c.MinGroup > 1000:
		return bad("min_group is %d; it must be between 1 and 1000", c.MinGroup)
	case c.PerNetwork < 1 || c.PerNetwork > maxDevices:
		return bad("per_network is %d; it must be between 1 and %d", c.PerNetwork, maxDevices)
	}
	return nil
}
