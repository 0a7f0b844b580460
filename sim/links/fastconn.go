package links

import (
	"context"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
)

// message is what fast links send as a packet.
type message struct {
	packet
	kind     messageKind
	from, to *fastConn
	seq      int64
	ack      int64 // of a segment: the newest that arrived on the other way, or -1
	frames   []frame
	flight   int   // bytes that count as in flight
	sent     int64 // when
	hello    int64 // of an answer: when that was sent which it answers
	received bool  // set by the receiver, perhaps in part: what its acknowledgements say
	patched  bool  // what was lost of it was sent again

	delivered, deliveredAt int64 // by then, of BBR
	code                   network.ConnErrorCode
	reset                  bool // nobody knows the connection
}

type messageKind uint8

const (
	helloMessage messageKind = iota
	answerMessage
	segmentMessage
	ackMessage
	closeMessage
	punchMessage
)

// dropped returns about how many bytes of data the packets that were lost had.
func (m *message) dropped() int { return m.lost * (m.flight/max(1, m.count) - headers) }

func (m *message) on(from, to uint16, size, count int, s receiver) *packet {
	m.packet = packet{from: from, to: to, size: size, count: count, src: s, body: m}
	return &m.packet
}

// frame is a part of a segment, as QUIC's are.
type frame struct {
	kind   frameKind
	stream uint64
	off    int64 // of data; a limit; the final size
	data   []byte
	fin    bool
	code   network.StreamErrorCode
	of     *message // whose lost packets these are
}

type frameKind uint8

const (
	pingFrame frameKind = iota
	finishFrame
	dataFrame
	resetFrame
	stopFrame
	streamLimitFrame
	connLimitFrame
	streamsFrame
	patchFrame
)

func (f *frame) size() int {
	switch f.kind {
	case dataFrame:
		return len(f.data)
	case finishFrame:
		return handshakeData
	case patchFrame:
		return f.of.dropped()
	}
	return 8
}

// fastConn is one side of a connection. All of it is guarded by the core's lock
// but for the fields that do not change once the connection is ready.
type fastConn struct {
	net       *fastNetwork
	socket    *fastSocket
	node      int // of the peer
	port      uint16
	dir       network.Direction
	scope     network.ConnManagementScope
	remote    ma.Multiaddr
	remoteID  peer.ID
	remoteKey crypto.PubKey
	dialed    chan error // of a client
	scopeOnce sync.Once

	peer     *fastConn // the other side
	answered bool      // a server that answered

	answeredAt int64 // when the server sent the answer that a client got
	ready      bool
	err        error
	code       network.ConnErrorCode // with which it was closed
	told       bool                  // closed by this side or told so by the other
	wake       sync.Cond             // Accept and Open wait

	// Congestion control.
	congestion          Congestion
	cubic               cubic
	bbr                 bbr
	window, threshold   int
	avoided             int // bytes acknowledged since the window last grew
	flight              int
	sent                []*message // not acknowledged, oldest first
	nextSeq             int64
	newest              int64 // that arrived, or -1
	recovery            int64 // losses before this one are of one event
	rtt, deviation      int64 // ns, 0: none yet
	leastRTT, roundRTT  int64
	roundEnd            int64
	roundSamples        int
	roundOpen, slowDone bool
	budget              float64
	budgetAt            int64 // -1: never sent
	extra               float64
	segment             int      // packets
	payload             int      // bytes of a full packet
	seeking             *message // tries whether one may be larger
	seekAt              int64    // not before

	flushing    bool
	pacing      bool
	accepted    bool // by the program
	probes      int
	probeAt     int64
	probeArmed  int64
	lastArrival int64
	idleArmed   bool
	pinged      bool

	// Streams.
	control    []frame // to send before data
	streams    map[uint64]*fastStream
	sending    []*fastStream // have something to send
	nextStream uint64
	openLimit  int64
	opened     int64
	acceptFrom uint64 // the next id of the peer
	accept     []*fastStream
	granted    int64
	sendLimit  int64
	sentData   int64
	receiving  window
}

var _ transport.CapableConn = (*fastConn)(nil)

