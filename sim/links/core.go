package links

import (
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	mtu      = 1500
	overhead = 28 // of IPv4 and UDP

	// tick is how late packets may be delivered: those of one tick are handled
	// in one go, which spares the scheduler. Lines keep their exact rates.
	tick = 100 * time.Microsecond

	// CoDel's parameters, and the packets that a line's queues hold together
	// (RFC 8289 and 8290).
	codelTarget   = 5 * time.Millisecond
	codelInterval = 100 * time.Millisecond
	queueLimit    = 10240

	// mostJitter bounds jitter, in its means.
	mostJitter = 10

	// processorBuffer is how much waits for a node's processor: what its socket holds.
	processorBuffer = 7 << 20
)

// core moves packets over the lines of a topology: one heap of events, one
// timer for the next of them. Times are in ns since start.
type core struct {
	topo    *Topology
	start   time.Time
	quantum int // bytes that a flow may send in its turn: no packet is larger

	mu      sync.Mutex
	closed  bool
	running bool
	now     int64       // all events up to here have happened
	armed   int64       // when timer fires
	timer   *time.Timer // nil: never armed
	heap    []event
	seq     uint64
	nodes   []*coreNode
	sites   []*coreSite        // [0] is not used
	byIP    map[netip.Addr]int // both addresses of a node behind a NAT
	cut     func(a, b int) bool
	epoch   int // of cut

	jitter  *rand.Rand
	uploads uploads
}

type coreNode struct {
	Node
	ip, outside    netip.Addr
	up, down       line
	processor      line // of both directions
	sent, received int64
	short          int64         // of both, in packets of at most shortLine
	paths          map[int]*path // by receiver
	ports          map[uint16]receiver
	nextPort       uint16
	nat            *nat // nil: none
}

type coreSite struct {
	Site
	up, down line
}

// receiver is a socket. Packets are its own once it gets them. Its methods are
// called with the core locked.
type receiver interface {
	receive(p *packet)
	dropped(p *packet) // was sent by this socket
	close()            // the network is closed
}

// path is the way from one node to another.
type path struct {
	src, dst int
	delay    int64
	local    bool             // in one site
	instant  bool             // no line with a rate and no delay
	flows    [stageThere]flow // in the queue of each stage
	there    int64            // when the last packet is, with jitter
	epoch    int
	cut      bool
}

// The stages of a packet: at the index of its next line.
const (
	stageOut = iota // the sender's processor
	stageUp
	stageSiteUp
	stageSiteDown
	stageDown
	stageIn // the receiver's processor
	stageThere
)

type packet struct {
	path     *path
	stage    int
	from, to uint16      // ports
	via      *natMapping // of the sender; nil: none
	size     int         // bytes on the line
	count    int         // packets that it stands for; 0: 1
	lost     int         // of them on the way
	lastLost bool        // the last of them is among these
	queued   int64       // since when
	video    bool        // of an upload
	born     int64       // of an upload
	next     *packet

	addr net.Addr // of the sender, for QUIC
	data []byte
	body any // for fast links
	src  receiver
}

// event is one of: a packet arrives after its delay, a line is done with a
// packet, a function is called.
type event struct {
	at  int64
	seq uint64
	p   *packet
	l   *line
	f   func()
}

func newCore(t *Topology, quantum int) (*core, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	c := &core{
		topo: t, start: time.Now(), quantum: quantum,
		armed: math.MaxInt64, jitter: rand.New(rand.NewPCG(t.Seed, 0x6a697474)), byIP: make(map[netip.Addr]int, len(t.Nodes)), sites: make([]*coreSite, 1, len(t.Sites)+1),
	}
	ips, outside := t.ips(), t.outsideIPs()
	for i, n := range t.Nodes {
		node := &coreNode{Node: n, ip: ips[i], outside: outside[i], paths: map[int]*path{}, ports: map[uint16]receiver{}, nextPort: 49152}
		node.up.init(n.Up, n.Loss, t.Seed, 2*uint64(i))
		node.down.init(n.Down, n.Loss, t.Seed, 2*uint64(i)+1)
		node.up.burst, node.down.burst = n.Burst, n.Burst
		node.up.bound(n.Buffer)
		node.down.bound(n.Buffer)
		node.processor.perByte, node.processor.perPacket = n.PerByte, float64(n.PerPacket)
		node.processor.buffer = processorBuffer
		if n.NAT != NoNAT {
			node.nat = newNAT(n.NAT, outside[i], t.Seed, uint64(i))
		}
		c.nodes = append(c.nodes, node)
		c.byIP[ips[i]], c.byIP[outside[i]] = i, i
	}
	for _, s := range t.Sites {
		site := &coreSite{Site: s}
		site.up.init(s.Up, 0, 0, 0)
		site.down.init(s.Down, 0, 0, 0)
		c.sites = append(c.sites, site)
	}
	c.startUploads()
	return c, nil
}

