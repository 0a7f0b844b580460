package swarm

import (
	"fmt"
	"time"

	"camswarm/swarm/units"
)

// Mode says what the exchange does for others and for itself.
type Mode string

// Modes of an Exchange.
const (
	ModeShare Mode = "share"    // fetches and serves
	ModeLAN   Mode = "lan-only" // the same, with peers that are near alone; asks no origin
	ModeLeech Mode = "leech"    // fetches, serves nobody and announces nothing
	ModeOff   Mode = "off"      // neither fetches nor serves; fetches wait
)

// Scope is with whom blocks are exchanged in one direction, the least first.
type Scope uint8

// Scopes.
const (
	ScopeNone Scope = iota // nobody
	ScopeNear              // peers that are near, see ExchangeOptions.Near
	ScopeAll               // everybody
)

// String returns the scope's word: "nobody", "lan" or "all".
func (s Scope) String() string { return [...]string{"nobody", "lan", "all"}[min(s, ScopeAll)] }

// Scopes returns with whom a mode exchanges blocks, in each direction.
func (m Mode) Scopes() (serve, fetch Scope) {
	switch m {
	case ModeShare:
		return ScopeAll, ScopeAll
	case ModeLAN:
		return ScopeNear, ScopeNear
	case ModeLeech:
		return ScopeNone, ScopeAll
	default:
		return ScopeNone, ScopeNone
	}
}

// Scopes returns with whom several modes let blocks be exchanged together: what all of
// them allow; without any, with everybody.
func Scopes(modes ...Mode) (serve, fetch Scope) {
	serve, fetch = ScopeAll, ScopeAll
	for _, m := range modes {
		s, f := m.Scopes()
		serve, fetch = min(serve, s), min(fetch, f)
	}
	return serve, fetch
}

// ExchangeConfig is what an operator writes about the exchange of blocks.
type ExchangeConfig struct {
	// Mode is "share", "lan-only", "leech" or "off". It can be changed while running.
	Mode Mode `toml:"mode"`

	// UploadLimit and DownloadLimit bound what is sent and received, such as
	// "64kbit/s", "1.5MB/s" or a number of bytes per second; less than 64 kbit/s
	// counts as that; 0 means no limit. They count block messages; handshakes,
	// acknowledgements and announcements add a few per cent. Lower is more
	// polite and slower for others, or for this node. They can be changed while
	// running.
	UploadLimit   units.Rate `toml:"upload_limit"`
	DownloadLimit units.Rate `toml:"download_limit"`

	// Workers is the number of block messages that are sent side by side, 1 to
	// 64. Fewer waste uplink while connections are cold: each holds a worker
	// for up to a round trip. More overfill the line, which drops packets: a
	// camera at 20 Mbit/s up lost 0.5, 0.8, 1.1 and 1.3 % of its bytes with 3,
	// 5, 8 and 16. A seed at 100 Mbit/s or more with hundreds of peers wants
	// 16, which is a seed's default.
	Workers int `toml:"workers"`

	// Drain is for how long a node that is told to stop goes on sending what peers
	// wait for, while it denies what they want from then on. Longer keeps a seed's
	// last downloads from breaking off; the service manager must allow some seconds
	// more. 0: it stops at once. At most 10 minutes.
	Drain time.Duration `toml:"drain"`
}

// SeedWorkers is the number of Workers of a seed.
const SeedWorkers = 16

// SeedDrain is the Drain of a seed: below the 30 s that service managers allow.
const SeedDrain = 20 * time.Second

// MinLimit is the least limit: 64 kbit/s. Time-outs and the sizes of messages are made
// for lines from there up; peers give up on blocks that come more slowly.
const MinLimit units.Rate = 8000

// CheckLimit refuses a rate below [MinLimit] that is not 0.
func CheckLimit(name string, r units.Rate) error {
	if r != 0 && r < MinLimit {
		return fmt.Errorf("%s is %s, and must be at least %s (64 kbit/s), or 0 for no limit", name, r, MinLimit)
	}
	return nil
}

// maxDrain is the longest Drain.
const maxDrain = 10 * time.Minute

// DefaultExchangeConfig returns the configuration of a camera.
func DefaultExchangeConfig() ExchangeConfig {
	return ExchangeConfig{Mode: ModeShare, Workers: 5}
}

// Validate says what is wrong with the configuration.
func (c *ExchangeConfig) Validate() error {
	if err := c.Mode.Validate(); err != nil {
		return err
	}
	if err := CheckLimit("upload_limit", c.UploadLimit); err != nil {
		return fmt.Errorf("swarm: %w", err)
	}
	if err := CheckLimit("download_limit", c.DownloadLimit); err != nil {
		return fmt.Errorf("swarm: %w", err)
	}
	if c.Workers < 1 || c.Workers > 64 {
		return fmt.Errorf("swarm: workers is %d, set it to 1 to 64", c.Workers)
	}
	if c.Drain < 0 || c.Drain > maxDrain {
		return fmt.Errorf("swarm: drain is %v, set it to 0 to %v", c.Drain, maxDrain)
	}
	return nil
}

// Validate refuses what is no mode.
func (m Mode) Validate() error {
	switch m {
	case ModeShare, ModeLAN, ModeLeech, ModeOff:
		return nil
	}
	return fmt.Errorf("swarm: mode is %q, set it to %q, %q, %q or %q", m, ModeShare, ModeLAN, ModeLeech, ModeOff)
}
