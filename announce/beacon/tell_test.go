package beacon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/sim/links"
	"camswarm/verify"
)

// A stage is a camera, in virtual time, that is connected with some seeds.
type stage struct {
	t       *testing.T
	camera  host.Host
	teller  *Teller
	seeds   []*Counter
	beacons int // that seeds heard
	allow   func(peer.ID, float64) bool

	mu    sync.Mutex
	see   []peer.ID
	say   Beacon
	woken chan struct{}
	begin func() // the teller as a camera that starts has it
	end   func()
}

func onStage(t *testing.T, seeds int, play func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(start))
		ctx, cancel := context.WithCancel(context.Background())
		var work sync.WaitGroup
		lines, err := links.NewFast(&links.Topology{Nodes: make([]links.Node, 1+seeds)})
		if err != nil {
			t.Fatal(err)
		}
		defer lines.Close()
		var hosts []host.Host
		s := &stage{t: t, woken: make(chan struct{}, 1), say: good(), allow: func(peer.ID, float64) bool { return true }}
		join := func(name string) (identity, host.Host) {
			who := someone(t, name)
			h, err := links.Host(lines, len(hosts), who.key)
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, h)
			return who, h
		}
		camera, h := join("camera")
		s.camera = h
		for i := range seeds {
			_, h := join("seed " + string(rune('a'+i)))
			c, err := NewCounter(h, DefaultConfig(true), []verify.Product{{Vendor: "acme.example", Name: "cam-1"}}, func(p peer.ID, cost float64) bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.beacons++
				return s.allow(p, cost)
			}, func(verify.ProductID) uint64 { return 0 }, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			s.seeds = append(s.seeds, c)
			work.Go(func() { _ = c.Run(ctx) })
		}
		for _, c := range s.seeds {
			s.connect(c)
		}
		s.begin = func() {
			s.teller = &Teller{Host: s.camera, Key: camera.key, Spread: 30 * time.Second, Keep: 26 * time.Hour, Log: slog.New(slog.DiscardHandler),
				Seeds: func() []peer.ID {
					s.mu.Lock()
					defer s.mu.Unlock()
					return slices.Clone(s.see)
				},
				Now: func() (Beacon, uint64, bool) {
					s.mu.Lock()
					defer s.mu.Unlock()
					return s.say, uint64(time.Now().Unix()), true
				},
			}
			ctx, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() { defer close(ended); _ = s.teller.Run(ctx, s.woken) }()
			s.end = func() { cancel(); <-ended }
		}
		synctest.Wait()
		s.begin()
		play(s)
		s.end()
		cancel()
		work.Wait()
		for _, h := range hosts {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// connect has the camera dial a seed.
func (s *stage) connect(seed *Counter) {
	s.t.Helper()
	if err := s.camera.Connect(context.Background(), peer.AddrInfo{ID: seed.host.ID(), Addrs: seed.host.Addrs()}); err != nil {
		s.t.Fatal(err)
	}
}

// restart ends the camera's teller and has another one begin, which knows nothing.
func (s *stage) restart() {
	s.end()
	s.begin()
}

// sees makes the camera connected with those seeds alone.
func (s *stage) sees(seeds ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.see = nil
	for _, i := range seeds {
		s.see = append(s.see, s.seeds[i].host.ID())
	}
}

func (s *stage) change(to func(*Beacon)) {
	s.mu.Lock()
	to(&s.say)
	s.mu.Unlock()
	s.woken <- struct{}{}
}

// counts is what each seed counts of release 2.
func (s *stage) counts() (out []ReleaseCount) {
	synctest.Wait()
	for _, c := range s.seeds {
		out = append(out, c.Report(good().Product).Of(2))
	}
	return out
}

func (s *stage) heard() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beacons
}

