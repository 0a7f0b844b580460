package sim

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/verify"
)

// A history is what the real registry contract answered after each transaction
// of a scenario, recorded on a development chain before the simulation starts.
// In virtual time it is replayed byte for byte but for the block's number and
// time, behind the same interface as the client of a real endpoint.
type history struct {
	registry verify.RegistryRef
	product  verify.ProductID
	regions  []verify.Region
	states   []map[string]string // by call data in hexadecimal: the result of eth_call
}

// record asks the contract for its present answers and appends them as the next
// state.
func (h *history) record(ctx context.Context, endpoint chainwatch.Caller) error {
	state := map[string]string{}
	for _, r := range h.regions {
		data := "0x" + hex.EncodeToString(chainwatch.EncodeCheck(h.product, r))
		raw, err := endpoint.Call(ctx, "eth_call", map[string]string{"to": h.registry.Address.String(), "data": data}, "latest")
		if err != nil {
			return fmt.Errorf("record the registry's answer: %w", err)
		}
		var result string
		if err := json.Unmarshal(raw, &result); err != nil {
			return fmt.Errorf("record the registry's answer: %w", err)
		}
		state[data] = result
	}
	h.states = append(h.states, state)
	return nil
}

// A chain replays a history in virtual time.
type chain struct {
	history *history
	model   Chain
	start   time.Time // of the virtual chain

	mu      sync.Mutex
	state   int // index into history.states
	servers []server
}

// server is one operator's endpoint as all nodes have it together, guarded by
// chain.mu.
type server struct {
	serving, most     int // connections now, and at most so far
	answered, refused int // calls
}

// take gives a connection a slot. It is false if there is none.
func (c *chain) take(operator int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.servers[operator]
	if c.model.Slots > 0 && s.serving >= c.model.Slots {
		s.refused++
		return false
	}
	s.serving++
	s.answered++
	s.most = max(s.most, s.serving)
	return true
}

func (c *chain) give(operator int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers[operator].serving--
}

// load sums up what was asked of all endpoints.
func (c *chain) load() (all server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		all.answered += s.answered
		all.refused += s.refused
		all.most = max(all.most, s.most)
	}
	return all
}

// blockTime is IoTeX's: 2.5 s between blocks.
const blockTime = 2500 * time.Millisecond

// firstBlock is the virtual chain's height at its start, beyond every height
// that was recorded.
const firstBlock = 1_000_000

// set makes a state of the history the present one, as a block with the
// transactions up to it would.
func (c *chain) set(state int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
}

// answer is the result of eth_call now, with the block's number and time in
// their words of the returned struct (behind the offset word), and the state that
// it is of.
func (c *chain) answer(data string) (result string, state int, ok bool) {
	c.mu.Lock()
	state = c.state
	c.mu.Unlock()
	result, ok = c.history.states[state][data]
	if !ok {
		return "", state, false
	}
	b, err := hex.DecodeString(result[2:])
	if err != nil {
		return "", state, false
	}
	since := time.Since(c.start)
	word := func(i int) []byte { return b[32*(i+2)-8 : 32*(i+2)] }
	binary.BigEndian.PutUint64(word(1), firstBlock+uint64(since/blockTime))
	binary.BigEndian.PutUint64(word(2), uint64(c.start.Add(since/blockTime*blockTime).Unix()))
	return "0x" + hex.EncodeToString(b), state, true
}

// keepAlive is how long an idle HTTPS connection lasts: what the real client of
// package chainwatch allows.
const keepAlive = 15 * time.Second

// heard is what a node has been told by the operators since it started: for the
// last look, which is held without asking the node.
type heard struct {
	mu   sync.Mutex
	last map[heardFrom]time.Time
}

type heardFrom struct {
	operator, state int
}

func (h *heard) note(operator, state int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last[heardFrom{operator, state}] = time.Now()
}

