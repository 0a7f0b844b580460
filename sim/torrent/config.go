package torrent

import (
	"errors"
	"fmt"
	"time"
)

// Choking says to whom a client uploads.
type Choking string

const (
	// TitForTat is what BEP 3 describes, as mainline BitTorrent does it: Slots
	// interested neighbours, those that send most, one of them by optimism, which
	// changes every third round. A complete client serves all in turn.
	TitForTat Choking = "tit-for-tat"
	// Credit is anacrolix/torrent's: every neighbour that has something to give and
	// was not sent over 100 KiB more than it sent; a complete client serves all.
	Credit Choking = "credit"
	// Everybody is served by everybody: what suits a crowd of which nobody cheats.
	Everybody Choking = "everybody"
)

// credit is what a neighbour may be ahead, of Credit.
const credit = 100 << 10

// ErrConfig is wrapped by the errors of [Config.Validate].
var ErrConfig = errors.New("torrent: bad configuration")

// Config are the choices that clients differ in.
type Config struct {
	// Choking is whom it serves.
	Choking Choking
	// Slots is how many interested neighbours TitForTat serves at a time, the
	// optimistic one among them: "four peers" in BEP 3.
	Slots int
	// Round is the time between two choices, "once every ten seconds".
	Round time.Duration
	// Requests is how many requests wait at a neighbour. BEP 3 has five as the
	// default of the first client; those of today take more. More keeps long and
	// fast lines busy, and leaves more with a slow neighbour.
	Requests int
}

// DefaultConfig is BEP 3's.
func DefaultConfig() Config {
	return Config{Choking: TitForTat, Slots: 4, Round: 10 * time.Second, Requests: 16}
}

// Validate returns an error that wraps ErrConfig.
func (c Config) Validate() error {
	switch {
	case c.Choking != TitForTat && c.Choking != Credit && c.Choking != Everybody:
		return fmt.Errorf("%w: choking is %q; write %s, %s or %s", ErrConfig, c.Choking, TitForTat, Credit, Everybody)
	case c.Slots < 2 || c.Slots > 1000 || c.Requests < 1 || c.Requests > 1000 || c.Round <= 0:
		return fmt.Errorf("%w: %d slots, %d requests, rounds of %v; slots are 2 to 1000, requests 1 to 1000", ErrConfig, c.Slots, c.Requests, c.Round)
	}
	return nil
}
