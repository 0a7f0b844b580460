package flow

import (
	"math/rand/v2"
	"slices"
	"time"

	"camswarm/swarm/plan"
)

// QUIC as quic-go does it: 32 packets of 1280 bytes at the start, 10 of them
// at once and the rest spread over the round trip at 5/4 of the window.
const (
	initialWindow = 32 * 1280
	maxWindow     = 4 << 20
	burst         = 10 * 1280
	pacing        = 1.25

	// The queue on an uplink is kept short by FQ-CoDel: a window whose
	// segments wait longer does not grow, and shrinks when they wait far longer.
	calmWait  = 20 * time.Millisecond
	worstWait = 80 * time.Millisecond

	// overhead is the share of a line that packet headers, acknowledgements and
	// possession messages take: with QUIC, 1280-byte packets and 32 KiB blocks
	// a camera's uplink that is never idle carries 0.92 of its rate in blocks.
	overhead = 0.08

	// outstanding is how much a node has under way to one peer
	// (MaxOutstandingBytesPerPeer of the bitswap server).
	outstanding = 128 << 10

	// workers and seedWorkers are how many messages a camera and a seed send side
	// by side, and maxBlocks how many blocks a file has at most, as package swarm
	// and package filestore have it.
	workers     = 5
	seedWorkers = 16
	maxBlocks   = 8192

	tick = 200 * time.Millisecond // twice plan.PlannerTick

	// haveMany blocks are named after haveUrgent already, as package swarm has it.
	haveMany   = 4
	haveUrgent = 10 * time.Millisecond
)

type evKind uint8

const (
	evStart evKind = iota
	evLeave
	evTick    // node a
	evWants   // over connection a: list b
	evHaves   // over connection a: list b
	evFlush   // connection a may send possession again
	evPace    // connection a may send again
	evUp      // node a has put a segment on its line
	evArrive  // segment of connection a is at the receiver's line
	evDeliver // segment of connection a is received
	evAck     // segment of connection a is acknowledged; b: queueing delay
	evLend    // node a looks at its offers again
	evHello   // over connection a: the other side takes part
)

type event struct {
	at   time.Duration
	seq  uint64
	kind evKind
	last bool // the segment is the last of its block
	a    int32
	unit int32
	b    int64
	list any
}

type eventHeap []event

func (h eventHeap) less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h *eventHeap) push(e event) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		p := (i - 1) / 4
		if !s.less(i, p) {
			break
		}
		s[i], s[p] = s[p], s[i]
		i = p
	}
}

func (h *eventHeap) pop() event {
	s := *h
	e := s[0]
	n := len(s) - 1
	s[0] = s[n]
	s[n] = event{}
	s = s[:n]
	*h = s
	for i := 0; ; {
		best := i
		for c := 4*i + 1; c <= 4*i+4 && c < n; c++ {
			if s.less(c, best) {
				best = c
			}
		}
		if best == i {
			return e
		}
		s[i], s[best] = s[best], s[i]
		i = best
	}
}

// conn is one direction of a connection: what from sends to to.
type conn struct {
	from, to int32
	slot     int32 // place of to among from's neighbours
	back     int32 // the other direction
	delay    time.Duration

	// what is being sent
	sending  []int32 // units, the first partly
	rest     int     // bytes of the first that are not in segs yet
	cwnd     int
	inflight int
	paceAt   time.Duration
	pacing   bool // an evPace is coming
	segs     []segment

	// the server's queue for the peer
	queue  []int32
	busy   int // workers that send to it
	active int // bytes popped and not handed to the line
	served uint64
	bytes  int64 // received by to

	// possession
	interested bool    // to has said that it takes part
	haves      []int32 // -1: the state
	lastHave   time.Duration
	flushing   bool
	flushAt    time.Duration
}

type segment struct {
	unit  int32
	bytes int32
	last  bool
	at    time.Duration
}

