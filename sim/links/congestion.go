package links

import (
	"math"
	"time"
)

// Congestion is how a node's fast connections decide how much may be under way.
type Congestion uint8

// The kinds of congestion control. NewQUIC has Reno alone, which is what quic-go does.
const (
	// Reno is quic-go's: NewReno with a factor of 0.7 after a loss.
	Reno Congestion = iota
	// Cubic is that of RFC 9438 with its constants, fast convergence and the region
	// that is as friendly as Reno.
	Cubic
	// BBR is like the first version's (Cardwell et al., "BBR: Congestion-Based
	// Congestion Control", ACM Queue 2016): it sends at the highest rate that was
	// delivered in the last ten round trips, keeps two of their products with the
	// least round trip under way, probes for more and for a shorter round trip, and
	// does not slow down for losses.
	BBR
)

// cubic is what RFC 9438 keeps; windows are in packets.
type cubic struct {
	most  float64 // window at the last loss, or less by fast convergence
	last  float64 // window at the loss before
	k     float64 // seconds until the window is most again
	start float64 // window at the beginning of the epoch
	reno  float64 // the estimate of Reno's window
	epoch int64   // 0: none
	grown float64 // packets, of which whole ones are added to the window
}

const (
	cubicC    = 0.4
	cubicBeta = 0.7
)

// lost begins a new epoch after a loss at a window.
func (c *cubic) lost(window float64) {
	c.most = window
	if window < c.last {
		c.most = window * (1 + cubicBeta) / 2
	}
	c.last = window
	c.epoch, c.grown = 0, 0
}

// grow returns how many bytes a window of bytes grows when some of it are acknowledged;
// a full packet has payload of them.
func (c *cubic) grow(window, acked, payload int, now, rtt int64) int {
	w := float64(window) / float64(payload)
	if c.epoch == 0 {
		c.epoch, c.start, c.reno = now, w, w
		c.most = max(c.most, w)
		c.k = math.Cbrt((c.most - w) / cubicC)
	}
	share := float64(acked) / float64(window) // of a round trip
	alpha := 3 * (1 - cubicBeta) / (1 + cubicBeta)
	if c.reno >= c.most {
		alpha = 1
	}
	c.reno += alpha * share
	at := func(t int64) float64 { return cubicC*math.Pow(float64(t)/1e9-c.k, 3) + c.most }
	if t := now - c.epoch; at(t) < c.reno {
		c.grown += max(0, c.reno-w-c.grown)
	} else {
		c.grown += (min(max(at(t+rtt), w), 1.5*w) - w) * share
	}
	whole := math.Floor(c.grown)
	c.grown -= whole
	return int(whole) * payload
}

// bbr is what BBR keeps; rates are in bytes a ns.
type bbr struct {
	delivered   int64
	deliveredAt int64
	rounds      [10]float64 // the highest rate of each of the last round trips
	round       int
	roundEnd    int64 // delivered, at which the round trip ends
	least       int64 // round trip
	leastAt     int64 // when it was measured
	full        float64
	same        int // round trips without a quarter more
	state       bbrState
	since       int64 // of the phase
	phase       int
	probeUntil  int64
}

type bbrState uint8

const (
	bbrStartup bbrState = iota
	bbrDrain
	bbrProbe
	bbrProbeRTT
)

const (
	bbrHigh     = 2.885 // 2/ln 2
	bbrLeastFor = 10 * time.Second
	bbrProbeFor = 200 * time.Millisecond
)

var bbrCycle = [...]float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}

func (b *bbr) bandwidth() (most float64) {
	for _, r := range b.rounds {
		most = max(most, r)
	}
	return most
}

// sent notes on a message how much was delivered when it left.
func (b *bbr) sent(m *message, now int64, idle bool) {
	if idle || b.deliveredAt == 0 {
		b.deliveredAt = now
	}
	m.delivered, m.deliveredAt = b.delivered, b.deliveredAt
}

// acked takes an acknowledgement of a message; flight is what is under way after it.
func (b *bbr) acked(m *message, flight int, limited bool, now, rtt int64) {
	b.delivered += int64(m.flight)
	b.deliveredAt = now
	if rtt > 0 && (b.least == 0 || rtt <= b.least || now-b.leastAt > int64(bbrLeastFor)) {
		if b.least > 0 && rtt > b.least && b.state != bbrStartup && b.state != bbrProbeRTT {
			b.state, b.probeUntil = bbrProbeRTT, now+int64(bbrProbeFor)
		}
		b.least, b.leastAt = rtt, now
	}
	if took := now - m.deliveredAt; took > 0 {
		rate := float64(b.delivered-m.delivered) / float64(max(took, b.least))
		if !limited || rate > b.bandwidth() {
			b.rounds[b.round] = max(b.rounds[b.round], rate)
		}
	}
	if m.delivered >= b.roundEnd { // it was sent in this round trip: the next begins
		b.roundEnd = b.delivered
		b.endRound(limited)
	}
	switch product := b.bandwidth() * float64(b.least); b.state {
	case bbrDrain:
		if float64(flight) <= product {
			b.state, b.phase, b.since = bbrProbe, 2, now
		}
	case bbrProbe:
		if over := now-b.since > b.least; over && (bbrCycle[b.phase] != 1.25 || float64(flight) >= 1.25*product) || bbrCycle[b.phase] == 0.75 && float64(flight) <= product {
			b.phase, b.since = (b.phase+1)%len(bbrCycle), now
		}
	case bbrProbeRTT:
		if now >= b.probeUntil {
			b.state, b.phase, b.since = bbrProbe, 2, now
		}
	}
}

func (b *bbr) endRound(limited bool) {
	if b.state == bbrStartup && !limited {
		if bw := b.bandwidth(); bw >= 1.25*b.full {
			b.full, b.same = bw, 0
		} else if b.same++; b.same >= 3 {
			b.state = bbrDrain
		}
	}
	b.round = (b.round + 1) % len(b.rounds)
	b.rounds[b.round] = 0
}

// window and rate are what BBR allows; 0 before anything is known.
func (b *bbr) window() int {
	product := b.bandwidth() * float64(b.least)
	switch {
	case product == 0:
		return firstWindow
	case b.state == bbrProbeRTT:
		return 4 * datagram
	case b.state == bbrStartup || b.state == bbrDrain:
		return max(firstWindow, int(bbrHigh*product))
	}
	return max(4*datagram, int(2*product))
}

func (b *bbr) rate(rtt int64) float64 {
	bw := b.bandwidth()
	switch {
	case bw == 0:
		return bbrHigh * firstWindow / float64(max(rtt, 1000))
	case b.state == bbrStartup:
		return max(bbrHigh*bw, firstWindow/float64(max(rtt, 1000)))
	case b.state == bbrDrain:
		return bw / bbrHigh
	case b.state == bbrProbe:
		return bw * bbrCycle[b.phase]
	}
	return bw
}