func newFastConn(s *fastSocket, node int, port uint16, dir network.Direction) *fastConn {
	n := s.t.net
	x := &fastConn{
		net: n, socket: s, node: node, port: port, dir: dir,
		payload: datagram, window: firstWindow, threshold: math.MaxInt, budgetAt: -1, probeArmed: math.MaxInt64, newest: -1,
		streams: map[uint64]*fastStream{}, openLimit: mostStreams, granted: mostStreams, sendLimit: connWindow,
		receiving: window{size: connWindow, most: connWindowM, limit: connWindow}, lastArrival: n.now,
	}
	x.congestion = n.nodes[s.t.node].Congestion
	x.wake.L = &n.mu
	if dir == network.DirInbound {
		x.nextStream = 1
	} else {
		x.acceptFrom = 1
	}
	// How long a segment takes on the lines, which is no queueing.
	slowest := 0.0
	p := n.path(s.t.node, node)
	for stage := range stageThere {
		if l := n.line(p, stage); l != nil {
			x.extra += l.perByte
			slowest = max(slowest, l.perByte)
		}
	}
	x.segment = segmentMost
	if slowest > 0 {
		x.segment = min(x.segment, max(1, int(float64(segmentTime)/slowest/datagramLine)))
	}
	s.conns[x] = struct{}{}
	return x
}

func (x *fastConn) send(m *message, size, count int) {
	m.from = x
	x.net.send(x.socket.t.node, x.node, m.on(x.socket.port, x.port, size, count, x.socket))
}

// hello sends a client's first packet until it is answered.
func (x *fastConn) hello(known bool, try int) {
	if x.err != nil || x.ready {
		return
	}
	if try == initialTries {
		x.fail(&quic.IdleTimeoutError{})
		return
	}
	wait := int64(2*firstRTT) << try
	if try == initialTries-1 {
		wait = int64(handshakeIdle) - (int64(2*firstRTT)<<try - int64(2*firstRTT))
	}
	now := x.net.now
	if known {
		x.send(&message{kind: helloMessage, sent: now}, datagramLine, 1)
	}
	x.net.push(event{at: now + wait, f: func() { x.hello(known, try+1) }})
}

// answer answers the packet that a client sent at a time.
func (x *fastConn) answer(hello int64) {
	x.send(&message{kind: answerMessage, to: x.peer, sent: x.net.now, hello: hello}, serverHello, 2)
}

func (x *fastConn) receive(m *message) {
	x.lastArrival, x.pinged = x.net.now, false
	switch m.kind {
	case answerMessage:
		if x.ready {
			return
		}
		t := m.from.socket.t
		if t.id != x.remoteID {
			x.dialed <- &network.ConnError{ErrorCode: network.ConnProtocolViolation, TransportError: errPeer} // the first of two: close tells the dialler too
			x.close(network.ConnProtocolViolation)
			return
		}
		x.remoteKey = t.key
		x.answeredAt = m.sent
		x.sample(x.net.now-m.hello, 0)
		x.start()
		x.control = append(x.control, frame{kind: finishFrame})
		x.flushSoon()
		x.dialed <- nil
	case segmentMessage:
		m.received = true
		if !x.ready {
			if !x.answered {
				return
			}
			x.sample(x.net.now-m.from.answeredAt, 0)
			x.start()
			if l := x.socket.listener; l == nil || len(l.queue) >= acceptQueue {
				x.close(network.ConnRateLimited)
				return
			} else {
				l.queue = append(l.queue, x)
				l.wake.Signal()
			}
		}
		if m.lost == 0 {
			x.take(m.frames)
		}
		if x.err == nil {
			x.acknowledged(m.ack, false)
		}
		if x.err == nil && !m.lastLost { // else it is the next one that tells
			x.newest = m.seq
			x.send(&message{kind: ackMessage, to: m.from, seq: m.seq}, ackLine*((max(1, m.count)+1)/2), 1)
			x.seek()
		}
	case ackMessage:
		x.acknowledged(m.seq, true)
	case closeMessage:
		x.code, x.told = m.code, true
		var cause error = &quic.ApplicationError{Remote: true, ErrorCode: quic.ApplicationErrorCode(m.code)}
		if m.reset {
			x.fail(&quic.StatelessResetError{})
			return
		}
		x.fail(&network.ConnError{Remote: true, ErrorCode: m.code, TransportError: cause})
	}
}

