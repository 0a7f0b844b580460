package swarm

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"camswarm/swarm/filestore"
)

// slowCrowd starts a seed and cameras that measure their uplinks, all connected with
// one another, and waits until they have.
func (s *testSim) slowCrowd(opts ExchangeOptions) {
	for i, n := range s.nodes {
		cfg, opts := DefaultExchangeConfig(), opts
		if i == 0 {
			cfg.Workers = SeedWorkers
			opts.MeasureLine = false
		}
		n.startWith(cfg, opts)
	}
	for i := range s.nodes {
		for j := range i {
			s.connect(i, j)
		}
	}
	time.Sleep(time.Minute)
}

// Ten cameras of 1 Mbit/s up beside a seed of 1 Gbit/s: what each needs is its share of
// the seed, and its uplink for nothing but the acknowledgements. Measured 2.2 to
// 3.0 s, and 4.3 s where they share from the start.
func TestSlowUplinksDoNotHoldUpFetches(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds")
	}
	crowd := append([]link{{1000, 1000}}, slices.Repeat([]link{{1, 50}}, 10)...)
	runSim(t, crowd, rtt(10*time.Millisecond, 150*time.Millisecond, 3), func(s *testSim) {
		s.slowCrowd(ExchangeOptions{MeasureLine: true})
		for i, n := range s.nodes[1:] {
			if got := n.x.SlowLine(); got < 80_000 || got > 140_000 {
				t.Errorf("camera %d takes its uplink of 131,072 bytes per second for one of %d", i+1, got)
			}
		}
		data, f := testImage(6_200_000, 32<<10, 3)
		s.nodes[0].add(f, data)
		for _, n := range s.nodes[1:] {
			n.add(f, nil)
		}
		early := make(chan int64, 1) // what cameras have served when most of them still fetch
		time.AfterFunc(900*time.Millisecond, func() {
			sum := int64(0)
			for _, n := range s.nodes[1:] {
				sum += n.x.Stats().Total.Sent
			}
			early <- sum
		})
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1:]...)
		for _, n := range s.nodes[1:] {
			n.holds(f, data)
		}
		served := <-early
		t.Logf("took %.1f s, %d bytes served in the first 0.9 s", took, served)
		if served > 0 {
			t.Errorf("cameras served %d bytes while the seed's acknowledgements needed their uplinks", served)
		}
		if most := slices.Max(took); most > 6 {
			t.Errorf("the slowest camera took %.1f s", most)
		}
		time.Sleep(time.Second) // who has it says so to those who have not
		key, _ := filestore.Digest(f.Root)
		last := s.nodes[1+slices.Index(took, slices.Max(took))].x
		last.mu.Lock()
		defer last.mu.Unlock()
		for _, p := range last.peers {
			if c := p.claims[key]; c == nil || !c.all {
				t.Error("a camera that is done did not say so to the last one")
			}
		}
	})
}

// Six of them beside a seed of 1 Mbit/s, which alone would take eight times as long as
// with their help.
func TestSlowUplinksServeWhereTheyAreNeeded(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds")
	}
	crowd := slices.Repeat([]link{{1, 50}}, 7)
	runSim(t, crowd, rtt(10*time.Millisecond, 150*time.Millisecond, 4), func(s *testSim) {
		s.slowCrowd(ExchangeOptions{MeasureLine: true})
		data, f := testImage(1_000_000, 32<<10, 4)
		s.nodes[0].add(f, data)
		for _, n := range s.nodes[1:] {
			n.add(f, nil)
		}
		took := fetchAll(t, f.Root, 2*time.Minute, s.nodes[1:]...)
		t.Logf("took %.1f s, the bound is %.1f s", took, fluidBound(1_000_000, crowd[0], crowd[1:]))
		if most := slices.Max(took); most > 24 {
			t.Errorf("the slowest camera took %.1f s; the seed alone needs 46 s", most)
		}
	})
}

// limit returns the limit in bytes per second, 0 if there is none.
func (g *uploadGate) limit() int64 {
	if l := g.lim.Limit(); l != rate.Inf {
		return int64(l)
	}
	return 0
}

