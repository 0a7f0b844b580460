package plan

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world drives a Planner in virtual time against model peers, and checks
// after every event what must always hold.
type world struct {
	t      *testing.T
	plan   *Planner
	sizes  []int32
	now    time.Duration
	events events
	seq    int
	peers  map[PeerKey]*modelPeer
	have   map[int]bool
	asked  map[PeerKey]map[int]bool
	wants  int
	dups   int
	lost   int // requests that were cancelled
}

// modelPeer answers requests one after the other at its rate.
type modelPeer struct {
	key     PeerKey
	rate    float64 // bytes per second; 0: never sends anything
	rtt     time.Duration
	refuses bool // answers every request with DONT_HAVE
	drip    bool // sends a byte per tick and never completes a block
	has     map[int]bool
	claims  map[int]bool
	queue   []int
	busy    bool
	gone    bool
	origin  bool
	sent    int64
	wanted  int

	lanes []*modelPeer  // of an origin: its answers, side by side
	of    *modelPeer    // of such an answer: its origin
	first time.Duration // of an origin: from a request to the first byte, without the round trip
	open  int           // of an origin: connections in use; of an answer: 1 while it has one
}

// modelConns is how many connections there are to a modelled origin.
const modelConns = 8

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	o := *e
	x := o[len(o)-1]
	*e = o[:len(o)-1]
	return x
}

func newWorld(t *testing.T, seed uint64, blocks, size int) *world {
	w := &world{t: t, peers: map[PeerKey]*modelPeer{}, have: map[int]bool{}, asked: map[PeerKey]map[int]bool{}}
	for range blocks {
		w.sizes = append(w.sizes, int32(size))
	}
	w.plan = NewPlanner(DefaultPlannerConfig(), w.sizes, rand.New(rand.NewPCG(seed, seed)))
	w.tick()
	return w
}

func (w *world) at(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.events, event{w.now + d, w.seq, do})
}

func (w *world) tick() {
	wait := PlannerTick
	if d, ok := w.plan.Next(w.now); ok {
		wait = min(wait, d)
	}
	w.at(wait, func() {
		for k, p := range w.peers {
			if p.drip && len(p.queue) > 0 {
				p.sent++
			}
			w.plan.Progress(w.now, k, p.sent)
		}
		w.act(w.plan.Tick(w.now))
		w.tick()
	})
}

func every(n int) map[int]bool {
	m := map[int]bool{}
	for i := range n {
		m[i] = true
	}
	return m
}

// join connects a peer that has, and claims, units.
func (w *world) join(p *modelPeer) *modelPeer {
	if p.gone {
		return p
	}
	if p.has == nil {
		p.has = every(len(w.sizes))
	}
	if p.claims == nil {
		p.claims = map[int]bool{}
		for u := range p.has {
			p.claims[u] = true
		}
	}
	if p.rtt == 0 {
		p.rtt = 50 * time.Millisecond
	}
	p.key = PeerKey(len(w.peers) + 1)
	w.peers[p.key] = p
	w.asked[p.key] = map[int]bool{}
	var units []int
	for u := range p.claims {
		units = append(units, u)
	}
	slices.Sort(units)
	w.act(w.plan.PeerHas(w.now, p.key, units...))
	return p
}

func (w *world) leave(p *modelPeer) {
	p.gone = true
	if p.key == 0 {
		return // it never came
	}
	w.asked[p.key] = map[int]bool{}
	w.act(w.plan.PeerGone(w.now, p.key))
}