func (x *fastConn) take(frames []frame) {
	for i := range frames {
		if f := &frames[i]; f.kind == patchFrame {
			x.take(f.of.frames)
		} else if x.err == nil {
			x.handle(f)
		}
	}
}

func (x *fastConn) start() {
	x.ready = true
	x.seekAt = x.net.now + seekRounds*x.rtt
	x.armIdle()
}

// sample takes a measured round trip of a segment of some bytes on the line.
func (x *fastConn) sample(rtt int64, size int) {
	if size > datagramLine {
		rtt -= int64(float64(size-datagramLine) * x.extra)
	}
	rtt = max(rtt, 1000)
	if x.rtt == 0 {
		x.rtt, x.deviation, x.leastRTT = rtt, rtt/2, rtt
	} else {
		x.leastRTT = min(x.leastRTT, rtt)
		x.deviation = (3*x.deviation + max(x.rtt-rtt, rtt-x.rtt)) / 4
		x.rtt = (7*x.rtt + rtt) / 8
	}
}

// acknowledged handles an acknowledgement, which tells of all segments up to
// seq which have arrived: lines do not reorder. One that was sent at once tells
// how long the round trip is.
func (x *fastConn) acknowledged(seq int64, atOnce bool) {
	before, newly, lost := x.flight, false, false
	for len(x.sent) > 0 && x.sent[0].seq <= seq {
		m := x.sent[0]
		x.sent[0] = nil
		x.sent = x.sent[1:]
		x.flight -= m.flight
		if !m.received || m.lost > 0 {
			x.lost(m)
			lost = true
			newly = newly || m.received
			continue
		}
		newly = true
		if m == x.seeking {
			x.payload, x.seeking = m.flight, nil
		}
		rtt := int64(0)
		if m.seq == seq && atOnce {
			rtt = x.net.now - m.sent
			x.sample(rtt, m.size)
			x.hybrid(rtt, m)
		}
		if m.seq >= x.roundEnd {
			x.roundOpen = false
		}
		if x.congestion == BBR {
			x.bbr.acked(m, x.flight, before < x.window/2, x.net.now, rtt)
			x.window = min(x.bbr.window(), mostWindow)
		} else if m.seq >= x.recovery {
			x.grow(m.flight, before)
		}
	}
	if newly {
		x.probes = 0
	}
	if len(x.sent) > 0 {
		x.armProbe()
	}
	if newly || lost {
		x.flushSoon()
	}
}

// lost sends again what did not arrive of a segment, and slows down.
func (x *fastConn) lost(m *message) {
	if m == x.seeking {
		x.seeking = nil
		return
	}
	if m.received {
		if !m.patched {
			m.patched = true
			x.control = append(x.control, frame{kind: patchFrame, of: m})
		}
	} else {
		for _, f := range m.frames {
			if s := x.streams[f.stream]; f.kind == pingFrame || f.kind == dataFrame && s != nil && s.resetSent {
				continue
			}
			x.control = append(x.control, f)
		}
	}
	if m.seq < x.recovery || x.congestion == BBR {
		return
	}
	x.cubic.lost(float64(x.window) / float64(x.payload))
	x.window = max(leastWindow*x.payload, x.window*7/10)
	x.threshold, x.recovery, x.avoided = x.window, x.nextSeq, 0
}

func (x *fastConn) slow() bool { return x.window < x.threshold }

func (x *fastConn) grow(bytes, before int) {
	limited := before >= x.window || x.slow() && before > x.window/2 || x.window-before <= 3*x.payload
	if !limited || x.window >= mostWindow {
		return
	}
	if x.slow() {
		x.window += bytes
		return
	}
	if x.congestion == Cubic {
		x.window += x.cubic.grow(x.window, bytes, x.payload, x.net.now, x.rtt)
		return
	}
	if x.avoided += bytes; x.avoided >= x.window {
		x.window += x.payload
		x.avoided = 0
	}
}

