package chainwatch

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"camswarm/chainwatch/internal/web"
	"camswarm/verify"
)

// ErrConfig is wrapped by every error of [Config.Validate].
var ErrConfig = errors.New("chain configuration")

// Endpoint is one JSON-RPC server.
type Endpoint struct {
	// URL is the http or https address. Plain http is for one's own gateway on
	// the same host or LAN: over the Internet anybody on the path can change
	// answers (which costs that operator's vote, not the quorum).
	URL string `toml:"url"`
	// Operator names who runs the server. Endpoints of one operator have one
	// vote together, since one mistake or break-in there can turn all of them.
	// It may be empty when there is only one endpoint.
	Operator string `toml:"operator"`
}

// Config says where the registry contract is and whom to ask about it.
type Config struct {
	// ChainID is the EIP-155 chain id: 4689 IoTeX mainnet, 4690 testnet.
	ChainID uint64 `toml:"chain_id"`
	// Registry is the contract's address, 0x or io1 form.
	Registry string `toml:"registry"`
	// Endpoints are the servers to ask, at most 16. Each look asks all of them in
	// parallel. More operators tolerate more liars and outages and cost about
	// 4 KB per look each.
	Endpoints []Endpoint `toml:"endpoints"`
	// QuorumStart is how many operators must say the same before anything new
	// (a release, a key set, a wider rollout) is believed. It must be more than
	// half of the operators, so that two quorums can never contradict each
	// other. Larger tolerates more liars and fewer outages. 0: all of
	// one or two, 2 of 3, from four on three quarters rounded up (3 of 4, 6 of 8).
	QuorumStart int `toml:"quorum_start"`
	// QuorumStop is how many operators suffice to stop (pause, halt, revoke), at
	// most QuorumStart. Smaller stops sooner and lets fewer liars delay an
	// update. 0: two, or one where there is but one.
	QuorumStop int `toml:"quorum_stop"`
	// Finality is the block tag to read at: "latest" where blocks are final at
	// once (IoTeX), "safe" or "finalized" on chains that reorganise.
	Finality string `toml:"finality"`
	// Poll is the time between looks when nothing else asks for one. Longer
	// saves traffic; announcements still bring news at once.
	Poll time.Duration `toml:"poll"`
	// PollJitter is added to Poll, uniformly from 0, so that a fleet does not
	// look at the same moment.
	PollJitter time.Duration `toml:"poll_jitter"`
	// Timeout bounds one endpoint's part of a look, all calls and bytes
	// included; it also ends byte-by-byte answers.
	Timeout time.Duration `toml:"timeout"`
	// MinGap is the shortest time between two looks, however many ask. Shorter
	// notices a publication sooner after its announcement outran the endpoints;
	// a block takes 2.5 s on IoTeX.
	MinGap time.Duration `toml:"min_gap"`
	// MaxStale is how far an endpoint's head may lag behind the others, or
	// behind the chain time that a quorum confirmed earlier plus the time passed
	// since, before it loses its vote to start something. It must be longer than
	// the pauses between blocks. 0 switches the check off, for a development
	// chain that makes blocks only when there are transactions.
	MaxStale time.Duration `toml:"max_stale"`
}

// DefaultConfig returns the defaults of a camera on a chain with instant
// finality. ChainID, Registry and Endpoints have none.
func DefaultConfig() Config {
	return Config{
		Finality:   "latest",
		Poll:       24 * time.Hour,
		PollJitter: 2 * time.Hour,
		Timeout:    10 * time.Second,
		MinGap:     2 * time.Second,
		MaxStale:   10 * time.Minute,
	}
}

// Thresholds are numbers of operators.
type Thresholds struct {
	Start int // to believe something new
	Stop  int // to stop something
}

// DefaultThresholds derives the thresholds from the number of independent
// operators: start 1 of 1, 2 of 2, 2 of 3, and three quarters rounded up from 4
// on (3 of 4, 4 of 5, 6 of 8), so that a quarter may lie or be down; stop with 2,
// or 1 when there is only one, so that no operator can stop a fleet alone unless
// it is trusted alone.
func DefaultThresholds(operators int) Thresholds {
	start := (3*operators + 3) / 4
	if operators == 3 {
		start = 2
	}
	return Thresholds{Start: start, Stop: min(2, start)}
}