// fire handles what is due.
func (c *core) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.armed = math.MaxInt64
	c.run()
	c.arm()
}

// Close stops all packets and wakes all who wait for them.
func (c *core) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.heap = nil
	var open []receiver
	for _, n := range c.nodes {
		for _, r := range n.ports {
			open = append(open, r)
		}
		clear(n.ports)
	}
	for _, r := range open {
		r.close()
	}
}

func (c *core) Cut(cut func(a, b int) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run()
	c.cut = cut
	c.epoch++
}

func (c *core) Traffic(i int) (sent, received int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run()
	return c.nodes[i].sent, c.nodes[i].received
}

func (c *core) ShortPackets(i int) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run()
	return c.nodes[i].short
}

func (c *core) SiteTraffic(site int) (up, down int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run()
	return c.sites[site].up.carried, c.sites[site].down.carried
}

// bind gives a port of a node to r; 0 is any free one. It is false if the port
// is taken or the network closed.
func (c *core) bind(node int, port uint16, r receiver) (uint16, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bindLocked(node, port, r)
}

func (c *core) bindLocked(node int, port uint16, r receiver) (uint16, bool) {
	n := c.nodes[node]
	if port == 0 {
		for range 1 << 14 {
			port, n.nextPort = n.nextPort, max(49152, n.nextPort+1)
			if n.ports[port] == nil {
				break
			}
		}
	}
	if n.ports[port] != nil || c.closed {
		return 0, false
	}
	n.ports[port] = r
	return port, true
}

func (c *core) unbind(node int, port uint16, r receiver) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes[node].ports[port] == r {
		delete(c.nodes[node].ports, port)
	}
}

// send puts a packet from one node's port on its way; size includes headers.
// The core is locked.
func (c *core) send(src, dst int, p *packet) {
	if c.closed {
		c.drop(p)
		return
	}
	c.run()
	p.path, p.stage = c.path(src, dst), stageOut
	if n, m := c.nodes[src], c.nodes[dst]; n.nat != nil && !p.path.local {
		if n.nat.kind == NoUDP && m.nat != nil {
			c.drop(p)
			return
		}
		p.via = n.nat.out(p.from, netip.AddrPortFrom(m.outside, p.to), c.now)
		p.from, p.addr = uint16(p.via.addr.Port), p.via.addr
	}
	if p.path.instant {
		c.push(event{at: c.now, p: p}) // or the receiver would run inside the sender
	} else {
		c.advance(p, c.now)
	}
	c.arm()
}

// find returns the node that an address leads to from another one: its own address
// from within its site, and otherwise that of the Internet.
func (c *core) find(src int, ip netip.Addr) (dst int, ok bool) {
	if dst, ok = c.byIP[ip.Unmap()]; !ok {
		return 0, false
	}
	m := c.nodes[dst]
	if c.local(src, dst) {
		return dst, ip.Unmap() == m.ip
	}
	return dst, ip.Unmap() == m.outside
}

// local reports whether no NAT and no line of a site is between two nodes.
func (c *core) local(src, dst int) bool {
	n := c.nodes[src]
	return src == dst || n.Site != 0 && n.Site == c.nodes[dst].Site
}

func (c *core) path(src, dst int) *path {
	n := c.nodes[src]
	p := n.paths[dst]
	if p != nil {
		return p
	}
	p = &path{src: src, dst: dst, local: c.local(src, dst)}
	switch {
	case src == dst:
	case p.local:
		p.delay = int64(c.sites[n.Site].Delay)
	case c.topo.Delay != nil:
		p.delay = max(0, int64(c.topo.Delay(src, dst)))
	}
	p.instant = p.delay == 0 && (src == dst || n.Jitter+c.nodes[dst].Jitter == 0)
	for stage := range stageThere {
		if l := c.line(p, stage); l.takesTime() {
			p.instant = false
		}
	}
	n.paths[dst] = p
	return p
}

