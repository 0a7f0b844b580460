package swarm

import "fmt"

// Mode says what the exchange does for others and for itself.
type Mode string

// Modes of an Exchange.
const (
	ModeShare Mode = "share" // fetches and serves
	ModeLeech Mode = "leech" // fetches, serves nobody and announces nothing
	ModeOff   Mode = "off"   // neither fetches nor serves; fetches wait
)

// ExchangeConfig is what an operator writes about the exchange of blocks.
type ExchangeConfig struct {
	// Mode is "share", "leech" or "off". It can be changed while running.
	Mode Mode `toml:"mode"`

	// UploadLimit and DownloadLimit are in bytes per second; 0 means no limit.
	// 8000 is a 64 kbit/s line. They count block messages; handshakes,
	// acknowledgements and announcements add a few per cent. Lower is more
	// polite and slower for others, or for this node. They can be changed while
	// running.
	UploadLimit   int64 `toml:"upload_limit"`
	DownloadLimit int64 `toml:"download_limit"`

	// Workers is the number of block messages that are sent side by side, 1 to
	// 64. Fewer waste uplink while one receiver is slow; more spread it over
	// blocks that all arrive late. In trials 1, 2, 4 and 8 took 5.1, 4.1, 3.8
	// and 3.7 s, and 16 no less; a seed whose connections are cold needs 16,
	// because each holds a worker for a whole round trip.
	Workers int `toml:"workers"`
}

// DefaultExchangeConfig returns the configuration of a camera or a seed.
func DefaultExchangeConfig() ExchangeConfig {
	return ExchangeConfig{Mode: ModeShare, Workers: 16}
}

// Validate says what is wrong with the configuration.
func (c *ExchangeConfig) Validate() error {
	if err := c.Mode.validate(); err != nil {
		return err
	}
	if c.UploadLimit < 0 || c.DownloadLimit < 0 {
		return fmt.Errorf("swarm: upload_limit and download_limit are bytes per second, 0 for no limit; got %d and %d", c.UploadLimit, c.DownloadLimit)
	}
	if c.Workers < 1 || c.Workers > 64 {
		return fmt.Errorf("swarm: workers is %d, set it to 1 to 64", c.Workers)
	}
	return nil
}

func (m Mode) validate() error {
	switch m {
	case ModeShare, ModeLeech, ModeOff:
		return nil
	}
	return fmt.Errorf("swarm: mode is %q, set it to %q, %q or %q", m, ModeShare, ModeLeech, ModeOff)
}