func (w *world) act(actions []Action) {
	w.t.Helper()
	for _, a := range actions {
		p := w.peers[a.Peer]
		switch {
		case a.Unit < 0 || a.Unit >= len(w.sizes) || p == nil:
			w.t.Fatalf("%v: nonsense action %+v", w.now, a)
		case a.Cancel && !w.asked[a.Peer][a.Unit] && !p.gone:
			w.t.Fatalf("%v: cancels what was not asked: %+v", w.now, a)
		case a.Cancel:
			w.lost++
			delete(w.asked[a.Peer], a.Unit)
			for _, l := range append(p.lanes, p) {
				if i := slices.Index(l.queue, a.Unit); i > 0 { // the first is on its way
					l.queue = slices.Delete(l.queue, i, i+1)
				}
			}
		case p.gone:
			w.t.Fatalf("%v: asks a peer that left: %+v", w.now, a)
		case !p.claims[a.Unit]:
			w.t.Fatalf("%v: asks a peer for what it does not claim: %+v", w.now, a)
		case w.have[a.Unit]:
			w.t.Fatalf("%v: asks for what is held: %+v", w.now, a)
		case w.asked[a.Peer][a.Unit]:
			w.t.Fatalf("%v: asks the same twice: %+v", w.now, a)
		default:
			w.wants++
			p.wanted++
			w.asked[a.Peer][a.Unit] = true
			at := p
			if p.origin {
				at = p.lane(!a.Joined)
			}
			w.at(p.rtt/2, func() { w.arrive(at, a.Unit) })
		}
	}
	holders, flight := map[int]int{}, int64(0)
	hedged := 0
	for k, units := range w.asked {
		most := max(w.plan.cfg.MaxWindow, 4*w.plan.cfg.Few)
		if w.peers[k].origin {
			most = int(originFlight/w.plan.ref) + 1
			if w.peers[k].first > 0 {
				most = len(w.sizes)
			}
		}
		if n := len(units); n > most && !(w.peers[k].origin && w.plan.byKey[k].origin.whole) {
			w.t.Fatalf("%v: %d blocks in flight at peer %d", w.now, n, k)
		}
		for u := range units {
			holders[u]++
			flight += int64(w.sizes[u])
			if holders[u] == 2 {
				hedged++
			}
			if holders[u] > 2 {
				w.t.Fatalf("%v: unit %d is asked of three peers", w.now, u)
			}
		}
	}
	if hedged > w.plan.cfg.MaxHedges {
		w.t.Fatalf("%v: %d units are asked of two peers", w.now, hedged)
	}
	if flight != w.plan.InFlight() {
		w.t.Fatalf("%v: %d bytes in flight, the planner believes %d", w.now, flight, w.plan.InFlight())
	}
	if limit := max(2*w.plan.cfg.MaxInFlight, 2*w.plan.ref) + int64(w.plan.cfg.MaxHedges)*w.plan.ref + originFlight + int64(len(w.sizes))*w.plan.ref; flight > limit {
		w.t.Fatalf("%v: %d bytes in flight", w.now, flight)
	}
}

// lane is where the next block of an origin is asked for.
func (p *modelPeer) lane(fresh bool) *modelPeer {
	if fresh {
		p.lanes = append(p.lanes, &modelPeer{key: p.key, rate: p.rate / originWays, rtt: p.rtt, has: p.has, of: p})
	}
	return p.lanes[len(p.lanes)-1]
}

// arrive brings a request to a peer.
func (w *world) arrive(p *modelPeer, unit int) {
	if p.gone || !w.asked[p.key][unit] {
		return
	}
	if p.refuses || !p.has[unit] {
		w.at(p.rtt/2, func() {
			if !p.gone {
				delete(p.claims, unit)
				w.dontHave(p, unit)
			}
		})
		return
	}
	p.queue = append(p.queue, unit)
	w.serve(p)
}

func (w *world) dontHave(p *modelPeer, unit int) {
	w.act(w.plan.DontHave(w.now, p.key, unit))
}