// line returns the line of a stage of a path, nil if it has none there.
func (c *core) line(p *path, stage int) *line {
	n, m := c.nodes[p.src], c.nodes[p.dst]
	switch {
	case p.src == p.dst:
	case stage == stageOut:
		return &n.processor
	case stage == stageIn:
		return &m.processor
	case stage == stageUp:
		return &n.up
	case stage == stageDown:
		return &m.down
	case p.local:
	case stage == stageSiteUp && n.Site != 0:
		return &c.sites[n.Site].up
	case stage == stageSiteDown && m.Site != 0:
		return &c.sites[m.Site].down
	}
	return nil
}

// advance takes a packet to its next line, or to its receiver.
func (c *core) advance(p *packet, t int64) {
	for ; p.stage < stageThere; p.stage++ {
		l := c.line(p.path, p.stage)
		if l == nil {
			if p.stage == stageSiteUp && c.travel(p, t) {
				return
			}
			continue
		}
		if l.takesTime() {
			if l.queued >= queueLimit || l.buffer > 0 && !c.fits(l, p) {
				c.drop(p)
				return
			}
			c.enqueue(l, p, t)
			if l.current == nil {
				c.transmit(l, t)
			}
			return
		}
		if !c.crossed(l, p) || p.stage == stageSiteUp && c.travel(p, t) {
			return
		}
	}
	c.deliver(p, t)
}

// fits drops of a packet that stands for several what a queue without fairness has no
// room for, the last ones. It is false if that is all of it.
func (c *core) fits(l *line, p *packet) bool {
	for l.bytes > 0 && l.bytes+p.size > l.buffer {
		left := max(1, p.count) - p.lost
		if left == 1 {
			return false
		}
		p.lastLost = true
		c.lose(p)
	}
	return true
}

func (c *core) enqueue(l *line, p *packet, t int64) {
	l.queued++
	if l.buffer > 0 {
		l.bytes += p.size
		l.fifo.push(p, t)
		return
	}
	f := &p.path.flows[p.stage]
	f.push(p, t)
	if !f.listed {
		f.listed, f.credits = true, c.quantum
		l.fresh.push(f)
	}
}

// transmit starts with the next packet of a line that is free.
func (c *core) transmit(l *line, t int64) {
	if l.current = l.dequeue(c, t); l.current != nil {
		l.owed += float64(l.current.size)*l.perByte + float64(max(1, l.current.count)-l.current.lost)*l.perPacket
		whole := math.Floor(l.owed)
		l.owed -= whole
		c.push(event{at: t + int64(whole), l: l})
	}
}

// crossed counts a packet that a line is done with. It is false if the packet
// was lost on it.
func (c *core) crossed(l *line, p *packet) bool {
	l.carried += int64(p.size)
	if p.stage == stageUp && !p.video {
		c.nodes[p.path.src].sent += int64(p.size)
		if p.size <= shortLine {
			c.nodes[p.path.src].short += int64(p.size)
		}
	}
	if l.loss > 0 {
		for i := range max(1, p.count) - p.lost {
			if l.loses() {
				p.lastLost = p.lastLost || i == 0
				if c.lose(p) {
					return false
				}
			}
		}
	}
	return true
}

// lose takes away one of the packets that p stands for. It is true if it was the
// last one; p is dropped then.
func (c *core) lose(p *packet) bool {
	left := max(1, p.count) - p.lost
	p.lost++
	p.size -= p.size / left
	if left == 1 {
		c.drop(p)
	}
	return left == 1
}

// travel sends a packet that has left its site over the distance. It is false
// if there is none.
func (c *core) travel(p *packet, t int64) bool {
	at := t + p.path.delay
	if j := c.nodes[p.path.src].Jitter + c.nodes[p.path.dst].Jitter; j > 0 && p.path.src != p.path.dst {
		// In order, as radio links that repeat what was lost on them deliver it.
		at = max(at+int64(min(c.jitter.ExpFloat64(), mostJitter)*float64(j)), p.path.there)
		p.path.there = at
	}
	if at == t {
		return false
	}
	p.stage++
	c.push(event{at: at, p: p})
	return true
}