type node struct {
	Node
	out     []int32 // connections, by slot
	plan    *plan.Planner
	lend    *plan.Lender
	have    []bool
	missing int
	started bool
	gone    bool
	ticking bool

	workers  int
	lendTick bool
	served   uint64
	ring     []int32 // connections with segments, in turn
	sending  bool
	downAt   time.Duration
}

type world struct {
	cfg   Config
	now   time.Duration
	seq   uint64
	ev    eventHeap
	nodes []node
	conns []conn
	sizes []int32
	rng   *rand.Rand
	res   *Result
	open  int // cameras that are not done
	got   int64
	total int64
	upUse []float64
	sdUse []float64
}

// Run runs the model.
func Run(cfg Config) (*Result, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := newWorld(cfg)
	for i := range w.nodes {
		n := &w.nodes[i]
		w.at(n.Start, event{kind: evStart, a: int32(i)})
		if n.Leave > 0 {
			w.at(n.Leave, event{kind: evLeave, a: int32(i)})
		}
	}
	for len(w.ev) > 0 && w.open > 0 {
		e := w.ev.pop()
		if e.at > w.cfg.Limit {
			break
		}
		w.now = e.at
		w.res.Events++
		w.do(&e)
	}
	w.finish()
	return w.res, nil
}

func newWorld(cfg Config) *world {
	if cfg.Delay == nil {
		cfg.Delay = func(a, b int) time.Duration { return 40 * time.Millisecond }
	}
	if cfg.Planner == (plan.PlannerConfig{}) {
		cfg.Planner = plan.DefaultPlannerConfig()
	}
	if cfg.Lender == (plan.LenderConfig{}) {
		cfg.Lender = plan.DefaultLenderConfig()
	}
	if cfg.Workers == 0 {
		cfg.Workers = workers
	}
	if cfg.SeedWorkers == 0 {
		cfg.SeedWorkers = seedWorkers
	}
	if cfg.HaveDelay == 0 {
		cfg.HaveDelay = 40 * time.Millisecond
	}
	if cfg.Segment == 0 {
		cfg.Segment = 4096
	}
	if cfg.Limit == 0 {
		cfg.Limit = time.Hour
	}
	w := &world{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0xf10)), res: &Result{}}
	for left := cfg.ImageBytes; left > 0; left -= int64(cfg.BlockBytes) {
		w.sizes = append(w.sizes, int32(min(left, int64(cfg.BlockBytes))))
	}
	w.nodes = make([]node, len(cfg.Nodes))
	for i, c := range cfg.Nodes {
		n := &w.nodes[i]
		n.Node = c
		n.Up, n.Down = c.Up*(1-overhead), c.Down*(1-overhead)
		n.have = make([]bool, len(w.sizes))
		n.workers = cfg.Workers
		if c.Seed {
			n.workers = cfg.SeedWorkers
		}
		rng := rand.New(rand.NewPCG(w.rng.Uint64(), uint64(i)))
		n.lend = plan.NewLender(cfg.Lender, w.sizes, rng)
		if !c.Seed {
			n.plan = plan.NewPlanner(cfg.Planner, w.sizes, rng)
			n.missing = len(w.sizes)
			w.open++
			w.total += int64(len(w.sizes))
		}
	}
	link := func(a, b int) int32 {
		id := int32(len(w.conns))
		w.conns = append(w.conns, conn{
			from: int32(a), to: int32(b), slot: int32(len(w.nodes[a].out)), delay: cfg.Delay(a, b),
			cwnd: initialWindow, paceAt: -time.Hour, lastHave: -time.Hour,
		})
		w.nodes[a].out = append(w.nodes[a].out, id)
		return id
	}
	for _, l := range cfg.Links {
		a, b := link(l[0], l[1]), link(l[1], l[0])
		w.conns[a].back, w.conns[b].back = b, a
	}
	w.res.Done = make([]time.Duration, len(w.nodes))
	w.res.Sent = make([]int64, len(w.nodes))
	w.res.Received = make([]int64, len(w.nodes))
	return w
}