func (w *world) serve(p *modelPeer) {
	if p.busy || p.rate == 0 || len(p.queue) == 0 || p.gone {
		return
	}
	reads, rate := p, p.rate
	if p.of != nil {
		reads = p.of
		if p.open == 0 {
			if reads.open < modelConns {
				p.open, p.busy, reads.open = 1, true, reads.open+1
				w.at(reads.first, func() { p.busy = false; w.serve(p) })
			}
			return
		}
		rate *= min(1, originWays/float64(reads.open)) // what they share
	}
	p.busy = true
	unit := p.queue[0]
	took := time.Duration(float64(w.sizes[unit]) / rate * float64(time.Second))
	steps := int(took/PlannerTick) + 1
	for i := 1; i < steps; i++ {
		w.at(took*time.Duration(i)/time.Duration(steps), func() { reads.sent += int64(w.sizes[unit]) / int64(steps) })
	}
	w.at(took, func() {
		p.busy = false
		if len(p.queue) > 0 && p.queue[0] == unit {
			p.queue = p.queue[1:]
		}
		w.at(p.rtt/2, func() { w.deliver(p, unit) })
		w.serve(p)
		if p.open > 0 && len(p.queue) == 0 {
			p.open, reads.open = 0, reads.open-1
			for _, l := range reads.lanes {
				w.serve(l)
			}
		}
	})
}

func (w *world) deliver(p *modelPeer, unit int) {
	if p.gone {
		return
	}
	if w.have[unit] {
		w.dups++
	}
	w.have[unit] = true
	delete(w.asked[p.key], unit)
	w.act(w.plan.Received(w.now, p.key, unit))
}

// run goes on until everything is held and returns how long that took.
func (w *world) run(limit time.Duration) time.Duration {
	w.t.Helper()
	for w.plan.Missing() > 0 {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		if w.now > limit {
			w.t.Fatalf("not done after %v: %d units missing, %d bytes in flight", limit, w.plan.Missing(), w.plan.InFlight())
		}
		e.do()
	}
	if w.plan.InFlight() != 0 {
		w.t.Errorf("%d bytes in flight after the end", w.plan.InFlight())
	}
	return w.now
}

const mbit = 1e6 / 8

func TestPlannerFillsOneLink(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		rtt    time.Duration
		blocks int
		slack  float64
	}{
		{100 * mbit, 50 * time.Millisecond, 95, 1.35},
		{100 * mbit, 200 * time.Millisecond, 950, 1.35},
		{1000 * mbit, 5 * time.Millisecond, 950, 1.35},
		{2 * mbit, 150 * time.Millisecond, 95, 1.1},
		{0.064 * mbit, 300 * time.Millisecond, 20, 1.1},
	} {
		w := newWorld(t, 1, c.blocks, 64<<10)
		w.join(&modelPeer{rate: c.rate, rtt: c.rtt})
		took := w.run(time.Hour).Seconds()
		best := float64(c.blocks)*(64<<10)/c.rate + c.rtt.Seconds()
		t.Logf("%3.3g Mbit/s, %v: %.2f s, %.2f times the bound", c.rate/mbit, c.rtt, took, took/best)
		if took > c.slack*best {
			t.Errorf("took %.2f s where %.2f are possible", took, best)
		}
		if w.dups > 0 || w.lost > 0 || w.wants != c.blocks {
			t.Errorf("%d wants, %d duplicates, %d cancelled for %d blocks from one honest peer", w.wants, w.dups, w.lost, c.blocks)
		}
	}
}

func TestPlannerSharesLoadByServiceTime(t *testing.T) {
	w := newWorld(t, 2, 950, 64<<10)
	fast := w.join(&modelPeer{rate: 40 * mbit})
	slow := w.join(&modelPeer{rate: 4 * mbit})
	took := w.run(time.Minute).Seconds()
	best := 950 * (64 << 10) / (44 * mbit)
	if took > 1.15*best || w.dups > 0 {
		t.Errorf("took %.2f s where %.2f are possible, %d duplicates", took, best, w.dups)
	}
	if r := float64(fast.wanted) / float64(slow.wanted); r < 6 || r > 14 {
		t.Errorf("the peer that is 10 times as fast was asked %.1f times as often", r)
	}
}

// slow_retrieval
func TestTricklingPeersCostNoMoreThanOneHedge(t *testing.T) {
	w := newWorld(t, 3, 200, 64<<10)
	for range 3 {
		w.join(&modelPeer{drip: true})
	}
	w.join(&modelPeer{rate: 20 * mbit})
	w.join(&modelPeer{rate: 20 * mbit})
	took := w.run(time.Minute)
	if took > 8*time.Second {
		t.Errorf("took %v with two honest peers that need 2.6 s", took)
	}
}