// Operators returns the number of independent operators.
func (c Config) Operators() int {
	seen := map[string]bool{}
	for _, e := range c.Endpoints {
		seen[e.operator()] = true
	}
	return len(seen)
}

// Thresholds returns the thresholds in force.
func (c Config) Thresholds() Thresholds {
	t := DefaultThresholds(c.Operators())
	if c.QuorumStart != 0 {
		t.Start = c.QuorumStart
		t.Stop = min(t.Stop, t.Start)
	}
	if c.QuorumStop != 0 {
		t.Stop = c.QuorumStop
	}
	return t
}

// registry returns the contract that the configuration names.
func (c Config) registry() (verify.RegistryRef, error) {
	address, err := verify.ParseAddress(c.Registry)
	if err != nil {
		return verify.RegistryRef{}, fmt.Errorf("%w: registry: %w", ErrConfig, err)
	}
	return verify.RegistryRef{ChainID: c.ChainID, Address: address}, nil
}

// Validate checks every field and says what to change.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if c.ChainID == 0 {
		bad("chain_id is missing (IoTeX: 4689 mainnet, 4690 testnet)")
	}
	if a, err := verify.ParseAddress(c.Registry); err != nil {
		bad("registry: %v", err)
	} else if a == (verify.Address{}) {
		bad("registry is the zero address; set it to the deployed contract")
	}
	if n := len(c.Endpoints); n == 0 || n > maxEndpoints {
		bad("%d endpoints; give 1 to %d", n, maxEndpoints)
	}
	seen := map[string]bool{}
	for i, e := range c.Endpoints {
		if _, err := e.parse(); err != nil {
			bad("endpoints[%d]: %v", i, err)
		}
		if e.Operator == "" && len(c.Endpoints) > 1 {
			bad("endpoints[%d] (%s): operator is missing; endpoints of one operator count as one vote", i, e.Redacted())
		}
		if seen[e.URL] {
			bad("endpoints[%d] (%s) stands twice", i, e.Redacted())
		}
		seen[e.URL] = true
	}
	if n, t := c.Operators(), c.Thresholds(); n > 0 {
		if t.Start > n || 2*t.Start <= n {
			bad("quorum_start is %d of %d operators; it must be more than half and at most all of them", t.Start, n)
		}
		if t.Stop < 1 || t.Stop > t.Start {
			bad("quorum_stop is %d; it must be at least 1 and at most quorum_start (%d)", t.Stop, t.Start)
		}
	}
	switch c.Finality {
	case "latest", "safe", "finalized":
	default:
		bad("finality is %q; it must be latest, safe or finalized", c.Finality)
	}
	if c.Poll < time.Second {
		bad("poll is %v; it must be at least 1s", c.Poll)
	}
	if c.PollJitter < 0 {
		bad("poll_jitter is negative")
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > web.CallTimeout {
		bad("timeout is %v; it must be between 100ms and %v", c.Timeout, web.CallTimeout)
	}
	if c.MinGap < 100*time.Millisecond {
		bad("min_gap is %v; it must be at least 100ms", c.MinGap)
	}
	if c.MaxStale != 0 && c.MaxStale < time.Minute {
		bad("max_stale is %v; it must be at least 1m, or 0 to switch the check off", c.MaxStale)
	}
	return errors.Join(errs...)
}

// operator is the group an endpoint votes in.
func (e Endpoint) operator() string { return strings.ToLower(strings.TrimSpace(e.Operator)) }

func (e Endpoint) parse() (*url.URL, error) {
	if len(e.URL) > maxURL {
		return nil, fmt.Errorf("the url is %d bytes long, at most %d are allowed", len(e.URL), maxURL)
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, errors.New("the url cannot be read; write it like https://host/path") // the parser's error would repeat credentials
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("the url %s must start with http:// or https:// and name a host", web.Redact(u))
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("the url %s must not have a #fragment", web.Redact(u))
	}
	return u, nil
}

// Redacted returns the URL without what may be a credential: user info, the
// query, and path segments of 16 or more bytes, where providers put API keys.
func (e Endpoint) Redacted() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "(unreadable url)"
	}
	return web.Redact(u)
}

// warning says what a person should know about an endpoint's URL, or "".
func (e Endpoint) warning() string {
	u, err := e.parse()
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return ""
	}
	return "plain http: anybody on the path can change this endpoint's answers; use https, or a gateway on this host"
}
