package links

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPlainQueueDropsAtItsEnd(t *testing.T) {
	// 1250 bytes take 1 ms; 20 ms wait, and one is on the line.
	topo := &Topology{Nodes: []Node{{Up: 10e6, Buffer: 20 * time.Millisecond}, {}, {}}}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		start := time.Now()
		for range 100 {
			put(t, s[0], s[1], 1250-overhead)
		}
		// Another flow's packet waits behind them, or is dropped.
		time.Sleep(1500 * time.Microsecond)
		put(t, s[0], s[2], 1250-overhead)
		count, last := got(s[1], time.Second)
		if took := last.Sub(start); count != 21 || took > 21*time.Millisecond+tick {
			t.Errorf("%d packets of 100 came in %v", count, took)
		}
		if n, last := got(s[2], time.Second); n != 1 || last.Sub(start) < 22*time.Millisecond {
			t.Errorf("%d packets of another flow came after %v", n, last.Sub(start))
		}
	})
}

// Over fast links a segment stands for several packets: those that fit are kept.
func TestAPlainQueueKeepsWhatFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := newCore(&Topology{Nodes: []Node{{Up: 10e6, Buffer: 5 * time.Millisecond}, {}}}, segmentLine)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		whole := &packet{size: 4000, count: 4}
		c.send(0, 1, &packet{size: 4000, count: 4})
		c.send(0, 1, &packet{size: 4000, count: 4}) // waits
		c.send(0, 1, whole)                         // 6250 bytes are all that may wait
		if whole.lost != 2 || whole.size != 2000 || !whole.lastLost {
			t.Errorf("%d of 4 packets were dropped, %d bytes wait", whole.lost, whole.size)
		}
	})
}

func TestLossesComeInBursts(t *testing.T) {
	for _, burst := range []float64{0, 8} {
		topo := &Topology{Nodes: []Node{{Loss: 0.02, Burst: burst}, {}}, Seed: 3}
		c, err := newCore(topo, mtu)
		if err != nil {
			t.Fatal(err)
		}
		const n = 2_000_000
		lost, rows, before := 0, 0, false
		for range n {
			l := c.nodes[0].up.loses()
			if l {
				lost++
				if !before {
					rows++
				}
			}
			before = l
		}
		c.Close()
		mean := float64(lost) / float64(rows)
		if share := float64(lost) / n; math.Abs(share-0.02) > 0.001 || math.Abs(mean-max(1.02, burst)) > 0.05*max(1, burst) {
			t.Errorf("bursts of %g: a share of %.4f is lost, %.2f in a row", burst, share, mean)
		}
	}
}

func TestJitterKeepsTheOrder(t *testing.T) {
	topo := &Topology{Nodes: []Node{{Jitter: 5 * time.Millisecond}, {Jitter: 3 * time.Millisecond}}, Delay: delay(20 * time.Millisecond), Seed: 1}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		var took []time.Duration
		for i := range 2000 {
			start := time.Now()
			put(t, s[0], s[1], 100+i%1000)
			_ = s[1].SetReadDeadline(time.Now().Add(time.Second))
			if _, _, err := s[1].ReadFrom(make([]byte, mtu)); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start)-20*time.Millisecond)
		}
		slices.Sort(took)
		sum := time.Duration(0)
		for _, d := range took {
			sum += d
		}
		// An exponential of mean 8 ms: its median is 5.5 ms, its 95th percentile 24.
		if mean := sum / 2000; mean < 7*time.Millisecond || mean > 9*time.Millisecond || took[1000] < 5*time.Millisecond || took[1000] > 6*time.Millisecond || took[1900] < 21*time.Millisecond || took[1900] > 27*time.Millisecond {
			t.Errorf("jitter of %v in the mean, %v, %v", mean, took[1000], took[1900])
		}
		// Many at once come as they were sent.
		for i := range 500 {
			put(t, s[0], s[1], 100+i)
		}
		b := make([]byte, mtu)
		for i := range 500 {
			if got, _, err := s[1].ReadFrom(b); err != nil || got != 100+i {
				t.Fatalf("packet %d has %d bytes: %v", i, got, err)
			}
		}
	})
}

func TestAProcessorTakesItsTime(t *testing.T) {
	// 2 ms for each packet of 1000 bytes: 1 for the packet, 1 for its bytes.
	topo := &Topology{Nodes: []Node{{}, {PerPacket: time.Millisecond, PerByte: 1000}}}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		start := time.Now()
		for range 100 {
			put(t, s[0], s[1], 1000-overhead)
		}
		if count, last := got(s[1], time.Second); count != 100 || last.Sub(start) < 200*time.Millisecond || last.Sub(start) > 200*time.Millisecond+tick {
			t.Errorf("%d packets after %v", count, last.Sub(start))
		}
		// Sending and receiving share it.
		start = time.Now()
		for range 50 {
			put(t, s[0], s[1], 1000-overhead)
			put(t, s[1], s[0], 1000-overhead)
		}
		_, last := got(s[1], time.Second)
		if took := last.Sub(start); took < 190*time.Millisecond {
			t.Errorf("50 packets in and 50 out took %v", took)
		}
	})
}

// A video has the line's rate less what else is on it; fair queues keep it on time, a
// plain one does not.
func TestAVideoSharesTheLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		buffer time.Duration
	}{{"fair queues", 0}, {"a plain queue", 300 * time.Millisecond}} {
		topo := &Topology{Nodes: []Node{{Up: 10e6, Video: 4e6, Buffer: c.buffer}, {}}}
		sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
			time.Sleep(10 * time.Second)
			alone := n.Uploads()
			if want := 10 * 4e6 / 8.0 / videoPacket; math.Abs(float64(alone.Sent)-want) > 60 || alone.Lost > 0 {
				t.Errorf("%s: %d packets of %.0f were sent, %d lost", c.name, alone.Sent, want, alone.Lost)
			}
			// The 28 packets of a frame follow one another, 1 ms each.
			if alone.Median < 10*time.Millisecond || alone.Median > 17*time.Millisecond || alone.P95 > 29*time.Millisecond {
				t.Errorf("%s: alone it takes %v, %v", c.name, alone.Median, alone.P95)
			}
			if sent, _ := n.Traffic(0); sent != 0 {
				t.Errorf("%s: the node has sent %d bytes", c.name, sent)
			}
			// 20 Mbit/s of others for five seconds, and 10 where it is counted.
			for range 5000 {
				put(t, s[0], s[1], 1250-overhead)
				put(t, s[0], s[1], 1250-overhead)
				time.Sleep(time.Millisecond)
			}
			with := n.Uploads()
			if late := with.P95 > 100*time.Millisecond || with.Lost > 0; late != (c.buffer > 0) {
				t.Errorf("%s: beside others it takes %v, %v, %d lost", c.name, with.Median, with.P95, with.Lost)
			}
		})
	}
}