// hybrid ends slow start when the first round trips of a round have grown.
func (x *fastConn) hybrid(rtt int64, m *message) {
	if !x.slow() || x.congestion == BBR {
		return
	}
	rtt -= int64(float64(max(0, m.size-datagramLine)) * x.extra)
	if !x.roundOpen {
		x.roundOpen, x.roundEnd, x.roundRTT, x.roundSamples = true, x.nextSeq, math.MaxInt64, 0
	}
	if x.roundSamples < 8 {
		x.roundRTT = min(x.roundRTT, rtt)
		if x.roundSamples += (max(1, m.count) + 1) / 2; x.roundSamples >= 8 { // one for each acknowledgement of two packets
			limit := min(max(x.leastRTT/8, int64(4*time.Millisecond)), int64(16*time.Millisecond))
			x.slowDone = x.slowDone || x.roundRTT > x.leastRTT+limit
		}
	}
	if x.slowDone && x.window >= 16*x.payload {
		x.threshold = x.window
	}
}

// rate is what pacing allows, bytes per ns.
func (x *fastConn) rate() float64 {
	if x.congestion == BBR {
		return x.bbr.rate(x.rtt)
	}
	r := float64(x.window) / float64(max(x.rtt, 1000))
	if x.slow() {
		return 2 * r
	}
	return 1.25 * r
}

// flushSoon sends what there is when all who run at this instant have written.
func (x *fastConn) flushSoon() {
	if x.flushing || !x.ready || x.err != nil {
		return
	}
	x.flushing = true
	x.net.push(event{at: x.net.now, f: func() { x.flushing = false; x.flush() }})
}

func (x *fastConn) flush() {
	x.seek()
	data := x.payload - headers
	for x.err == nil && x.flight < x.window && (len(x.control) > 0 || x.sendable()) {
		rate := x.rate()
		burst := max(rate*2e6, 10*float64(x.payload))
		budget := burst
		if x.budgetAt >= 0 {
			budget = min(burst, x.budget+rate*float64(x.net.now-x.budgetAt))
		}
		// A connection that is slow at the moment sends smaller segments.
		packets := max(1, min(x.segment, int(rate*float64(segmentTime))/x.payload))
		want := float64(packets * x.payload)
		if len(x.control) > 0 || x.pendingAtMost(data) {
			want = float64(x.payload)
		}
		if budget < want {
			if !x.pacing {
				x.pacing = true
				wait := max(int64((want-budget)/rate)+1, int64(time.Millisecond))
				x.net.push(event{at: x.net.now + wait, f: func() { x.pacing = false; x.flush() }})
			}
			return
		}
		most := packets * data
		if room := (x.window - x.flight + x.payload - 1) / x.payload * data; room < most {
			most = max(room, data)
		}
		sent := x.emit(min(most, max(1, int(budget)/x.payload)*data))
		if sent == 0 {
			return
		}
		x.budget, x.budgetAt = max(0, budget-float64(sent)), x.net.now
	}
}

// emit sends one segment of up to most bytes of data, and returns how many count
// as in flight for it: none if there was nothing to send.
func (x *fastConn) emit(most int) int {
	m, size := &message{}, 0
	for len(x.control) > 0 && (size == 0 || size+x.control[0].size() <= most) {
		m.frames = append(m.frames, x.control[0])
		size += x.control[0].size()
		x.control[0] = frame{}
		x.control = x.control[1:]
	}
	if len(x.control) == 0 {
		x.control = nil
	}
	for left := len(x.sending); size < most && left > 0; {
		s := x.sending[0]
		f, ok, more := s.next(most - size)
		x.sending = x.sending[1:]
		if more {
			x.sending = append(x.sending, s)
		} else {
			s.listed = false
		}
		if ok {
			m.frames = append(m.frames, f)
			size += max(8, f.size())
			left = len(x.sending)
		} else {
			left-- // it waits for the connection's window, behind it may be an end that does not
		}
	}
	if len(m.frames) > 0 {
		x.transmit(m, size, x.packets(size))
	}
	return m.flight
}

// seek tries whether a packet may be larger, as quic-go does where it may forbid
// fragmentation: by halves, and not often.
func (x *fastConn) seek() {
	if datagramMost-x.payload < seekLeast || x.seeking != nil || !x.ready || x.err != nil || x.net.now < x.seekAt {
		return
	}
	x.seekAt = x.net.now + seekRounds*x.rtt
	x.seeking = &message{frames: []frame{{kind: pingFrame}}}
	x.transmit(x.seeking, (x.payload+datagramMost)/2-headers, 1)
}