// Words cannot take the place of sources: claimers that come first and send
// nothing fill neither the bytes in flight nor a whole Stall.
func TestThreatSlowRetrieval_ClaimsThatComeFirst(t *testing.T) {
	for _, hostile := range []modelPeer{{}, {drip: true}} {
		w := newWorld(t, 31, 190, 32<<10)
		for range 12 {
			p := hostile
			w.join(&p)
		}
		w.at(300*time.Millisecond, func() {
			for range 3 {
				w.join(&modelPeer{rate: 20 * mbit})
			}
		})
		took := w.run(time.Minute)
		if best := 1130 * time.Millisecond; took > 2*best {
			t.Errorf("drip %v: took %v, the honest peers alone need %v", hostile.drip, took, best)
		}
		doubted := 0
		for _, q := range w.plan.peers {
			if q.doubted() {
				doubted++
			}
		}
		if doubted == 0 {
			t.Errorf("drip %v: nobody is doubted", hostile.drip)
		}
	}
}

// drop_request
func TestStallersCostOneTimeout(t *testing.T) {
	for stallers := 1; stallers <= 8; stallers++ {
		w := newWorld(t, uint64(stallers), 400, 64<<10)
		for range stallers {
			w.join(&modelPeer{rate: 0})
		}
		w.join(&modelPeer{rate: 20 * mbit})
		took := w.run(time.Minute)
		if best := 10500 * time.Millisecond; took > best+5*time.Second {
			t.Errorf("%d stallers: took %v, alone the honest peer needs %v", stallers, took, best)
		}
	}
}

func TestFalseClaimerIsFoundOut(t *testing.T) {
	w := newWorld(t, 4, 400, 64<<10)
	liar := w.join(&modelPeer{rate: 100 * mbit, refuses: true, rtt: 10 * time.Millisecond})
	w.join(&modelPeer{rate: 20 * mbit})
	took := w.run(time.Minute)
	if took > 12500*time.Millisecond {
		t.Errorf("took %v, alone the honest peer needs 10.5 s", took)
	}
	if liar.wanted > 24 {
		t.Errorf("the liar was asked %d times", liar.wanted)
	}
}

func TestLiarCannotShedItsPenaltyByReconnecting(t *testing.T) {
	w := newWorld(t, 5, 100, 64<<10)
	p := w.plan
	p.PeerHasAll(0, 1)
	for _, a := range p.PeerHasAll(0, 3) { // honest
		p.Received(4900*time.Millisecond, 3, a.Unit)
	}
	p.Tick(5 * time.Second) // nothing came from peer 1
	if p.byKey[1].strikes == 0 {
		t.Fatal("a silent peer got no strike")
	}
	p.PeerGone(5*time.Second, 1)
	if acts := p.PeerHasAll(6*time.Second, 1); slices.ContainsFunc(acts, func(a Action) bool { return a.Peer == 1 }) {
		t.Errorf("asked at once after reconnecting: %v", acts)
	}
	p.Wrong(7*time.Second, 2)
	p.PeerGone(7*time.Second, 2)
	if acts := p.PeerHasAll(time.Hour, 2); slices.ContainsFunc(acts, func(a Action) bool { return a.Peer == 2 }) {
		t.Error("a peer that sent wrong bytes is asked again after reconnecting")
	}
}

func TestPeerThatLeavesIsReplaced(t *testing.T) {
	w := newWorld(t, 6, 300, 64<<10)
	a := w.join(&modelPeer{rate: 20 * mbit})
	w.join(&modelPeer{rate: 20 * mbit})
	w.at(time.Second, func() { w.leave(a) })
	if took := w.run(time.Minute); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
	if w.dups > 0 {
		t.Errorf("%d duplicates", w.dups)
	}
}