// answerLineLate answers as a peer does that is busy, or lies.
func answerLineLate(st network.Stream) {
	_, _ = io.CopyN(io.Discard, st, 1)
	_, _ = st.Write([]byte{0})
	_, _ = io.CopyN(io.Discard, st, 1)
	_, _ = st.Write([]byte{0})
	time.Sleep(5 * time.Second)
	_, _ = st.Write([]byte{0})
}

func TestUplinkIsMeasured(t *testing.T) {
	for _, c := range []struct {
		name string
		up   int
		slow bool
		near bool // all neighbours are
		lies int  // of three neighbours
	}{
		{name: "20 Mbit/s", up: 20},
		{name: "4 Mbit/s", up: 4},
		{name: "1 Mbit/s", up: 1, slow: true},
		{name: "1 Mbit/s, nobody outside", up: 1, near: true},
		{name: "two of three answer late", up: 20, lies: 2},
		{name: "one of three answers early", up: 1, lies: -1}, // it is not known to be slow then
	} {
		t.Run(c.name, func(t *testing.T) {
			runSim(t, []link{{c.up, 50}, {20, 50}, {20, 50}, {20, 50}}, rtt(10*time.Millisecond, 150*time.Millisecond, 5), func(s *testSim) {
				for i, n := range s.nodes {
					n.start(ExchangeOptions{MeasureLine: i == 0, Near: func(peer.ID) bool { return c.near }})
				}
				var asked atomic.Int64
				for i, n := range s.nodes[1:] {
					n.h.SetStreamHandler(LineProtocol, func(st network.Stream) {
						asked.Add(1)
						switch {
						case i < c.lies:
							answerLineLate(st)
						case i < -c.lies:
							_, _ = st.Write([]byte{0, 0, 0})
						default:
							answerLine(st)
						}
					})
				}
				for j := 1; j < len(s.nodes); j++ {
					s.connect(0, j)
				}
				time.Sleep(5 * time.Minute)
				got := s.nodes[0].x.SlowLine()
				if c.lies >= 0 && (got > 0) != c.slow {
					t.Errorf("an uplink of %d Mbit/s was measured as %d bytes per second (0: not slow)", c.up, got)
				}
				if n := asked.Load(); n > lineTries || (n == 0) != c.near || c.slow && n < lineTries {
					t.Errorf("%d neighbours were asked", n)
				}
				if limit := s.nodes[0].x.lineGate.limit(); (limit > 0) != (got > 0) || limit > got*lineServes/100 && limit > int64(MinLimit) {
					t.Errorf("serves with %d bytes per second of %d", limit, got)
				}
				if err := s.nodes[0].x.SetLimits(10_000, 0); err != nil || s.nodes[0].x.gate.limit() != 10_000 {
					t.Errorf("a limit of 10,000 bytes per second leaves one of %d, %v", s.nodes[0].x.gate.limit(), err)
				}
			})
		})
	}
}

// What was in the line's way when it was measured, or a peer that answered late, holds
// nothing up for longer than a day.
func TestUplinkIsMeasuredAnew(t *testing.T) {
	runSim(t, []link{{20, 50}, {20, 50}, {20, 50}, {20, 50}}, rtt(10*time.Millisecond, 150*time.Millisecond, 5), func(s *testSim) {
		var late atomic.Bool
		for i, n := range s.nodes {
			n.start(ExchangeOptions{MeasureLine: i == 0})
			if i == 0 {
				continue
			}
			n.h.SetStreamHandler(LineProtocol, func(st network.Stream) {
				if late.Load() {
					answerLineLate(st)
				} else {
					answerLine(st)
				}
			})
			s.connect(0, i)
		}
		x := s.nodes[0].x
		for day, slow := range []bool{true, false, true} {
			late.Store(slow)
			time.Sleep(lineAgain + 5*time.Minute)
			if got := x.SlowLine(); (got > 0) != slow || (x.lineGate.limit() > 0) != slow {
				t.Errorf("day %d: the uplink was measured as %d bytes per second (0: not slow), serves with %d (0: no limit)", day, got, x.lineGate.limit())
			}
		}
	})
}