// packets returns how many so many bytes of data take.
func (x *fastConn) packets(size int) int {
	most := x.payload - headers
	return (size + most - 1) / most
}

// transmit sends a message's frames, so many bytes of data, in a number of packets.
func (x *fastConn) transmit(m *message, size, count int) {
	m.kind, m.to, m.seq, m.sent, m.ack = segmentMessage, x.peer, x.nextSeq, x.net.now, x.newest
	x.nextSeq++
	m.flight = size + count*headers
	x.bbr.sent(m, x.net.now, x.flight == 0)
	x.flight += m.flight
	x.sent = append(x.sent, m)
	x.send(m, m.flight+count*overhead, count)
	x.armProbe()
}

func (x *fastConn) sendable() bool {
	return len(x.sending) > 0 && x.sentData < x.sendLimit || slices.ContainsFunc(x.sending, (*fastStream).finOnly)
}

func (x *fastConn) pendingAtMost(n int) bool {
	for _, s := range x.sending {
		if n -= max(8, len(s.out)); n < 0 {
			return false
		}
	}
	return true
}

// armProbe sees to it that something is sent when acknowledgements stay away.
func (x *fastConn) armProbe() {
	pto := x.rtt + max(4*x.deviation, int64(time.Millisecond)) + int64(ackDelay)
	x.probeAt = x.net.now + pto<<min(x.probes, 20)
	if x.probeAt < x.probeArmed {
		x.probeArmed = x.probeAt
		at := x.probeAt
		x.net.push(event{at: at, f: func() { x.probe(at) }})
	}
}

func (x *fastConn) probe(at int64) {
	if at != x.probeArmed {
		return
	}
	x.probeArmed = math.MaxInt64
	if x.err != nil || len(x.sent) == 0 {
		return
	}
	if x.net.now < x.probeAt {
		x.probeArmed = x.probeAt
		at := x.probeAt
		x.net.push(event{at: at, f: func() { x.probe(at) }})
		return
	}
	// The oldest segment again. If it is only the acknowledgement that was
	// lost, that of the probe tells.
	x.probes++
	old := x.sent[0]
	m, size := &message{frames: []frame{{kind: pingFrame}}}, 8
	if old.received && old.lost > 0 && !old.patched {
		old.patched = true
		m.frames, size = []frame{{kind: patchFrame, of: old}}, old.dropped()
	} else if !old.received {
		m.frames, size = old.frames, max(8, old.flight-max(1, old.count)*headers)
		old.frames = nil // lost with the probe, if at all
	}
	x.transmit(m, size, x.packets(size))
}

func (x *fastConn) armIdle() {
	if x.idleArmed || x.err != nil {
		return
	}
	x.idleArmed = true
	wait := keepAlive
	if x.pinged {
		wait = idleTimeout
	}
	x.net.push(event{at: max(x.lastArrival+int64(wait), x.net.now+1), f: func() {
		x.idleArmed = false
		silent := x.net.now - x.lastArrival
		switch {
		case x.err != nil:
		case silent >= int64(idleTimeout):
			x.fail(&quic.IdleTimeoutError{})
		case silent >= int64(keepAlive) && !x.pinged:
			x.pinged = true
			x.control = append(x.control, frame{kind: pingFrame})
			x.flushSoon()
		}
		x.armIdle()
	}})
}

// fail ends the connection on this side. The core is locked.
func (x *fastConn) fail(err error) {
	if x.err != nil {
		return
	}
	x.err = err
	delete(x.socket.conns, x)
	for _, s := range x.streams {
		s.wake.Broadcast()
	}
	x.sent, x.control, x.sending, x.streams, x.accept = nil, nil, nil, nil, nil
	if x.dir == network.DirInbound && !x.accepted && x.scope != nil {
		x.done() // nobody else will
	}
	if x.dialed != nil && !x.ready {
		select {
		case x.dialed <- err:
		default:
		}
	}
	x.wake.Broadcast()
}