func TestACameraTellsOneSeedAndAgainWhatChanges(t *testing.T) {
	onStage(t, 3, func(s *stage) {
		time.Sleep(time.Hour)
		if n := s.heard(); n != 0 {
			t.Errorf("%d beacons without a seed", n)
		}
		s.sees(0, 1, 2)
		time.Sleep(retryMost)
		at := slices.IndexFunc(s.counts(), func(c ReleaseCount) bool { return c.States[StateFetching] == 1 })
		counted := 0
		for _, c := range s.counts() {
			counted += len(c.States)
		}
		if at < 0 || counted != 1 || s.heard() != 3 { // two to say that it is not theirs
			t.Fatalf("%+v after %d beacons", s.counts(), s.heard())
		}
		s.change(func(b *Beacon) { b.State = StateHeld })
		time.Sleep(31 * time.Second)
		s.woken <- struct{}{} // nothing new
		time.Sleep(5 * time.Hour)
		if c := s.counts()[at]; c.States[StateHeld] != 1 || len(c.States) != 1 || s.heard() != 4 {
			t.Errorf("%+v after %d beacons", c, s.heard())
		}
		time.Sleep(48 * time.Hour)
		if c := s.counts()[at]; c.States[StateHeld] != 1 || s.heard() < 12 || s.heard() > 14 {
			t.Errorf("%+v after %d beacons in 53 h; it must be renewed every six", c, s.heard())
		}
	})
}

func TestACameraThatChangesSeedsWithdraws(t *testing.T) {
	onStage(t, 2, func(s *stage) {
		s.sees(0)
		time.Sleep(time.Minute)
		s.sees(1)
		s.change(func(b *Beacon) { b.State = StateHeld })
		time.Sleep(time.Minute)
		if c := s.counts(); c[0].States[StateFetching] != 1 || c[1].States[StateHeld] != 1 {
			t.Errorf("%+v", c)
		}
		s.sees(0, 1) // the first is met again, and told
		before := s.heard()
		time.Sleep(withdrawEvery + time.Minute)
		if n := s.heard() - before; n != 1 {
			t.Errorf("%d beacons to withdraw one; the home knows already", n)
		}
		if c := s.counts(); len(c[0].States) != 0 || c[1].States[StateHeld] != 1 {
			t.Errorf("both count it: %+v", c)
		}
	})
}

// A camera that restarts remembers nobody whom it told. The seed that counts it as
// installed, and after two hours as overdue, is told as soon as it is met, or days later,
// whoever the camera tells by then.
func TestACameraThatRestartsWithdraws(t *testing.T) {
	for _, away := range []time.Duration{time.Minute, 5 * 24 * time.Hour} {
		onStage(t, 2, func(s *stage) {
			s.change(func(b *Beacon) { b.State = StateInstalled })
			s.sees(0)
			time.Sleep(time.Minute)
			s.restart()
			s.sees(1)
			s.change(func(b *Beacon) { b.State, b.Running = StateConfirmed, b.Release })
			time.Sleep(away)
			if c := s.counts(); c[0].States[StateInstalled] != 1 || c[1].States[StateConfirmed] != 1 {
				t.Fatalf("%+v", c)
			}
			s.sees(0, 1)
			time.Sleep(RenewEvery + time.Minute)
			if c := s.counts(); len(c[0].States) != 0 || c[1].States[StateConfirmed] != 1 {
				t.Errorf("away for %v, both count it: %+v", away, c)
			}
		})
	}
}

// Who changes seeds while the camera may be lost to the former is told of to that one
// after more than a seed's memory of others, too.
func TestAFormerSeedIsToldAfterDays(t *testing.T) {
	onStage(t, 2, func(s *stage) {
		s.change(func(b *Beacon) { b.State = StateInstalled })
		s.sees(0)
		time.Sleep(time.Minute)
		s.sees(1)
		s.change(func(b *Beacon) { b.State, b.Running = StateConfirmed, b.Release })
		time.Sleep(5 * 24 * time.Hour)
		s.sees(0, 1)
		time.Sleep(withdrawEvery + time.Minute)
		if c := s.counts(); len(c[0].States) != 0 || c[1].States[StateConfirmed] != 1 {
			t.Errorf("both count it: %+v", c)
		}
	})
}