func (w *world) at(at time.Duration, e event) {
	w.seq++
	e.at, e.seq = max(at, w.now), w.seq
	w.ev.push(e)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// control returns when a small message over c arrives: it waits behind what the
// connection has queued on the line, which others share fairly.
func (w *world) control(c *conn) time.Duration {
	n := &w.nodes[c.from]
	queued := 0
	for _, s := range c.segs {
		queued += int(s.bytes)
	}
	wait := seconds(float64(queued) * float64(max(len(n.ring), 1)) / n.Up)
	w.res.Messages++
	return w.now + wait + c.delay + 500*time.Microsecond
}

func (w *world) do(e *event) {
	switch e.kind {
	case evStart:
		w.start(int(e.a))
	case evLeave:
		w.leave(int(e.a))
	case evTick:
		w.tick(int(e.a))
	case evLend:
		w.nodes[e.a].lendTick = false
		w.lend(int(e.a))
	case evHello:
		w.hello(e.a)
	case evWants:
		w.receiveWants(e.a, e.list.([]plan.Action))
	case evHaves:
		w.receiveHaves(e.a, e.list.(news))
	case evFlush:
		c := &w.conns[e.a]
		c.flushing = false
		w.flush(e.a)
	case evPace:
		w.conns[e.a].pacing = false
		w.push(e.a)
	case evUp:
		w.sent(int(e.a))
	case evArrive:
		c := &w.conns[e.a]
		n := &w.nodes[c.to]
		n.downAt = max(n.downAt, w.now) + seconds(float64(e.b&0xffffffff)/n.Down)
		e2 := *e
		e2.kind = evDeliver
		w.at(n.downAt, e2)
	case evDeliver:
		w.deliver(e)
	case evAck:
		w.ack(e)
	}
}

func (w *world) start(i int) {
	n := &w.nodes[i]
	if n.gone {
		return
	}
	n.started = true
	if n.Seed {
		for u := range w.sizes {
			n.have[u] = true
			n.lend.Has(u)
		}
	}
	for slot, id := range n.out {
		c := &w.conns[id]
		if w.nodes[c.to].gone {
			continue
		}
		n.lend.PeerJoined(plan.PeerKey(slot))
		if n.plan != nil {
			n.plan.PeerJoined(w.now, plan.PeerKey(slot))
		}
		w.at(w.control(c), event{kind: evHello, a: id})
	}
	if n.Seed {
		for _, id := range n.out {
			w.conns[id].haves = append(w.conns[id].haves, -1)
			w.flush(id)
		}
	}
	w.lend(i)
	if n.plan != nil {
		w.act(i, n.plan.Pause(w.now, false))
		w.armTick(i)
	}
}

// hello: the sender of connection id takes part. The receiver says so too, if
// it does, and what it holds.
func (w *world) hello(id int32) {
	c := &w.conns[id]
	n := &w.nodes[c.to]
	if n.gone || w.nodes[c.from].gone {
		return
	}
	back := &w.conns[c.back]
	back.interested = true
	slot := plan.PeerKey(back.slot)
	if n.started {
		if n.plan != nil {
			n.plan.PeerInterested(w.now, slot)
		}
		n.lend.PeerInterested(slot)
		w.lend(int(c.to))
	} else {
		n.lend.PeerInterested(slot)
	}
}

func (w *world) leave(i int) {
	n := &w.nodes[i]
	n.gone = true
	if n.plan != nil && n.missing > 0 {
		w.open--
	}
	for _, id := range n.out {
		c, back := &w.conns[id], &w.conns[w.conns[id].back]
		c.sending, c.segs, c.queue, c.rest = nil, nil, nil, 0
		back.sending, back.queue, back.rest = nil, nil, 0
		o := &w.nodes[c.to]
		if o.gone {
			continue
		}
		o.workers += back.busy // what was being sent to it
		back.busy, back.active = 0, 0
		o.lend.PeerGone(plan.PeerKey(back.slot))
		if o.plan != nil && o.started {
			w.act(int(c.to), o.plan.PeerGone(w.now, plan.PeerKey(back.slot)))
		}
		w.lend(int(c.to))
	}
	n.ring = nil
}

func (w *world) armTick(i int) {
	n := &w.nodes[i]
	if n.ticking || n.missing == 0 {
		return
	}
	wait := tick
	if d, ok := n.plan.Next(w.now); ok {
		wait = min(wait, d)
	}
	n.ticking = true
	w.at(w.now+wait, event{kind: evTick, a: int32(i)})
}

func (w *world) tick(i int) {
	n := &w.nodes[i]
	n.ticking = false
	if n.gone || n.missing == 0 {
		return
	}
	for slot, id := range n.out {
		n.plan.Progress(w.now, plan.PeerKey(slot), w.conns[w.conns[id].back].bytes)
	}
	w.act(i, n.plan.Tick(w.now))
	w.res.Failures += len(n.plan.Failures())
	w.armTick(i)
}

// act sends what the planner of node i decided, one message per peer.
func (w *world) act(i int, actions []plan.Action) {
	n := &w.nodes[i]
	for len(actions) > 0 {
		id := n.out[actions[0].Peer]
		var list []plan.Action
		rest := actions[:0:0]
		for _, a := range actions {
			if a.Peer == actions[0].Peer {
				list = append(list, a)
				if !a.Cancel {
					w.res.Wants++
				}
			} else {
				rest = append(rest, a)
			}
		}
		w.at(w.control(&w.conns[id]), event{kind: evWants, a: id, list: list})
		actions = rest
	}
}

// receiveWants brings requests over connection id to the server of its end.
func (w *world) receiveWants(id int32, list []plan.Action) {
	c := &w.conns[id]
	n := &w.nodes[c.to]
	if n.gone || w.nodes[c.from].gone {
		return
	}
	back := &w.conns[c.back]
	for _, a := range list {
		u := int32(a.Unit)
		at := slices.Index(back.queue, u)
		switch {
		case a.Cancel && at >= 0:
			back.queue = slices.Delete(back.queue, at, at+1)
			n.lend.Cancelled(w.now, plan.PeerKey(back.slot), a.Unit)
		case a.Cancel:
		case at < 0 && n.have[u]:
			back.queue = append(back.queue, u)
			n.lend.Asked(w.now, plan.PeerKey(back.slot), a.Unit)
		}
	}
	w.serve(int(c.to))
	w.lend(int(c.to))
}

// serve hands queued blocks to the send workers of node i: to the peer that has
// the least under way, and among those the one served longest ago.
func (w *world) serve(i int) {
	n := &w.nodes[i]
	for n.workers > 0 {
		best := int32(-1)
		for _, id := range n.out {
			c := &w.conns[id]
			if len(c.queue) == 0 || c.active >= outstanding {
				continue
			}
			if best < 0 {
				best = id
				continue
			}
			b := &w.conns[best]
			if c.active < b.active || c.active == b.active && c.served < b.served {
				best = id
			}
		}
		if best < 0 {
			return
		}
		c := &w.conns[best]
		u := c.queue[0]
		c.queue = c.queue[1:]
		n.served++
		c.served = n.served
		c.active += int(w.sizes[u])
		n.workers--
		c.busy++
		c.sending = append(c.sending, u)
		if len(c.sending) == 1 {
			c.rest = int(w.sizes[u])
		}
		w.push(best)
	}
}

// push puts segments of connection id into the queue of its uplink, as the
// window and the pace allow.
func (w *world) push(id int32) {
	c := &w.conns[id]
	n := &w.nodes[c.from]
	free := false
	for len(c.sending) > 0 {
		b := min(c.rest, w.cfg.Segment)
		if c.inflight > 0 && c.inflight+b > c.cwnd {
			break
		}
		perByte := float64(2*c.delay+time.Millisecond) / (pacing * float64(c.cwnd))
		slack := time.Duration(burst * perByte)
		if c.paceAt-slack > w.now {
			if !c.pacing {
				c.pacing = true
				w.at(c.paceAt-slack, event{kind: evPace, a: id})
			}
			break
		}
		c.paceAt = max(c.paceAt, w.now) + time.Duration(float64(b)*perByte)
		c.inflight += b
		c.rest -= b
		u := c.sending[0]
		c.segs = append(c.segs, segment{u, int32(b), c.rest == 0, w.now})
		if len(c.segs) == 1 {
			n.ring = append(n.ring, id)
		}
		if c.rest == 0 {
			c.sending = c.sending[1:]
			c.active -= int(w.sizes[u])
			n.workers++
			c.busy--
			free = true
			if len(c.sending) > 0 {
				c.rest = int(w.sizes[c.sending[0]])
			}
			w.res.Sent[c.from] += int64(w.sizes[u])
		}
	}
	if !n.sending {
		w.transmit(int(c.from))
	}
	if free {
		w.serve(int(c.from))
		w.lend(int(c.from))
	}
}

// transmit starts the next segment of node i's uplink, each connection in turn.
func (w *world) transmit(i int) {
	n := &w.nodes[i]
	if len(n.ring) == 0 {
		return
	}
	n.sending = true
	took := seconds(float64(w.conns[n.ring[0]].segs[0].bytes) / n.Up)
	w.use(n, took)
	w.at(w.now+took, event{kind: evUp, a: int32(i)})
}

// use counts the time for which an uplink is in use.
func (w *world) use(n *node, took time.Duration) {
	use := &w.upUse
	if n.Seed {
		use = &w.sdUse
	}
	for t, end := w.now, w.now+took; t < end; {
		k := int(t / Step)
		for k >= len(*use) {
			*use = append(*use, 0)
		}
		stop := min(end, time.Duration(k+1)*Step)
		(*use)[k] += float64(stop - t)
		t = stop
	}
}

func (w *world) sent(i int) {
	n := &w.nodes[i]
	n.sending = false
	if n.gone || len(n.ring) == 0 {
		return
	}
	id := n.ring[0]
	c := &w.conns[id]
	s := c.segs[0]
	c.segs = c.segs[1:]
	n.ring = n.ring[1:]
	if len(c.segs) > 0 {
		n.ring = append(n.ring, id)
	}
	w.at(w.now+c.delay, event{kind: evArrive, a: id, last: s.last, unit: s.unit, b: int64(s.bytes) | int64((w.now-s.at)/time.Microsecond)<<32})
	w.transmit(i)
}

func (w *world) deliver(e *event) {
	c := &w.conns[e.a]
	n := &w.nodes[c.to]
	if n.gone {
		return
	}
	c.bytes += e.b & 0xffffffff
	w.at(w.now+c.delay, event{kind: evAck, a: e.a, b: e.b})
	if !e.last {
		return
	}
	i, u := int(c.to), int(e.unit)
	back := &w.conns[c.back]
	size := int64(w.sizes[u])
	w.res.Received[i] += size
	if n.have[u] {
		w.res.Duplicate += size
	} else {
		n.have[u] = true
		n.missing--
		w.got++
		n.lend.Has(u)
		if n.missing == 0 {
			w.res.Done[i] = w.now - n.Start
			w.open--
		}
	}
	n.plan.Progress(w.now, plan.PeerKey(back.slot), c.bytes)
	w.act(i, n.plan.Received(w.now, plan.PeerKey(back.slot), u))
	w.armTick(i)
	w.lend(i)
	if k := int(w.now / Step); true {
		for k >= len(w.res.Have) {
			w.res.Have = append(w.res.Have, 0)
		}
		w.res.Have[k] = float64(w.got) / float64(w.total)
	}
}

func (w *world) ack(e *event) {
	c := &w.conns[e.a]
	b := int(e.b & 0xffffffff)
	waited := time.Duration(e.b>>32) * time.Microsecond
	full := c.inflight > c.cwnd/2 // quic-go grows the window in slow start if half of it is used
	c.inflight -= b
	switch {
	case waited > worstWait:
		c.cwnd = max(c.cwnd-b, initialWindow/2)
	case full && waited < calmWait && c.cwnd < maxWindow:
		c.cwnd += b
	}
	w.push(e.a)
}

// lend sends the possession that the lender of node i wants known.
func (w *world) lend(i int) {
	n := &w.nodes[i]
	if n.gone || !n.started {
		return
	}
	for _, o := range n.lend.Offers(w.now) {
		id := n.out[o.Peer]
		u := int32(o.Unit)
		if o.All {
			u = -1
		}
		w.conns[id].haves = append(w.conns[id].haves, u)
		w.flush(id)
	}
	if d, ok := n.lend.Next(w.now); ok && !n.lendTick {
		n.lendTick = true
		w.at(w.now+d, event{kind: evLend, a: int32(i)})
	}
}

func (w *world) flush(id int32) {
	c := &w.conns[id]
	if len(c.haves) == 0 {
		return
	}
	due := c.lastHave + w.cfg.HaveDelay
	if len(c.haves) >= haveMany || slices.Contains(c.haves, -1) {
		due = min(due, c.lastHave+haveUrgent)
	}
	if w.now < due {
		if !c.flushing || due < c.flushAt {
			c.flushing, c.flushAt = true, due
			w.at(due, event{kind: evFlush, a: id})
		}
		return
	}
	c.lastHave = w.now
	n := &w.nodes[c.from]
	m := news{units: c.haves, lends: n.lend.Lends()}
	if slices.Contains(m.units, -1) {
		told, all, lends := n.lend.Disclose(w.now, plan.PeerKey(c.slot))
		m = news{all: all, lends: lends}
		for _, u := range told {
			m.units = append(m.units, int32(u))
		}
	}
	c.haves = nil
	w.at(w.control(c), event{kind: evHaves, a: id, list: m})
}

// news is a possession message.
type news struct {
	units []int32
	lends bool
	all   bool
}

func (w *world) receiveHaves(id int32, m news) {
	c := &w.conns[id]
	n := &w.nodes[c.to]
	if n.gone || w.nodes[c.from].gone {
		return
	}
	back := &w.conns[c.back]
	lends := m.lends
	units := make([]int, len(m.units))
	for k, u := range m.units {
		units[k] = int(u)
	}
	if m.all {
		units = units[:0]
		for u := range w.sizes {
			units = append(units, u)
		}
	}
	slot := plan.PeerKey(back.slot)
	n.lend.PeerLends(slot, lends)
	n.lend.PeerHas(w.now, slot, units...)
	if n.plan != nil {
		// Also before it starts: a claim is kept until the file is added.
		w.act(int(c.to), w.early(n, slot, units))
	}
	w.lend(int(c.to))
}

func (w *world) early(n *node, slot plan.PeerKey, units []int) []plan.Action {
	if !n.started {
		n.plan.Pause(w.now, true)
		n.plan.PeerHas(w.now, slot, units...)
		return nil
	}
	return n.plan.PeerHas(w.now, slot, units...)
}

func (w *world) finish() {
	cams, seeds := 0, 0
	for i := range w.nodes {
		n := &w.nodes[i]
		if n.Seed {
			seeds++
			continue
		}
		cams++
		if n.missing > 0 && !n.gone {
			w.res.Unfinished++
		}
	}
	for _, v := range w.upUse {
		w.res.Busy = append(w.res.Busy, v/float64(Step)/float64(max(cams, 1)))
	}
	for _, v := range w.sdUse {
		w.res.SeedBusy = append(w.res.SeedBusy, v/float64(Step)/float64(max(seeds, 1)))
	}
}
