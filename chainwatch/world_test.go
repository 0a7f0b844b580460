package chainwatch

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/prometheus/client_golang/prometheus"
)

// What the tests watch.
var (
	testProduct  = verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}.ID()
	testRegion   = verify.Region("eu-north")
	testRegistry = verify.RegistryRef{ChainID: 4690, Address: verify.Address{0xaa, 1, 2, 3}}
)

var registryABI = func() *abi.ABI {
	parsed, err := bindings.FirmwareRegistryMetaData.ParseABI()
	if err != nil {
		panic(err)
	}
	return parsed
}()

// encodeView encodes a view as the contract does, with go-ethereum's encoder.
func encodeView(v verify.View, keys ...[]byte) []byte {
	out := bindings.FirmwareRegistryView{
		ChainId:     new(big.Int).SetUint64(v.Registry.ChainID),
		BlockNumber: v.Block, BlockTime: v.Time,
		Rev: v.Rev, RevBlock: v.RevBlock, Digest: v.Digest,
		Paused: v.Paused, Latest: v.Latest, MinSequence: v.MinSequence, Barrier: v.Barrier,
		Manufacturer: string(v.Manufacturer), Threshold: uint8(v.Keys.Threshold), Keys: keys,
	}
	for _, k := range v.Keys.Keys {
		out.Keys = append(out.Keys, k.Bytes())
	}
	for _, c := range v.Candidates {
		out.Candidates = append(out.Candidates, bindings.FirmwareRegistryCandidate{
			Release: bindings.FirmwareRegistryReleaseInfo{
				Sequence: c.Sequence, PublishedAt: c.PublishedAt, ImageSize: c.ImageSize,
				ImageSha256: c.ImageSHA256, Envelope: c.Envelope, Revoked: c.Revoked, Version: c.Version,
			},
			Halted: c.Rollout.Halted,
			Policy: bindings.FirmwareRegistryPolicy{
				Mode: uint8(c.Rollout.Mode), Warm: c.Rollout.Warm, NotBefore: c.Rollout.NotBefore, Start: c.Rollout.Start,
				Duration: c.Rollout.Duration, StartBps: c.Rollout.StartBps, EndBps: c.Rollout.EndBps,
				Label: c.Rollout.Label, Canaries: c.Rollout.Canaries,
			},
		})
	}
	b, err := registryABI.Methods["check"].Outputs.Pack(out)
	if err != nil {
		panic(err)
	}
	return b
}

// release returns a candidate that every device may install.
func release(seq uint64) verify.Candidate {
	return verify.Candidate{
		Release: verify.Release{
			Product: testProduct, Sequence: seq, Version: fmt.Sprintf("1.0.%d", seq), ImageSize: 6_200_000,
			ImageSHA256: [32]byte{1, byte(seq)}, Envelope: [32]byte{2, byte(seq)}, PublishedAt: 1_800_000_000,
		},
		Rollout: verify.Rollout{Mode: verify.RolloutAll, Warm: true},
	}
}

// rogue returns a candidate that only a liar can offer.
func rogue(seq uint64) verify.Candidate {
	c := release(seq)
	c.ImageSHA256, c.Envelope = [32]byte{0xbad & 0xff}, [32]byte{0xba, 0xd0}
	return c
}

// world is the registry's state and its chain's clock, which starts one block
// after the world and runs with the test's virtual time.
type world struct {
	mu    sync.Mutex
	start time.Time
	epoch uint64 // chain time at start
	past  []moment
}

// moment is a state that was in force from some chain time on.
type moment struct {
	time uint64
	view verify.View
}

const worldEpoch = 1_800_000_000 // 2027-01-15

func newWorld() *world {
	w := &world{start: time.Now(), epoch: worldEpoch}
	w.change(func(v *verify.View) {
		v.Latest = 1
		v.Candidates = []verify.Candidate{release(1)}
	})
	return w
}

func (w *world) now() uint64 { return w.epoch + uint64(time.Since(w.start)/time.Second) }

