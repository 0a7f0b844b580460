package control

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"camswarm/swarm"
	"camswarm/swarm/units"
	"camswarm/verify"
)

// Limits are what may be changed while a node runs. They last until it stops, or,
// with LimitsChange.Keep, until the configuration says something else.
type Limits struct {
	UploadLimit   units.Rate `json:"uploadLimit"`          // bytes per second; 0: no limit
	DownloadLimit units.Rate `json:"downloadLimit"`        // bytes per second; 0: no limit
	Mode          swarm.Mode `json:"mode"`                 // "share", "lan-only", "leech" or "off"
	Metered       bool       `json:"metered"`              // the line costs by the byte: polite.metered_mode holds
	QuietHours    string     `json:"quietHours,omitempty"` // daily span of local time in which quietMode holds; "": none
	QuietMode     swarm.Mode `json:"quietMode,omitempty"`  // the mode in quiet hours
}

// LimitsChange changes the limits whose fields are set; the others stay. A rate is
// a number of bytes per second or a string such as "1.5MB/s" or "16Mbit/s".
type LimitsChange struct {
	UploadLimit   *units.Rate `json:"uploadLimit,omitempty"`
	DownloadLimit *units.Rate `json:"downloadLimit,omitempty"`
	Mode          *swarm.Mode `json:"mode,omitempty"`
	Metered       *bool       `json:"metered,omitempty"`
	QuietHours    *string     `json:"quietHours,omitempty"` // such as "07:00-23:00"; "" ends them
	QuietMode     *swarm.Mode `json:"quietMode,omitempty"`
	Keep          bool        `json:"keep,omitempty"`  // over restarts, until these settings change in the configuration
	Reset         bool        `json:"reset,omitempty"` // to those of the configuration first; forgets what was kept
}

func (c *LimitsChange) validate() error {
	if *c == (LimitsChange{}) {
		return errors.New("nothing to change: set uploadLimit, downloadLimit, mode, metered, quietHours, quietMode, keep or reset")
	}
	for _, m := range []*swarm.Mode{c.Mode, c.QuietMode} {
		if m != nil {
			if err := m.Validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// PoliteStatus is what holds at this moment, for whatever reasons.
type PoliteStatus struct {
	Serves        string     `json:"serves"`              // whom blocks are sent to: "all", "lan" or "nobody"
	Fetches       string     `json:"fetches"`             // whom blocks are asked of: the same
	UploadLimit   units.Rate `json:"uploadLimit"`         // bytes per second; 0: no limit
	DownloadLimit units.Rate `json:"downloadLimit"`       // bytes per second; 0: no limit
	Reasons       []string   `json:"reasons"`             // why it is less than all there is: "mode", "limit" (of either rate), "busy", "metered", "quiet_hours"
	Busy          []Lease    `json:"busy"`                // who asked for the line
	LocalTime     string     `json:"localTime,omitempty"` // that quiet hours and windows go by, RFC 3339; absent while it is not known
}

// Busy asks for the line, for live video: until the lease ends nothing is sent to
// others, and what is fetched comes at polite.busy_download. It takes effect before
// the answer. Ask again before the end to keep it: a process that dies must not stop
// updates for ever.
type Busy struct {
	Seconds int    `json:"seconds"`           // from now on, at most 600; 0 ends the lease
	Holder  string `json:"holder,omitempty"`  // whose lease, at most 32 letters; at most 8 at once
	Inhibit bool   `json:"inhibit,omitempty"` // no install starts meanwhile either
}

// Lease is a Busy that holds.
type Lease struct {
	Holder  string `json:"holder"`
	Seconds int    `json:"seconds"` // left
	Inhibit bool   `json:"inhibit"`
}

// secondsUnsaid stands in a Busy whose request does not say seconds: none must not be
// taken for 0, which ends a lease.
const secondsUnsaid = math.MinInt

func (b *Busy) validate() error {
	if b.Seconds == secondsUnsaid {
		return fmt.Errorf("seconds is missing: write 1 to %d, or 0 to end the lease", MaxLeaseSeconds)
	}
	if b.Seconds < 0 || b.Seconds > MaxLeaseSeconds {
		return fmt.Errorf("seconds is %d; write 0 to %d, and ask again before they are over", b.Seconds, MaxLeaseSeconds)
	}
	if len(b.Holder) > maxHolder || strings.ContainsFunc(b.Holder, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("holder %q: at most %d bytes, all printable", b.Holder, maxHolder)
	}
	return nil
}

// Consent is the owner's answer to a release that waits to be installed.
type Consent struct {
	Product  verify.ProductID `json:"product"`
	Sequence uint64           `json:"sequence"`          // as the status' target shows it
	Answer   Answer           `json:"answer"`            // "now", "later" or "never"
	Seconds  int64            `json:"seconds,omitempty"` // of "later": when to ask again, 60 to 2592000 (30 days)
}

// Answer is what an owner says.
type Answer string

// Answers.
const (
	AnswerNow   Answer = "now"   // install it as soon as chain, window and inhibit file allow
	AnswerLater Answer = "later" // ask again after some seconds
	AnswerNever Answer = "never" // not this release; another answer takes it back
)

// Validate refuses what is no answer.
func (a Answer) Validate() error {
	switch a {
	case AnswerNow, AnswerLater, AnswerNever:
		return nil
	}
	return fmt.Errorf("answer is %q; write %q, %q or %q", string(a), AnswerNow, AnswerLater, AnswerNever)
}

func (c *Consent) validate() error {
	if c.Product == (verify.ProductID{}) {
		return errors.New("product is missing: it is products[].id of /v1/status")
	}
	if err := c.Answer.Validate(); err != nil {
		return err
	}
	switch {
	case c.Answer == AnswerLater && (c.Seconds < MinLaterSeconds || c.Seconds > MaxLaterSeconds):
		return fmt.Errorf("seconds is %d; \"later\" takes %d to %d", c.Seconds, MinLaterSeconds, MaxLaterSeconds)
	case c.Answer != AnswerLater && c.Seconds != 0:
		return errors.New("seconds goes with \"later\" alone")
	case c.Sequence == 0:
		return errors.New("sequence is missing: name the release that the status shows as target")
	}
	return nil
}

// ConsentStatus is where a release stands with its owner.
type ConsentStatus struct {
	State string    `json:"state"`          // "wanted", or the answer
	Until time.Time `json:"until,omitzero"` // of "later"
}

// Errors of politeness and consent.
var (
	// ErrConsent refuses an answer that nobody waits for.
	ErrConsent = errors.New("no release waits for that answer")
	// ErrLeases refuses one Busy lease too many.
	ErrLeases = errors.New("too many programs hold the line busy already")
	// ErrWrongLimit is wrapped by what is wrong with a LimitsChange.
	ErrWrongLimit = errors.New("limits")
)