// Times of real TCP connections without a limit, between two network namespaces with a
// delay: what they wait for is no slow line. The last two are what 1 Mbit/s would take.
func TestUplinkOverTCPIsNotSlowForItsRoundTrips(t *testing.T) {
	for _, c := range []struct {
		rtt, all time.Duration
		slow     bool
	}{
		{51 * time.Millisecond, 120 * time.Millisecond, false},
		{101 * time.Millisecond, 235 * time.Millisecond, false},
		{125 * time.Millisecond, 281 * time.Millisecond, false},
		{201 * time.Millisecond, 466 * time.Millisecond, false},
		{20 * time.Millisecond, 282 * time.Millisecond, true},
		{100 * time.Millisecond, 362 * time.Millisecond, true},
	} {
		if got := lineRate("tcp", c.rtt, c.all); (got < slowLine) != c.slow {
			t.Errorf("%v after a round trip of %v: %d bytes per second", c.all, c.rtt, got)
		}
	}
}

// Live video, a line that costs by the byte, quiet hours: what is not to serve anybody
// outside sends nobody the bytes of a measurement either, until that is over.
func TestUplinkIsNotMeasuredWhereNothingIsServed(t *testing.T) {
	for _, mode := range []Mode{ModeLAN, ModeLeech, ModeOff} {
		runSim(t, []link{{1, 50}, {20, 50}}, rtt(10*time.Millisecond, 150*time.Millisecond, 5), func(s *testSim) {
			s.nodes[0].start(ExchangeOptions{MeasureLine: true})
			s.nodes[1].start(ExchangeOptions{})
			s.connect(0, 1)
			x := s.nodes[0].x
			if err := x.SetMode(mode); err != nil {
				t.Fatal(err)
			}
			before, _ := s.nodes[0].wire()
			time.Sleep(time.Hour)
			after, _ := s.nodes[0].wire()
			if sent, slow := after-before, x.SlowLine(); sent > lineBytes/2 || slow > 0 {
				t.Errorf("%s: %d bytes were sent, and the uplink was measured as %d bytes per second", mode, sent, slow)
			}
			if err := x.SetMode(ModeShare); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * lineRetry)
			if x.SlowLine() == 0 {
				t.Errorf("%s: the uplink was not measured when it was over", mode)
			}
		})
	}
}

// Peers that take the bytes and do not answer get so many of them in a day, and those that
// end the stream do not make the word of one that answers late the last.
func TestUplinkIsMeasuredBesidePeersThatDoNotAnswer(t *testing.T) {
	lines := slices.Repeat([]link{{20, 50}}, 6)
	for seed := range uint64(8) {
		runSim(t, lines, rtt(10*time.Millisecond, 150*time.Millisecond, 5), func(s *testSim) {
			mute := seed == 0
			var asked atomic.Int64
			for i, n := range s.nodes {
				n.start(ExchangeOptions{MeasureLine: i == 0, Rand: rand.New(rand.NewPCG(seed, 1))})
				if i == 0 {
					continue
				}
				n.h.SetStreamHandler(LineProtocol, func(st network.Stream) {
					asked.Add(1)
					switch {
					case mute:
						_, _ = st.Write([]byte{0, 0})
						_, _ = io.Copy(io.Discard, st)
					case i == 1:
						answerLineLate(st)
					case i < 4:
						_ = st.Reset()
					default:
						answerLine(st)
					}
				})
				s.connect(0, i)
			}
			time.Sleep(map[bool]time.Duration{true: lineAgain, false: 20 * time.Minute}[mute])
			if n := asked.Load(); n > lineTries+lineFails+1 {
				t.Errorf("%d times in a day %d bytes were sent", n, lineBytes)
			}
			if got := s.nodes[0].x.SlowLine(); got > 0 {
				t.Errorf("one peer's late answer makes an uplink of 20 Mbit/s one of %d bytes per second", got)
			}
		})
	}
}