// close ends the connection and tells the peer. The core is locked.
func (x *fastConn) close(code network.ConnErrorCode) {
	if x.err != nil {
		return
	}
	x.code, x.told = code, true
	x.fail(&network.ConnError{ErrorCode: code, TransportError: &quic.ApplicationError{ErrorCode: quic.ApplicationErrorCode(code)}})
	if x.peer != nil {
		x.send(&message{kind: closeMessage, to: x.peer, code: code}, ackLine, 1)
	}
}

// end is close without the lock.
func (x *fastConn) end(code network.ConnErrorCode) error {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	x.net.run()
	x.close(code)
	x.net.arm()
	return nil
}

// reserve asks the resource manager for a larger window.
func (x *fastConn) reserve(n int64) bool {
	return x.scope.ReserveMemory(int(n), network.ReservationPriorityMedium) == nil
}

func (x *fastConn) done() { x.scopeOnce.Do(x.scope.Done) }

func (x *fastConn) Close() error { return x.CloseWithError(0) }

func (x *fastConn) CloseWithError(code network.ConnErrorCode) error {
	_ = x.end(code)
	x.done()
	return nil
}

func (x *fastConn) IsClosed() bool {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	return x.err != nil
}

// OpenStream waits while the peer allows no more streams.
func (x *fastConn) OpenStream(ctx context.Context) (network.MuxedStream, error) {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if x.err == nil && x.opened >= x.openLimit {
		stop := context.AfterFunc(ctx, func() {
			x.net.mu.Lock()
			defer x.net.mu.Unlock()
			x.wake.Broadcast()
		})
		defer stop()
	}
	for x.err == nil && x.opened >= x.openLimit {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x.wake.Wait()
	}
	if x.err != nil {
		return nil, x.err
	}
	x.opened++
	s := newFastStream(x, x.nextStream)
	x.nextStream += 2
	return s, nil
}

func (x *fastConn) AcceptStream() (network.MuxedStream, error) {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	for x.err == nil && len(x.accept) == 0 {
		x.wake.Wait()
	}
	if x.err != nil {
		return nil, x.err
	}
	s := x.accept[0]
	x.accept = x.accept[1:]
	return s, nil
}

func (x *fastConn) As(any) bool                    { return false }
func (x *fastConn) LocalPeer() peer.ID             { return x.socket.t.id }
func (x *fastConn) RemotePeer() peer.ID            { return x.remoteID }
func (x *fastConn) RemotePublicKey() crypto.PubKey { return x.remoteKey }
func (x *fastConn) LocalMultiaddr() ma.Multiaddr   { return x.socket.addr }
func (x *fastConn) RemoteMultiaddr() ma.Multiaddr  { return x.remote }
func (x *fastConn) Transport() transport.Transport { return x.socket.t }
func (x *fastConn) Scope() network.ConnScope       { return x.scope }
func (x *fastConn) ConnState() network.ConnectionState {
	return network.ConnectionState{Transport: "quic-v1"}
}

var errPeer = net.UnknownNetworkError("links: another peer than the one that was dialled has this address")

// window is the receiver's side of flow control, of a stream or connection.
type window struct {
	size, most int64
	limit      int64 // that the sender was told
	read       int64
	epoch      int64 // since when
	epochRead  int64
}

// arrived starts the clock with the first byte.
func (w *window) arrived(now int64) {
	if w.epoch == 0 {
		w.epoch = now
	}
}

// atLeast enlarges the window for the sake of a stream's.
func (w *window) atLeast(size, now int64, reserve func(int64) bool) {
	if size = min(size, w.most); size > w.size && reserve(size-w.size) {
		w.size, w.epoch, w.epochRead = size, now, w.read
	}
}

// consumed takes note of bytes that were read. It is true if the sender must be
// told of a new limit; the window has then grown if it was read fast.
func (w *window) consumed(n, now, rtt int64, reserve func(int64) bool) bool {
	w.read += n
	if w.limit-w.read > w.size*3/4 {
		return false
	}
	if read := w.read - w.epochRead; read > w.size/2 {
		if larger := min(2*w.size, w.most); larger > w.size && float64(now-w.epoch) < 4*float64(rtt)*float64(read)/float64(w.size) && (reserve == nil || reserve(larger-w.size)) {
			w.size = larger
		}
		w.epoch, w.epochRead = now, w.read
	}
	w.limit = w.read + w.size
	return true
}