func (c *core) deliver(p *packet, t int64) {
	if p.video {
		c.uploads.arrived(p, t)
		return
	}
	if c.isCut(p.path) {
		c.drop(p)
		return
	}
	n := c.nodes[p.path.dst]
	port, ok := p.to, true
	if n.nat != nil && !p.path.local {
		var late time.Duration
		if p.via != nil && c.topo.Late != nil {
			late = c.topo.Late(p.path.src, p.path.dst)
		}
		port, ok = n.nat.in(p.to, netip.AddrPortFrom(c.nodes[p.path.src].outside, p.from), late, t)
	}
	r := n.ports[port]
	if r == nil || !ok {
		c.drop(p)
		return
	}
	if p.path.src != p.path.dst {
		n.received += int64(p.size)
		if p.size <= shortLine {
			n.short += int64(p.size)
		}
	}
	r.receive(p)
}

func (c *core) isCut(p *path) bool {
	if p.epoch != c.epoch {
		p.epoch = c.epoch
		p.cut = c.cut != nil && (c.cut(p.src, p.dst) || c.cut(p.dst, p.src))
	}
	return p.cut
}

func (c *core) drop(p *packet) {
	if p.video {
		c.uploads.since.Lost++
	}
	if p.src != nil {
		p.src.dropped(p)
	}
}

// run lets all events up to now happen. Called by one of them it does nothing,
// and now stays the time of that event.
func (c *core) run() {
	if c.running {
		return
	}
	c.running = true
	defer func() { c.running = false }()
	now := int64(time.Since(c.start))
	for len(c.heap) > 0 && c.heap[0].at <= now {
		e := c.pop()
		c.now = e.at
		switch {
		case e.p != nil:
			c.advance(e.p, e.at)
		case e.l != nil:
			l, p := e.l, e.l.current
			c.transmit(l, e.at)
			if !c.crossed(l, p) || p.stage == stageSiteUp && c.travel(p, e.at) {
				continue
			}
			p.stage++
			c.advance(p, e.at)
		default:
			e.f()
		}
	}
	c.now = now
}

// arm sets the timer to the next event, at the end of its tick. It takes a new timer
// each time: the runtime looks at every timer there is when one that runs is brought
// forward, which took a third of the time of a thousand nodes.
func (c *core) arm() {
	if len(c.heap) == 0 || c.closed || c.running {
		return
	}
	at := (c.heap[0].at + int64(tick) - 1) / int64(tick) * int64(tick)
	if at < c.armed {
		c.armed = at
		if c.timer != nil {
			c.timer.Stop()
		}
		c.timer = time.AfterFunc(time.Duration(at-c.now), c.fire)
	}
}