// A peer that loses power near the end, in the middle of a block, holds up nobody
// until its silence is a failure: all that it owes is asked of the other, that block
// too.
func TestPeerThatFallsSilentNearTheEndIsNotWaitedFor(t *testing.T) {
	for part := range int64(10) {
		w := newWorld(t, 6, 300, 64<<10)
		a := w.join(&modelPeer{rate: 20 * mbit})
		w.join(&modelPeer{rate: 20 * mbit})
		w.at(3500*time.Millisecond, func() { a.rate = 0 })
		w.at(3600*time.Millisecond, func() { a.sent += part * 6 << 10 })
		took := w.run(time.Minute)
		if took > 5500*time.Millisecond {
			t.Errorf("%d KiB of a block arrived: took %v, of which it was silent since 3.5 s", part*6, took)
		}
	}
}

func TestPeersThatLearnBlocksAreUsed(t *testing.T) {
	w := newWorld(t, 7, 100, 64<<10)
	w.join(&modelPeer{rate: 1 * mbit})
	learner := w.join(&modelPeer{rate: 50 * mbit, has: map[int]bool{}})
	for u := range 100 {
		w.at(time.Duration(u)*10*time.Millisecond, func() {
			learner.has[u], learner.claims[u] = true, true
			w.act(w.plan.PeerHas(w.now, learner.key, u))
		})
	}
	if took := w.run(time.Minute); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSlowLinksAreNotHedgedToDeath(t *testing.T) {
	w := newWorld(t, 8, 30, 64<<10)
	for range 4 { // 64 kbit/s each: eight seconds per block is normal here
		w.join(&modelPeer{rate: 8000, rtt: 300 * time.Millisecond})
	}
	took := w.run(time.Hour)
	if best := 30.0 * (64 << 10) / 32000; took.Seconds() > 1.4*best {
		t.Errorf("took %v where %.0f s are possible", took, best)
	}
	if w.dups > 2 {
		t.Errorf("%d duplicates of 30", w.dups)
	}
}

func TestLateAnswerOfAStallerIsForgiven(t *testing.T) {
	w := newWorld(t, 9, 200, 64<<10)
	p := w.join(&modelPeer{rate: 10 * mbit})
	w.join(&modelPeer{rate: 1 * mbit})
	w.at(time.Second, func() { p.busy = true })                           // a hiccup of its Wi-Fi,
	w.at(7*time.Second, func() { p.busy = false; p.queue = p.queue[:0] }) // after which it has forgotten
	w.run(time.Minute)
	if p.wanted < 100 {
		t.Errorf("the fast peer was asked for %d blocks of 200 after its hiccup", p.wanted)
	}
}

func TestDownloadLimitIsKept(t *testing.T) {
	w := newWorld(t, 10, 50, 64<<10)
	w.plan.SetRate(0, 256<<10) // four blocks per second
	w.join(&modelPeer{rate: 100 * mbit})
	w.join(&modelPeer{rate: 100 * mbit})
	if took := w.run(time.Minute); took < 12*time.Second || took > 14*time.Second {
		t.Errorf("50 blocks of 64 KiB at 256 KiB/s took %v", took)
	}
}

func TestPausedPlannerAsksNothing(t *testing.T) {
	p := NewPlanner(DefaultPlannerConfig(), []int32{1, 2, 3}, rand.New(rand.NewPCG(1, 1)))
	p.Pause(0, true)
	if acts := p.PeerHasAll(0, 1); len(acts) > 0 {
		t.Errorf("asks while paused: %v", acts)
	}
	if acts := p.Pause(time.Second, false); len(acts) == 0 {
		t.Error("asks nothing after the pause")
	}
}

func TestRarestFirst(t *testing.T) {
	p := NewPlanner(DefaultPlannerConfig(), make([]int32, 100), rand.New(rand.NewPCG(1, 1)))
	p.Pause(0, true)
	all := make([]int, 100)
	for i := range all {
		all[i] = i
	}
	for k := range PeerKey(5) {
		p.PeerHas(0, k, all[:97]...)
	}
	p.PeerHas(0, 9, all...)
	acts := p.Pause(0, false)
	if len(acts) < 12 {
		t.Fatalf("%d requests to six peers", len(acts))
	}
	for _, a := range acts[:2] { // as many as peer 9 may be asked at once
		if a.Unit < 97 {
			t.Errorf("asked for unit %d, of which there are six copies, before the three of which there is one", a.Unit)
		}
	}
}

func TestNeighboursOfASeedAskForDifferentBlocks(t *testing.T) {
	first := map[int]int{}
	for seed := range uint64(200) {
		p := NewPlanner(DefaultPlannerConfig(), make([]int32, 95), rand.New(rand.NewPCG(seed, 1)))
		for k := range PeerKey(10) {
			p.PeerJoined(0, k)
		}
		acts := p.PeerHasAll(0, 0)
		if len(acts) != 2 {
			t.Fatalf("asks the seed for %d blocks at once among ten neighbours", len(acts))
		}
		first[acts[0].Unit]++
	}
	for u, n := range first {
		if n > 12 {
			t.Errorf("unit %d was the first choice of %d in 200", u, n)
		}
	}
}

func TestLostBlockIsAskedForAgain(t *testing.T) {
	p := NewPlanner(DefaultPlannerConfig(), []int32{10, 10}, rand.New(rand.NewPCG(1, 1)))
	p.Have(0)
	p.Have(1)
	if acts := p.PeerHasAll(0, 1); len(acts) > 0 {
		t.Fatal("asks for what is held")
	}
	if acts := p.Lost(time.Second, 1); len(acts) != 1 || acts[0].Unit != 1 {
		t.Errorf("after the loss of unit 1: %v", acts)
	}
}

// One honest peer suffices, whatever the others do: eclipse.
func TestAlwaysFinishesWhileOneHonestPeerHoldsEachBlock(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		blocks := 1 + r.IntN(150)
		w := newWorld(t, seed, blocks, 1+r.IntN(128<<10))
		// Every block has an honest holder that stays.
		holders := 1 + r.IntN(4)
		for i := range holders {
			has := map[int]bool{}
			for u := range blocks {
				if u%holders == i || r.IntN(3) == 0 {
					has[u] = true
				}
			}
			w.join(&modelPeer{rate: (0.5 + 30*r.Float64()) * mbit, has: has, rtt: time.Duration(1+r.IntN(300)) * time.Millisecond})
		}
		for range r.IntN(12) {
			p := &modelPeer{rate: 20 * mbit * r.Float64()}
			switch r.IntN(5) {
			case 0:
				p.rate = 0
			case 1:
				p.refuses = true
			case 2:
				p.drip = true
			case 3: // claims more than it has
				p.has, p.claims = map[int]bool{}, every(blocks)
			case 4:
				w.at(time.Duration(r.IntN(3000))*time.Millisecond, func() {
					if !p.gone {
						w.leave(p)
					}
				})
			}
			w.at(time.Duration(r.IntN(2000))*time.Millisecond, func() { w.join(p) })
		}
		took := w.run(10 * time.Minute)
		if testing.Verbose() {
			t.Logf("seed %d: %d blocks, %d peers: %v, %d wants, %d duplicates", seed, blocks, len(w.peers), took, w.wants, w.dups)
		}
	}
}

func BenchmarkPlannerEvent(b *testing.B) {
	for _, c := range []struct{ blocks, peers int }{{95, 10}, {4096, 50}} {
		b.Run(fmt.Sprintf("%dx%d", c.blocks, c.peers), func(b *testing.B) {
			for b.Loop() {
				p := NewPlanner(DefaultPlannerConfig(), slices.Repeat([]int32{64 << 10}, c.blocks), rand.New(rand.NewPCG(1, 1)))
				var queue []Action
				for k := range c.peers {
					queue = append(queue, p.PeerHasAll(0, PeerKey(k))...)
				}
				now := time.Duration(0)
				for len(queue) > 0 {
					a := queue[0]
					queue = queue[1:]
					now += time.Millisecond
					queue = append(queue, p.Received(now, a.Peer, a.Unit)...)
				}
				if p.Missing() > 0 {
					b.Fatal("not done")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.blocks), "ns/block")
		})
	}
}