// change mutates the registry as one transaction would.
func (w *world) change(f func(v *verify.View)) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := verify.View{Registry: testRegistry, Product: testProduct, Region: testRegion, Manufacturer: "did:io:0x00000000000000000000000000000000000000aa"}
	if len(w.past) > 0 {
		v = clone(w.past[len(w.past)-1].view)
	}
	v.Rev++
	v.Digest = [32]byte{0xd1, byte(v.Rev), byte(v.Rev >> 8)}
	f(&v)
	v.RevBlock = blockAt(w.now())
	w.past = append(w.past, moment{w.now(), v})
	return v.Rev
}

func (w *world) publish(seq uint64) uint64 {
	return w.change(func(v *verify.View) {
		v.Latest = seq
		v.Candidates = append([]verify.Candidate{release(seq)}, v.Candidates...)
		v.Candidates = v.Candidates[:min(len(v.Candidates), 4)]
	})
}

func clone(v verify.View) verify.View {
	v.Candidates = append([]verify.Candidate(nil), v.Candidates...)
	return v
}

func blockAt(t uint64) uint64 { return (t - worldEpoch) * 2 / 5 }

// at returns the view that a node with its head at chain time t reports.
func (w *world) at(t uint64) verify.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.past[0].view
	for _, m := range w.past {
		if m.time <= t {
			v = m.view
		}
	}
	v = clone(v)
	v.Block, v.Time = blockAt(t), t
	return v
}

// node is one endpoint's behaviour. Zero: honest and immediate.
type node struct {
	world *world
	calls atomic.Int64 // eth_call

	mu      sync.Mutex
	delay   time.Duration
	frozen  uint64                 // head never passes this chain time; 0: follows
	lag     uint64                 // head is this many seconds behind
	lie     func(v *verify.View)   // changes what it says
	fail    func() error           // instead of an answer
	hang    bool                   // answers nothing until the caller gives up
	chainID uint64                 // for eth_chainId; 0: the right one
	raw     func() json.RawMessage // instead of a view
}

func (n *node) set(f func(n *node)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

func (n *node) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	n.mu.Lock()
	delay, hang, fail := n.delay, n.hang, n.fail
	n.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, verify.Soft("drop_request", "no answer in time: %w", ctx.Err())
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, verify.Soft("drop_request", "no answer in time: %w", ctx.Err())
		}
	}
	if fail != nil {
		n.calls.Add(1)
		return nil, fail()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch method {
	case "eth_chainId":
		id := testRegistry.ChainID
		if n.chainID != 0 {
			id = n.chainID
		}
		return json.RawMessage(fmt.Sprintf("\"0x%x\"", id)), nil
	case "eth_call":
		n.calls.Add(1)
		if n.raw != nil {
			return n.raw(), nil
		}
		want := "0x" + hex.EncodeToString(EncodeCheck(testProduct, testRegion))
		sent, err := json.Marshal(params)
		if err != nil || !bytes.Contains(sent, []byte(want)) || !bytes.Contains(sent, []byte(testRegistry.Address.String())) {
			return nil, &RPCError{Code: 3, Message: "execution reverted"}
		}
		t := n.world.now() - n.lag
		if n.frozen != 0 {
			t = min(t, n.frozen)
		}
		v := n.world.at(t)
		if n.lie != nil {
			n.lie(&v)
		}
		return hexJSON(encodeView(v)), nil
	}
	return nil, &RPCError{Code: -32601, Message: "method not found"}
}

func hexJSON(b []byte) json.RawMessage {
	return json.RawMessage(`"0x` + hex.EncodeToString(b) + `"`)
}

// memStore is a CheckpointStore in memory.
type memStore struct {
	mu     sync.Mutex
	b      []byte
	fail   error
	saves  int
	onSave func()
}

func (s *memStore) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b), s.fail
}

// set changes the store's behaviour, kept returns what it holds and how often
// it was written.
func (s *memStore) set(f func(s *memStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *memStore) kept() ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b), s.saves
}