// confirmed is the newest state that so many operators have told the node within a
// time, and for how long that has been so; state -1: none.
func (h *heard) confirmed(need int, within time.Duration) (state int, age time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ages := map[int][]time.Duration{}
	for from, at := range h.last {
		if d := time.Since(at); d <= within {
			ages[from.state] = append(ages[from.state], d)
		}
	}
	state = -1
	for s, a := range ages {
		if len(a) >= need && s > state {
			slices.Sort(a)
			state, age = s, a[need-1]
		}
	}
	return state, age
}

// endpoint is one operator's server as one node sees it.
type endpoint struct {
	chain    *chain
	operator int
	heard    *heard
	rtt      time.Duration
	down     bool
	camera   Camera // that asks

	mu   sync.Mutex
	used time.Time // when the connection was last used; zero: never
}

// endpoints returns the configuration of a node's endpoints and the dialler that
// stands for the HTTP client. The round trips are drawn from rng; what is answered
// is noted in h.
func (c *chain) endpoints(rng *rand.Rand, h *heard, asks Camera) ([]chainwatch.Endpoint, func(chainwatch.Endpoint) (chainwatch.Caller, error)) {
	var list []chainwatch.Endpoint
	callers := map[string]*endpoint{}
	for i := range c.model.Operators {
		e := chainwatch.Endpoint{URL: fmt.Sprintf("https://operator-%d.example", i+1), Operator: fmt.Sprintf("operator-%d", i+1)}
		list = append(list, e)
		spread := int64(c.model.RTTMax - c.model.RTTMin)
		callers[e.URL] = &endpoint{
			chain: c, operator: i, heard: h, camera: asks, rtt: c.model.RTTMin + time.Duration(rng.Int64N(spread+1)),
			down: i >= c.model.Operators-c.model.Down,
		}
	}
	return list, func(e chainwatch.Endpoint) (chainwatch.Caller, error) { return callers[e.URL], nil }
}

// Call implements chainwatch.Caller.
func (e *endpoint) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	if e.down {
		<-ctx.Done()
		return nil, &verify.Error{Attack: "drop_request", Err: fmt.Errorf("no answer in time: %w", ctx.Err())}
	}
	e.mu.Lock()
	fresh := e.used.IsZero() || time.Since(e.used) > keepAlive
	e.used = time.Now()
	e.mu.Unlock()
	if err := e.serve(ctx, fresh); err != nil {
		return nil, err
	}
	var result any
	told := -1
	switch method {
	case "eth_chainId":
		result = fmt.Sprintf("0x%x", e.chain.history.registry.ChainID)
	case "eth_call":
		call, err := json.Marshal(params[0])
		if err != nil {
			return nil, err
		}
		var q struct {
			Data string `json:"data"`
		}
		if err := json.Unmarshal(call, &q); err != nil {
			return nil, err
		}
		answer, state, ok := e.chain.answer(q.Data)
		if !ok {
			return nil, fmt.Errorf("the scenario recorded no answer to %s", q.Data)
		}
		result, told = answer, state
	default:
		return nil, fmt.Errorf("the simulated endpoint has no method %s", method)
	}
	if err := sleep(ctx, e.rtt/2+e.camera.look(fresh)); err != nil {
		return nil, err
	}
	if told >= 0 {
		e.heard.note(e.operator, told)
	}
	return json.Marshal(result)
}

// serve waits until the endpoint has dealt with a call: TCP and TLS 1.3, if the
// connection is fresh, half a round trip, and what it takes itself, with a slot.
func (e *endpoint) serve(ctx context.Context, fresh bool) error {
	there, held := e.rtt/2, e.chain.model.Server
	if fresh {
		there, held = e.rtt*3/2, e.rtt+e.chain.model.Handshake+held
	}
	if err := sleep(ctx, there); err != nil {
		return err
	}
	slot := e.chain.take(e.operator)
	if slot {
		defer e.chain.give(e.operator)
	}
	if err := sleep(ctx, held); err != nil {
		return err
	}
	if slot {
		return nil
	}
	if err := sleep(ctx, e.rtt/2); err != nil {
		return err
	}
	return verify.Soft("rpc_rate_limited", "%w", &chainwatch.RetryError{Err: errors.New("the endpoint is limiting requests (HTTP 429)")})
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