// push and pop keep heap a heap with four children each.
func (c *core) push(e event) {
	c.seq++
	e.seq = c.seq
	h := append(c.heap, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	c.heap = h
}

func (c *core) pop() event {
	h := c.heap
	top, e := h[0], h[len(h)-1]
	h[len(h)-1] = event{}
	h = h[:len(h)-1]
	c.heap = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for k := first + 1; k < min(first+4, len(h)); k++ {
			if h[k].before(&h[least]) {
				least = k
			}
		}
		if !h[least].before(&e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
	return top
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// line is one direction of an access line: flows that take turns (RFC 8290,
// with a queue for every pair of nodes instead of hashed ones).
type line struct {
	perByte   float64 // ns
	perPacket float64 // ns; both 0: no limit
	target    int64   // CoDel's, ns
	loss      float64
	burst     float64 // mean number of packets lost in a row
	bad       bool    // packets are being lost
	random    *rand.Rand

	buffer int  // bytes that wait at most, in one queue; 0: fair queues with CoDel
	bytes  int  // that do
	fifo   flow // them

	current    *packet // on the line
	owed       float64 // parts of a ns
	queued     int     // packets
	fresh, old flowList
	carried    int64 // bytes
}

func (l *line) init(rate, loss float64, seed, stream uint64) {
	if rate > 0 {
		l.perByte = 8e9 / rate
	}
	// On a slow line one packet alone takes longer than 5 ms (RFC 8290, 5.2.2).
	l.target = max(int64(codelTarget), int64(1.5*mtu*l.perByte))
	l.loss = loss
	if loss > 0 {
		l.random = rand.New(rand.NewPCG(seed, stream))
	}
}

func (l *line) takesTime() bool { return l != nil && (l.perByte > 0 || l.perPacket > 0) }

// bound gives a line one queue of so much time.
func (l *line) bound(time time.Duration) {
	if time > 0 && l.perByte > 0 {
		l.buffer = max(2*mtu, int(float64(time)/l.perByte))
	}
}

// loses reports whether the next packet is lost: by itself, or with others in a row
// (Gilbert, "Capacity of a Burst-Noise Channel", 1960), so that a share of loss is lost
// in the long run.
func (l *line) loses() bool {
	if l.burst <= 1 {
		return l.random.Float64() < l.loss
	}
	if l.bad {
		l.bad = l.random.Float64() >= 1/l.burst
	} else {
		l.bad = l.random.Float64() < l.loss/(l.burst*(1-l.loss))
	}
	return l.bad
}

func (l *line) dequeue(c *core, t int64) *packet {
	if l.buffer > 0 {
		p := l.fifo.head
		if p == nil {
			return nil
		}
		if l.fifo.head = p.next; l.fifo.head == nil {
			l.fifo.tail = nil
		}
		p.next = nil
		l.queued--
		l.bytes -= p.size
		return p
	}
	for {
		list := &l.fresh
		if list.head == nil {
			list = &l.old
		}
		f := list.head
		if f == nil {
			return nil
		}
		if f.credits <= 0 {
			f.credits += c.quantum
			list.pop()
			l.old.push(f)
			continue
		}
		if p := f.dequeue(c, l, t); p != nil {
			f.credits -= p.size
			return p
		}
		list.pop()
		if list == &l.fresh && l.old.head != nil {
			l.old.push(f) // or it would come back before others had their turn
		} else {
			f.listed = false
		}
	}
}

// flow is the queue of one pair of nodes in one line, with CoDel's state.
type flow struct {
	head, tail *packet
	bytes      int
	credits    int
	listed     bool
	next       *flow

	dropping          bool
	firstAbove        int64 // 0: not above
	dropNext          int64
	count, countAtEnd int
}

func (f *flow) push(p *packet, t int64) {
	p.queued, p.next = t, nil
	if f.tail == nil {
		f.head = p
	} else {
		f.tail.next = p
	}
	f.tail = p
	f.bytes += p.size
}

// pop returns the next packet, and whether CoDel may drop it.
func (f *flow) pop(l *line, t int64, largest int) (p *packet, bad bool) {
	p = f.head
	if p == nil {
		f.firstAbove = 0
		return nil, false
	}
	if f.head = p.next; f.head == nil {
		f.tail = nil
	}
	p.next = nil
	f.bytes -= p.size
	l.queued--
	switch {
	case t-p.queued < l.target || f.bytes < largest:
		f.firstAbove = 0
	case f.firstAbove == 0:
		f.firstAbove = t + int64(codelInterval)
	default:
		bad = t >= f.firstAbove
	}
	return p, bad
}

func (f *flow) dequeue(c *core, l *line, t int64) *packet {
	p, bad := f.pop(l, t, c.quantum)
	law := func(t int64) int64 { return t + int64(float64(codelInterval)/math.Sqrt(float64(f.count))) }
	switch {
	case f.dropping && !bad:
		f.dropping = false
	case f.dropping:
		for f.dropping && t >= f.dropNext {
			f.count++
			if c.lose(p) {
				p, bad = f.pop(l, t, c.quantum)
			}
			if !bad {
				f.dropping = false
			} else {
				f.dropNext = law(f.dropNext)
			}
		}
	case bad:
		if c.lose(p) {
			p, _ = f.pop(l, t, c.quantum)
		}
		f.dropping = true
		delta := f.count - f.countAtEnd
		f.count = 1
		if delta > 1 && t-f.dropNext < 16*int64(codelInterval) {
			f.count = delta
		}
		f.dropNext = law(t)
		f.countAtEnd = f.count
	}
	return p
}

type flowList struct{ head, tail *flow }

func (l *flowList) push(f *flow) {
	f.next = nil
	if l.tail == nil {
		l.head = f
	} else {
		l.tail.next = f
	}
	l.tail = f
}

func (l *flowList) pop() {
	f := l.head
	if l.head = f.next; l.head == nil {
		l.tail = nil
	}
	f.next = nil
}