// Strangers that answer late do not make an uplink slow beside one neighbour that has
// delivered before. There are so many that chance does not find it among them six times.
func TestUplinkIsMeasuredFirstWithWhoDelivers(t *testing.T) {
	const strangers = 20
	for seed := range uint64(6) {
		runSim(t, slices.Repeat([]link{{20, 50}}, strangers+2), rtt(10*time.Millisecond, 150*time.Millisecond, 5), func(s *testSim) {
			known := newReputationsAt(simStart)
			known.Delivered(s.nodes[strangers+1].h.ID(), 8<<20, time.Second)
			for i, n := range s.nodes {
				n.start(ExchangeOptions{MeasureLine: i == 0, Rand: rand.New(rand.NewPCG(seed, 2)), Reputations: known})
				if i == 0 {
					continue
				}
				if i <= strangers {
					n.h.SetStreamHandler(LineProtocol, answerLineLate)
				}
				s.connect(0, i)
			}
			time.Sleep(5 * time.Minute)
			if got := s.nodes[0].x.SlowLine(); got > 0 {
				t.Errorf("an uplink of 20 Mbit/s was measured as %d bytes per second", got)
			}
		})
	}
}

// Who is on the same network is not beyond the slow line: a camera tells it what comes at
// once, and serves it as fast as that network is.
func TestSlowUplinkIsNoneWithinTheOwnNetwork(t *testing.T) {
	for _, near := range []bool{true, false} {
		runSim(t, []link{{100, 100}, {100, 50}, {100, 50}}, flat(5*time.Millisecond), func(s *testSim) {
			seed, camera, other := s.nodes[0], s.nodes[1], s.nodes[2]
			for _, n := range s.nodes {
				n.start(ExchangeOptions{Near: func(p peer.ID) bool { return near && p != seed.h.ID() }})
			}
			s.connect(0, 1)
			s.connect(1, 2)
			camera.x.setLine(100_000)
			data, f := testImage(4_000_000, 32<<10, 7)
			seed.add(f, data)
			camera.add(f, nil)
			other.add(f, nil)
			early := make(chan int64, 1)
			time.AfterFunc(400*time.Millisecond, func() { early <- camera.x.Stats().Total.Sent })
			took := fetchAll(t, f.Root, 5*time.Minute, camera, other)
			t.Logf("near %t: took %.1f s", near, took)
			if sent := <-early; (sent > 0) != near || took[0] < 0.4 {
				t.Errorf("near %t: %d bytes were served in the first 0.4 of %.1f s", near, sent, took[0])
			}
			if (took[1] < 3) != near {
				t.Errorf("near %t: the other camera took %.1f s", near, took[1])
			}
		})
	}
}

// A fetch is not silent to its end when the uplink turns out not to be slow meanwhile.
func TestFetchSpeaksUpWhenTheUplinkIsNotSlow(t *testing.T) {
	for _, mended := range []bool{true, false} {
		runSim(t, []link{{100, 100}, {20, 50}, {100, 50}}, flat(5*time.Millisecond), func(s *testSim) {
			for _, n := range s.nodes {
				n.start(ExchangeOptions{})
			}
			s.connect(0, 1)
			s.connect(1, 2)
			camera := s.nodes[1].x
			camera.setLine(100_000)
			data, f := testImage(20_000_000, 64<<10, 8)
			s.nodes[0].add(f, data)
			s.nodes[1].add(f, nil)
			s.nodes[2].add(f, nil)
			sent := make(chan int64, 1)
			time.AfterFunc(time.Second, func() {
				if mended {
					camera.setLine(0)
				}
			})
			time.AfterFunc(2500*time.Millisecond, func() { sent <- camera.Stats().Total.Sent })
			took := fetchAll(t, f.Root, 30*time.Minute, s.nodes[1], s.nodes[2])
			if n := <-sent; (n > 0) != mended || took[0] < 2.5 {
				t.Errorf("not slow any more %t: %d bytes were served in the first 2.5 of %.1f s", mended, n, took[0])
			}
		})
	}
}

// A stream that is opened and left costs its peer until lineTimeout.
func TestLineStreamThatIsLeftEnds(t *testing.T) {
	runSim(t, []link{{20, 50}, {20, 50}}, rtt(10*time.Millisecond, 20*time.Millisecond, 6), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(1, 0)
		st, err := s.nodes[1].h.NewStream(context.Background(), s.nodes[0].h.ID(), LineProtocol)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := st.SetReadDeadline(start.Add(3 * lineTimeout)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(st); err == nil || time.Since(start) > 2*lineTimeout {
			t.Errorf("the stream ended after %v with %v", time.Since(start), err)
		}
	})
}
