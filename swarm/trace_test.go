package swarm

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lineTrace samples a crowd's lines, to tell where the time of a fetch goes.
// SWARM_TRACE=1 has TestSwarmNears… print it.
type lineTrace struct {
	s       *testSim
	start   time.Time
	stop    chan struct{}
	stopped chan struct{}
	first   []time.Duration // until a camera's first block, 0: not yet
	at      []lineSample
}

// lineCount is what a node has put on its line.
type lineCount struct {
	blocks, line, packets int64
}

type lineSample struct {
	cameras lineCount
	seed    lineCount
}

const traceStep = 50 * time.Millisecond

func countLine(n *testNode) lineCount {
	st := n.line.Load().Stats()
	return lineCount{blocks: n.x.Stats().Total.Sent, line: int64(st.BytesSent), packets: int64(st.PacketsSent)}
}

// traceLines samples until end is called.
func (s *testSim) traceLines() *lineTrace {
	l := &lineTrace{s: s, start: time.Now(), stop: make(chan struct{}), stopped: make(chan struct{}),
		first: make([]time.Duration, len(s.nodes))}
	l.sample()
	go func() {
		defer close(l.stopped)
		for step := traceStep / 5; ; {
			select {
			case <-l.stop:
				return
			case <-time.After(step):
			}
			for i, n := range s.nodes[1:] {
				if l.first[i+1] == 0 && n.x.Stats().Total.Useful > 0 {
					l.first[i+1] = time.Since(l.start)
				}
			}
			if time.Since(l.start) >= time.Duration(len(l.at))*traceStep {
				l.sample()
			}
		}
	}()
	return l
}

func (l *lineTrace) sample() {
	sum := lineSample{seed: countLine(l.s.nodes[0])}
	for _, n := range l.s.nodes[1:] {
		c := countLine(n)
		sum.cameras.blocks += c.blocks
		sum.cameras.line += c.line
		sum.cameras.packets += c.packets
	}
	l.at = append(l.at, sum)
}

func (l *lineTrace) end() {
	close(l.stop)
	<-l.stopped
}

// report says where the time until p95 went, as the cameras' uplinks were used on
// average: took are the seconds of the cameras.
func (l *lineTrace) report(t *testing.T, took []float64) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(took))
	p95 := sorted[len(sorted)*95/100]
	last := min(int(p95/traceStep.Seconds()), len(l.at)-1)
	rate := float64(len(took)*l.s.nodes[1].link.up) * 1e6 / 8 * traceStep.Seconds() // bytes in a step
	used := func(k int) (blocks, line float64) {
		a, b := l.at[k-1].cameras, l.at[k].cameras
		return float64(b.blocks-a.blocks) / rate, float64(b.line-a.line) / rate
	}
	const busy = 0.9
	from, to := 0, 0
	for k := 1; k <= last; k++ {
		if _, line := used(k); line >= busy {
			if from == 0 {
				from = k
			}
			to = k
		}
	}
	var blocks, other, ramp, gaps, tail float64
	var shares, goodput []int
	for k := 1; k <= last; k++ {
		b, line := used(k)
		shares, goodput = append(shares, int(100*line)), append(goodput, int(100*b))
		blocks += b
		other += line - b
		switch idle := 1 - line; {
		case k < from:
			ramp += idle
		case k > to:
			tail += idle
		default:
			gaps += idle
		}
	}
	s := traceStep.Seconds()
	t.Logf("cameras' uplinks until p95, %.2f s: blocks %.2f, headers and messages %.2f, idle at first %.2f, idle between %.2f, idle at the end %.2f s",
		float64(last)*s, blocks*s, other*s, ramp*s, gaps*s, tail*s)
	t.Log("% of their uplinks in use, each 50 ms:", shares)
	t.Log("% of their uplinks with blocks:       ", goodput)
	seed := float64(l.s.nodes[0].link.up) * 1e6 / 8 * traceStep.Seconds()
	shares = shares[:0]
	for k := 1; k <= last; k++ {
		shares = append(shares, int(100*float64(l.at[k].seed.line-l.at[k-1].seed.line)/seed))
	}
	t.Log("% of the seed's uplink in use:        ", shares)

	a, b := l.at[0].cameras, l.at[last].cameras
	n := float64(len(took))
	units := float64(b.blocks-a.blocks) / n / (32 << 10)
	t.Logf("a camera sent %.0f packets of %.0f bytes, %.2f times the bytes of its blocks, and for each of %.0f blocks %.1f messages of possession and %.1f of wants",
		float64(b.packets-a.packets)/n, float64(b.line-a.line)/float64(b.packets-a.packets),
		float64(b.line-a.line)/float64(b.blocks-a.blocks), units, l.messages("out")/n/units, l.messages("wants")/n/units)

	first := slices.Sorted(slices.Values(l.first[1:]))
	t.Logf("first block after: median %v, 95 %% %v, last %v", first[len(first)/2], first[len(first)*95/100], first[len(first)-1])
	byPeers := map[int][]float64{}
	for i, n := range l.s.nodes[1:] {
		k := len(n.h.Network().Peers())
		byPeers[k] = append(byPeers[k], took[i])
	}
	for k := range 64 {
		if v := byPeers[k]; len(v) > 0 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			t.Logf("%d cameras with %d neighbours: %.2f s on average", len(v), k, sum/float64(len(v)))
		}
	}
}

// messages returns how many messages of a kind the cameras have sent.
func (l *lineTrace) messages(kind string) float64 {
	sum := 0.0
	for _, n := range l.s.nodes[1:] {
		reg := prometheus.NewRegistry()
		reg.MustRegister(n.x.m.haves, n.x.m.sent)
		sum += counted(l.s.t, reg, kind)
	}
	return sum
}
