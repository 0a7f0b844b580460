package chainwatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"camswarm/verify"
)

// State says how far an endpoint is trusted at the moment.
type State string

// The states of an endpoint.
const (
	StateUnknown    State = "unknown"     // not asked yet
	StateOK         State = "ok"          // agrees with the quorum
	StateAhead      State = "ahead"       // reports a change that the quorum does not confirm yet
	StateBehind     State = "behind"      // its head or revision is older than the quorum's
	StateContradict State = "contradicts" // says something else than the quorum
	StateSlow       State = "slow"        // did not answer before the others had agreed
	StateFailing    State = "failing"     // no usable answer; LastError says why
)

// EndpointStatus is what a person should know about one endpoint.
type EndpointStatus struct {
	URL       string // credentials redacted
	Operator  string
	State     State
	Warning   string        // about the configuration, "" for none
	LastOK    time.Time     // of the last usable answer; zero: never
	LastError string        // why the last answer was not usable or has no vote; "" when it was
	Attack    string        // the name of that refusal
	Rev       uint64        // of the last usable answer
	Block     uint64        // head block of the last usable answer
	Time      uint64        // that block's time, seconds since 1970
	Latency   time.Duration // of the last usable answer, all its calls
	RetryAt   time.Time     // not asked before; zero: asked in the next look
}

// endpoint is one server with its circuit breaker: after a failure it rests,
// twice as long after each further one, and at least as long as it asked for.
type endpoint struct {
	index    int
	operator string
	host     string
	caller   Caller

	chainOK bool // eth_chainId was right once; used by the one look that runs at a time

	mu       sync.Mutex
	status   EndpointStatus
	failures int
	doubted  bool // reported a lone higher revision that has been asked for again
}

func newEndpoint(i int, e Endpoint, dial func(Endpoint) (Caller, error)) (*endpoint, error) {
	caller, err := dial(e)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.Redacted(), err)
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: endpoint %d: unreadable url", ErrConfig, i)
	}
	return &endpoint{
		index: i, operator: e.operator(), host: u.Host, caller: caller,
		status: EndpointStatus{URL: e.Redacted(), Operator: e.Operator, State: StateUnknown, Warning: e.warning()},
	}, nil
}

// hangUp lets go of connections that wait for the next call.
func (e *endpoint) hangUp() {
	if c, ok := e.caller.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refuse is [verify.Soft] with the endpoint's host in front, which holds no credentials.
func (e *endpoint) refuse(attack, format string, args ...any) *verify.Error {
	return verify.Soft(attack, "%s: "+format, append([]any{e.host}, args...)...)
}

// question is what every endpoint is asked in a look.
type question struct {
	registry verify.RegistryRef
	product  verify.ProductID
	region   verify.Region
	finality string
	data     string // call data in hexadecimal
}

// ask gets the endpoint's answer.
func (e *endpoint) ask(ctx context.Context, q question) (Answer, error) {
	data, err := e.call(ctx, q.registry, q.data, q.finality)
	var rpc *RPCError
	if errors.As(err, &rpc) && verify.AttackName(err) != "rpc_rate_limited" {
		return Answer{}, e.refuse("rpc_refused", "the registry %s does not answer for product %s; check that it is the right contract and that the product was created there: %w", q.registry, q.product, rpc)
	}
	if err != nil {
		return Answer{}, err
	}
	view, err := DecodeView(data, q.registry, q.product, q.region)
	if errors.Is(err, ErrWrongChain) {
		e.chainOK = false
		return Answer{}, e.refuse("rpc_wrong_chain", "%w; correct the endpoint or chain_id", err)
	}
	if err != nil {
		return Answer{}, e.refuse("rpc_malformed", "registry %s: %w", q.registry, err)
	}
	return Answer{Endpoint: e.index, Operator: e.operator, View: view, Content: contentDigest(data)}, nil
}

// call asks a contract and returns its answer, which is never empty. The chain
// id is asked for once, as a clear word about a misconfigured endpoint.
//
// There is no eth_getCode: it would move 50 KB per endpoint and start, and an
// address without code shows itself by an empty answer, one with other code by
// an answer that is not in the canonical form of what was asked.
func (e *endpoint) call(ctx context.Context, contract verify.RegistryRef, data, finality string) ([]byte, error) {
	if !e.chainOK {
		raw, err := e.caller.Call(ctx, "eth_chainId")
		if err != nil {
			return nil, err
		}
		id, err := ParseQuantity(raw)
		if err != nil {
			return nil, e.refuse("rpc_malformed", "eth_chainId: %w", err)
		}
		if id != contract.ChainID {
			return nil, e.refuse("rpc_wrong_chain", "it serves chain %d, not %d; correct the endpoint or chain_id", id, contract.ChainID)
		}
		e.chainOK = true
	}
	message := struct {
		To   string `json:"to"`
		Data string `json:"data"`
	}{contract.Address.String(), data}
	raw, err := e.caller.Call(ctx, "eth_call", message, finality)
	if err != nil {
		return nil, err
	}
	answer, err := parseData(raw)
	if err != nil {
		return nil, e.refuse("rpc_malformed", "eth_call: %w", err)
	}
	if len(answer) == 0 {
		return nil, e.refuse("rpc_wrong_chain", "there is no contract at %s on its chain; correct registry or the endpoint", contract)
	}
	return answer, nil
}

// ready reports whether the endpoint may be asked now, or else when.
func (e *endpoint) ready(now time.Time) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status.RetryAt, !now.Before(e.status.RetryAt)
}

// answered records a usable answer.
func (e *endpoint) answered(a Answer, now time.Time, latency time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures = 0
	s := &e.status
	s.LastOK, s.Latency, s.RetryAt = now, latency, time.Time{}
	s.Rev, s.Block, s.Time = a.View.Rev, a.View.Block, a.View.Time
}

// failed records a look without a usable answer and lets the endpoint rest.
func (e *endpoint) failed(err error, now time.Time, rnd *rand.Rand) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rest := backoff(breakerMin, breakerMax, e.failures, rnd)
	e.failures++
	var retry *RetryError
	if errors.As(err, &retry) {
		rest = max(rest, retry.After)
	}
	e.status.RetryAt = now.Add(rest)
	return e.set(StateFailing, err)
}

// rated records what the look made of a usable answer; err nil: nothing wrong.
func (e *endpoint) rated(state State, err error) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set(state, err)
}

func (e *endpoint) set(state State, err error) (changed bool) {
	s := &e.status
	attack := verify.AttackName(err)
	changed = s.State != state || s.Attack != attack
	s.State, s.Attack, s.LastError = state, attack, ""
	if err != nil {
		s.LastError = err.Error()
	}
	return changed
}

func (e *endpoint) snapshot() EndpointStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// backoff returns least doubled n times, at most most, less up to a quarter at
// random so that a fleet does not come back at one moment.
func backoff(least, most time.Duration, n int, rnd *rand.Rand) time.Duration {
	d := most
	if n < 16 {
		d = min(least<<n, most)
	}
	return d - time.Duration(rnd.Int64N(int64(d)/4+1))
}