// A seed that restarts has forgotten; the camera tells it again as soon as it is back, and
// nothing for a line that comes and goes beside it.
func TestACameraTellsAgainWhenItsSeedComesBack(t *testing.T) {
	onStage(t, 2, func(s *stage) {
		s.sees(0)
		time.Sleep(time.Minute)
		again := func(seed int) {
			s.t.Helper()
			if err := s.camera.Network().ClosePeer(s.seeds[seed].host.ID()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			s.seeds[seed].table = NewTable(DefaultConfig(true))
			s.connect(s.seeds[seed])
			time.Sleep(time.Minute)
		}
		again(0)
		if c := s.counts(); c[0].States[StateFetching] != 1 || s.heard() != 2 {
			t.Errorf("%+v after %d beacons", c, s.heard())
		}
		if r := s.seeds[0].Report(good().Product); r.At.Sub(r.Since) != time.Minute {
			t.Errorf("at %v it counts since %v", r.At, r.Since)
		}
		again(1)
		if n := s.heard(); n != 2 {
			t.Errorf("%d beacons: it told again, though another seed came back", n)
		}
	})
}

func TestTheSeedThatACameraTells(t *testing.T) {
	var none Teller
	if none.Tells("") || none.Tells("seed") {
		t.Error("nobody is told yet")
	}
	onStage(t, 2, func(s *stage) {
		tells := func() (out []bool) {
			synctest.Wait()
			for _, c := range s.seeds {
				out = append(out, s.teller.Tells(c.host.ID()))
			}
			return out
		}
		for _, home := range []int{0, 1} {
			s.sees(home)
			s.change(func(b *Beacon) { b.State++ })
			time.Sleep(time.Minute)
			if got := tells(); !got[home] || got[1-home] {
				t.Errorf("seed %d is told: %v", home, got)
			}
		}
	})
}

// denial_of_service: who is over the budget of all protocols is not heard, before
// anything is verified.
func TestThreatBeaconSybils_Budget(t *testing.T) {
	onStage(t, 1, func(s *stage) {
		s.allow = func(peer.ID, float64) bool { return false }
		s.sees(0)
		time.Sleep(time.Hour)
		if c := s.counts(); len(c[0].States) != 0 || s.heard() == 0 {
			t.Errorf("%+v after %d beacons", c, s.heard())
		}
	})
}

// denial_of_service: whoever asks how often, at once and again, a seed counts once every two
// seconds, for statement, page and metrics together.
func TestThreatDenialOfService_Counting(t *testing.T) {
	onStage(t, 1, func(s *stage) {
		seed, counted := s.seeds[0], 0
		seed.latest = func(verify.ProductID) uint64 { counted++; return 2 }
		states := func() map[State]int {
			statement, err := seed.Statement()
			data, err2 := json.Marshal(statement)
			f, err3 := OpenStatement(data)
			if err := errors.Join(err, err2, err3); err != nil || f.Seed != seed.host.ID().String() || len(f.Reports) != 1 || f.Reports[0].Name != "acme.example/cam-1" {
				t.Errorf("%+v, %v", f, err)
				return nil
			}
			return f.Reports[0].Of(2).States
		}
		metrics := prometheus.NewRegistry()
		metrics.MustRegister(&gauge{seed})
		var work sync.WaitGroup
		for range 50 {
			for range 4 {
				work.Go(func() {
					states()
					seed.Report(good().Product)
					if _, err := metrics.Gather(); err != nil {
						t.Error(err)
					}
				})
			}
			work.Wait()
			time.Sleep(countEvery / 10)
		}
		if counted != 5 {
			t.Errorf("counted %d times in %v", counted, 5*countEvery)
		}
		s.sees(0)
		time.Sleep(time.Minute)
		if got := states(); got[StateFetching] != 1 {
			t.Errorf("a minute after a camera told, %v", got)
		}
	})
}

// endless_data: a beacon has a size, and who goes on after it is not read.
func TestThreatEndlessData_Beacons(t *testing.T) {
	onStage(t, 1, func(s *stage) {
		stream, err := s.camera.NewStream(network.WithNoDial(context.Background(), ""), s.seeds[0].host.ID(), Protocol)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Write(make([]byte, 1024))
		}
		if len(s.counts()[0].States) != 0 {
			t.Error("it was counted")
		}
	})
}