func (s *memStore) Save(_ context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onSave != nil {
		s.onSave()
	}
	if s.fail != nil {
		return s.fail
	}
	s.b = bytes.Clone(b)
	s.saves++
	return nil
}

// bench is a watcher over nodes of one world in a synctest bubble.
type bench struct {
	t     *testing.T
	world *world
	nodes []*node
	cfg   Config
	store *memStore
	reg   *prometheus.Registry
	w     *Watcher
	stop  func() // ends Run and waits for it
}

// newBench makes n endpoints of n operators; start starts the watcher.
func newBench(t *testing.T, n int) *bench {
	b := &bench{t: t, world: newWorld(), cfg: DefaultConfig(), store: &memStore{}}
	b.cfg.ChainID, b.cfg.Registry = testRegistry.ChainID, testRegistry.Address.String()
	b.cfg.Poll, b.cfg.PollJitter = time.Hour, time.Minute
	for i := range n {
		b.nodes = append(b.nodes, &node{world: b.world})
		b.cfg.Endpoints = append(b.cfg.Endpoints, Endpoint{URL: fmt.Sprintf("https://n%d.example", i), Operator: fmt.Sprintf("op%d", i)})
	}
	return b
}

func (b *bench) start() {
	b.t.Helper()
	b.reg = prometheus.NewRegistry()
	w, err := New(b.cfg, testProduct, testRegion, Options{
		Store: b.store, Registerer: b.reg, Rand: rand.New(rand.NewPCG(1, 2)),
		Dial: func(e Endpoint) (Caller, error) {
			for i := range b.cfg.Endpoints {
				if b.cfg.Endpoints[i] == e {
					return b.nodes[i], nil
				}
			}
			return nil, errors.New("no such endpoint")
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	b.w = w
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
	synctest.Wait()
}

func (b *bench) restart() {
	b.stop()
	b.start()
}

// pass lets virtual time go by.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) rev() uint64 {
	v, _ := b.w.Current()
	return v.Rev
}

func (b *bench) wantRev(want uint64) {
	b.t.Helper()
	if got := b.rev(); got != want {
		b.t.Fatalf("the view in force is at revision %d, want %d (status %+v)", got, want, b.w.Status())
	}
}

// wantHonest checks that nothing but the world's own releases is on offer.
func (b *bench) wantHonest() {
	b.t.Helper()
	v, _ := b.w.Current()
	for _, c := range v.Candidates {
		if want := release(c.Sequence); c.Envelope != want.Envelope || c.ImageSHA256 != want.ImageSHA256 {
			b.t.Fatalf("a rogue release %d is on offer", c.Sequence)
		}
	}
}

func (b *bench) calls() (sum int64) {
	for _, n := range b.nodes {
		sum += n.calls.Load()
	}
	return sum
}

func (b *bench) wantState(i int, state State, attack string) {
	b.t.Helper()
	if s := b.w.Endpoints()[i]; s.State != state || s.Attack != attack {
		b.t.Errorf("endpoint %d is %q (%q, %s), want %q (%q)", i, s.State, s.Attack, s.LastError, state, attack)
	}
}

func (b *bench) wantHold(attack string) {
	b.t.Helper()
	if s := b.w.Status(); s.Attack != attack {
		b.t.Fatalf("the watcher's status names %q (%s), want %q", s.Attack, s.Error, attack)
	}
}

// metric returns a counter's or gauge's value for the label value.
func (b *bench) metric(name, label string) float64 {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			match := label == ""
			for _, l := range m.Label {
				match = match || l.GetValue() == label
			}
			if match {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func (b *bench) wantRefused(attack string) {
	b.t.Helper()
	if b.metric("camswarm_chain_refusals_total", attack) == 0 {
		b.t.Errorf("no metric names %s", attack)
	}
}

// view calls View and fails the test when the chain does not get there in time.
func (b *bench) view(minRev uint64, within time.Duration) verify.View {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), within)
	defer cancel()
	v, err := b.w.View(ctx, minRev)
	if err != nil {
		b.t.Fatalf("View(%d): %v", minRev, err)
	}
	return v
}
