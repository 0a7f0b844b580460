package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/web"
)

const mbit = 1e6

// flash is the flash-crowd scenario: one seed with 100 Mbit/s, n cameras with 20
// up and 50 down, round trips of 10 to 150 ms, half of the cameras in each of
// two regions.
func flash(n int, size int) Env {
	topo := &links.Topology{Nodes: []links.Node{{Up: 100 * mbit, Down: 100 * mbit}}, Seed: 1}
	env := Env{Topology: topo, Seeds: []int{0}, Regions: []string{"us-east", "eu-west"}, BlockBytes: 64 << 10, Open: links.NewQUIC, Limit: 10 * time.Minute}
	for i := range n {
		topo.Nodes = append(topo.Nodes, links.Node{Up: 20 * mbit, Down: 50 * mbit})
		env.Cameras = append(env.Cameras, i+1)
	}
	topo.Delay = func(a, b int) time.Duration {
		r := rand.New(rand.NewPCG(7, uint64(min(a, b))<<32|uint64(max(a, b))))
		return 5*time.Millisecond + time.Duration(r.Int64N(int64(70*time.Millisecond)))
	}
	env.Region = func(i int) string { return env.Regions[i%2] }
	env.DataCentre = func(i int, _ string) time.Duration { return topo.Delay(0, i) }
	env.Edge = func(int) time.Duration { return 5 * time.Millisecond }
	env.Backbone = func(a, b string) time.Duration { return 40 * time.Millisecond }
	env.Start = func(k int) time.Duration { return time.Duration(k%7) * 20 * time.Millisecond }
	r := rand.New(rand.NewPCG(3, 3))
	for i := 1; i <= n; i++ {
		env.Neighbours = append(env.Neighbours, [2]int{i, 1 + i%n})
		for range 4 {
			env.Neighbours = append(env.Neighbours, [2]int{i, 1 + r.IntN(n)})
		}
	}
	for _, i := range r.Perm(n)[:min(n, 30)] {
		env.Neighbours = append(env.Neighbours, [2]int{0, i + 1})
	}
	env.Image = make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(env.Image)
	return env
}

func run(t *testing.T, env Env, names ...string) map[string]report.Baseline {
	t.Helper()
	out, err := Run(context.Background(), names, DefaultConfig(), env)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		t.Logf("%s: %.2f / %.2f / %.2f, %d unfinished. %s", n, out[n].P50, out[n].P95, out[n].Max, out[n].Unfinished, out[n].Note)
	}
	return out
}

// linesAllow fails the test if a camera was faster than its line and set-up.
func linesAllow(t *testing.T, env Env, b report.Baseline, roundTrips func(camera int) time.Duration) {
	t.Helper()
	for k, i := range env.Cameras {
		least := env.start(k) + roundTrips(i) + time.Duration(8e9*float64(len(env.Image))/env.Topology.Nodes[i].Down)
		if s := b.Seconds[k]; s < least.Seconds() {
			t.Errorf("camera %d took %.3f s, its line allows %v", i, s, least)
		}
	}
}

func TestOneCameraTakesTheTimeThatArithmeticGives(t *testing.T) {
	env := flash(1, 6_200_000)
	env.Topology.Delay = func(a, b int) time.Duration { return 20 * time.Millisecond }
	b := run(t, env, S3)[S3]
	// The look-up, TCP, TLS and request; S3's thought; slow start, which fills
	// 50 Mbit/s × 40 ms = 170 packets after 3 round trips that carry 32, 64 and
	// 128; then packets of 1500 bytes on the line for 1400 of the image at most.
	rtt := 40 * time.Millisecond
	slow := 3*rtt.Seconds() - (32+64+128)*1500*8/(50*mbit)
	want := 0.01 + 3*rtt.Seconds() + 0.1 + slow + 6_200_000*8/(50*mbit)*1500/1400
	if got := b.Max; math.Abs(got/want-1) > 0.05 {
		t.Errorf("took %.3f s, expected %.3f", got, want)
	}
	linesAllow(t, env, b, func(int) time.Duration { return 10*time.Millisecond + 3*rtt })
}

func TestCappedEgressIsShared(t *testing.T) {
	env := flash(20, 1_000_000)
	cfg := DefaultConfig()
	cfg.CappedEgress = 50 * mbit
	out, err := Run(context.Background(), []string{S3, S3Capped}, cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	linesAllow(t, env, out[S3], func(i int) time.Duration { return 2*env.Edge(i) + 6*env.DataCentre(i, "us-east") })
	if least := 20 * 8e6 / (50 * mbit); out[S3Capped].Max < least || out[S3Capped].Max > 1.6*least {
		t.Errorf("20 images over 50 Mbit/s took %.2f s, physics says %.2f", out[S3Capped].Max, least)
	}
	if out[S3].Max > 1.5 {
		t.Errorf("an origin without limit took %.2f s", out[S3].Max)
	}
}

func TestAnEdgeFetchesOnce(t *testing.T) {
	env := flash(10, 1_000_000)
	for name, most := range map[string]float64{CDNCold: 2 * 1.15, CDN: 0.01, S3: 10 * 1.15} {
		err := bubble.Run(context.Background(), func(ctx context.Context) error {
			b, egress, err := env.http(ctx, name, DefaultConfig())
			copies := float64(egress) / float64(len(env.Image))
			t.Logf("%s: %.2f s, %.2f copies", name, b.P95, copies)
			if b.Unfinished > 0 || copies > most {
				t.Errorf("%s: S3 sent %.2f copies to %d cameras in 2 regions, %d did not finish", name, copies, len(env.Cameras), b.Unfinished)
			}
			if name == CDNCold && copies < 2 {
				t.Errorf("two edges have the image from %.2f copies", copies)
			}
			return err
		})
		if err != nil {
			t.Error(name, err)
		}
	}
}

func TestAnEdgeSendsWhatItHasBeforeItHasAll(t *testing.T) {
	// An image that takes the edge a while: its region is far away.
	env := flash(2, 4_000_000)
	env.Backbone = func(a, b string) time.Duration {
		if a == b {
			return time.Millisecond
		}
		return 150 * time.Millisecond
	}
	out := run(t, env, CDN, CDNCold)
	// The camera alone needs 0.7 s after the edge's first byte. Store and forward
	// would take both times.
	if cold, warm := out[CDNCold].Max, out[CDN].Max; cold < warm+0.3 {
		t.Errorf("cold %.2f s, warm %.2f s", cold, warm)
	}
	e := newEdge(10)
	r := e.open()
	e.put([]byte("abc"))
	got := make([]byte, 10)
	if n, err := r.Read(got); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	e.stop()
	if _, err := r.Read(got); err != io.ErrUnexpectedEOF {
		t.Error("a cut object looks whole:", err)
	}
}

func TestConnectionsInParallelHelpWhereLinesLose(t *testing.T) {
	env := flash(3, 2_000_000)
	for _, i := range env.Cameras {
		env.Topology.Nodes[i].Loss = 0.01
	}
	out := run(t, env, S3, S3Parallel)
	if one, many := out[S3], out[S3Parallel]; many.P50 > one.P50/1.5 || one.Unfinished+many.Unfinished > 0 {
		t.Errorf("at 1 %% loss one connection took %.1f s, several %.1f s", one.P50, many.P50)
	}
}

func TestDownloadGoesOnWhereItStopped(t *testing.T) {
	env := flash(1, 3_000_000)
	err := bubble.Run(context.Background(), func(ctx context.Context) error {
		topo := env.extend()
		node := topo.add(place{region: "us-east"}, 0)
		net, err := links.NewQUIC(&topo.Topology)
		if err != nil {
			return err
		}
		defer net.Close()
		origin, err := web.New(net, node)
		if err != nil {
			return err
		}
		defer origin.Close()
		stop, err := origin.Serve(web.Object(0, func() io.ReadSeeker { return strings.NewReader(string(env.Image)) }))
		if err != nil {
			return err
		}
		defer stop()
		client, err := web.New(net, 1)
		if err != nil {
			return err
		}
		defer client.Close()
		// The network is cut for longer than a connection lives.
		time.AfterFunc(300*time.Millisecond, func() { net.Cut(func(a, b int) bool { return true }) })
		time.AfterFunc(60*time.Second, func() { net.Cut(nil) })
		start := time.Now()
		err = download(ctx, client, origin, env.Image, 0, len(env.Image), 0)
		sent, _ := net.Traffic(node)
		if took := time.Since(start); took < 60*time.Second || took > 100*time.Second {
			t.Errorf("took %v", took)
		}
		if copies := float64(sent) / float64(len(env.Image)); copies > 1.3 {
			t.Errorf("%.2f copies for one that was cut", copies)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStockBitswapGetsThere(t *testing.T) {
	if testing.Short() {
		t.Skip("a crowd; TestBitswapIsHeldToItsBestBlockSize runs the same code")
	}
	env := flash(10, 1_500_000)
	out := run(t, env, Bitswap, BitswapAll)
	for name, b := range out {
		if b.Unfinished > 0 {
			t.Errorf("%s: %d unfinished", name, b.Unfinished)
		}
		linesAllow(t, env, b, func(int) time.Duration { return 0 })
		// The seed's uplink must carry one copy at least.
		if least := 8 * 1.5 / 100; b.Max < least {
			t.Errorf("%s: %.2f s", name, b.Max)
		}
	}
}

func TestASeedKeepsTheNeighboursThatNobodyElseConnects(t *testing.T) {
	env := flash(30, 1)
	env.Neighbours = nil
	for i := 1; i <= 30; i++ {
		env.Neighbours = append(env.Neighbours, [2]int{0, i}, [2]int{i, 0})
		if i < 20 {
			env.Neighbours = append(env.Neighbours, [2]int{i, i + 1})
		}
	}
	// 1 to 20 are a chain; 21 to 30 have the seed alone.
	n, alone := 0, 0
	for _, p := range env.mesh(env.Neighbours, 3) {
		if p[0] == 0 || p[1] == 0 {
			if n++; max(p[0], p[1]) > 20 {
				alone++
			}
		}
	}
	if alone != 10 || n > 13 {
		t.Errorf("the seed has %d neighbours, %d of the 10 that need it", n, alone)
	}
	if got := len(env.mesh(env.Neighbours, 1000)); got != 30+19 {
		t.Errorf("%d different connections, want 49", got)
	}
	// Node 1 came later; 2 and 3 know each other and a node that takes no part.
	env.Neighbours = [][2]int{{2, 3}, {3, 31}, {31, 0}}
	for i := 4; i <= 30; i++ {
		env.Neighbours = append(env.Neighbours, [2]int{i, 4 + i%27}, [2]int{0, i})
	}
	env.Topology.Nodes = append(env.Topology.Nodes, links.Node{})
	reach := map[int]bool{0: true}
	pairs := env.mesh(env.Neighbours, 10)
	for range pairs {
		for _, p := range pairs {
			if reach[p[0]] || reach[p[1]] {
				reach[p[0]], reach[p[1]] = true, true
			}
			if p[0] == 31 || p[1] == 31 {
				t.Fatal("a node that takes no part has a connection")
			}
		}
	}
	if len(reach) != 31 {
		t.Errorf("%d nodes of 31 have a way to the seed", len(reach))
	}
}

func TestUnfinishedCamerasAreCounted(t *testing.T) {
	env := flash(3, 1_000_000)
	env.Limit = 5 * time.Second
	env.Topology.Nodes[2].Loss = 1
	for name, b := range run(t, env, S3, CDNCold, BitswapAll) {
		if b.Unfinished != 1 || b.Seconds[1] >= 0 || b.P50 <= 0 || !strings.Contains(b.Note, "1 did not finish") {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestPollIsUniform(t *testing.T) {
	const n = 10_000
	env := flash(n, 1)
	s3 := report.Baseline{Seconds: make([]float64, n)}
	for k := range s3.Seconds {
		s3.Seconds[k] = 2 + env.start(k).Seconds()
	}
	s3.Seconds[5] = -1
	b := env.poll(s3, DefaultConfig())
	if b.Unfinished != 1 || b.Seconds[5] != -1 {
		t.Errorf("%d unfinished", b.Unfinished)
	}
	for q, got := range map[float64]float64{0.5: b.P50, 0.95: b.P95, 0.99: b.P99, 1: b.Max} {
		if want := 2 + q*86400; math.Abs(got-want) > 0.02*86400 {
			t.Errorf("quantile %g is %.0f s, expected %.0f", q, got, want)
		}
	}
	if again := env.poll(s3, DefaultConfig()); !slices.Equal(again.Seconds, b.Seconds) {
		t.Error("not repeatable")
	}
	if env.Seed++; slices.Equal(env.poll(s3, DefaultConfig()).Seconds, b.Seconds) {
		t.Error("the seed has no effect")
	}
}

func TestTermsSumUp(t *testing.T) {
	env := flash(50, 6_200_000)
	env.Start = nil
	f := env.Fluid(P95)
	if math.Abs(f.S3-0.992) > 1e-9 || math.Abs(f.SeedOnly-24.8) > 1e-9 || math.Abs(f.Swarm-50*49.6/1100) > 1e-9 {
		t.Errorf("%+v", f)
	}
	b := func(p95 float64) *report.Baseline { return &report.Baseline{Quantiles: report.Quantiles{P95: p95}} }
	got := Terms(P95, report.Quantiles{P95: 3.1}, f, b(82000), b(2.1), b(3.5))
	if sum := got.PushSeconds + got.RoundTripSeconds + got.BandwidthSeconds + got.PeersSeconds; sum != got.TotalSeconds || math.Abs(sum-(82000-3.1)) > 1e-6 {
		t.Errorf("%+v", got)
	}
	if got.BandwidthSeconds > 0 || got.PeersSeconds < 0 || math.Abs(got.Speedup-2.1/3.1) > 1e-9 || math.Abs(got.SpeedupOverCapped-3.5/3.1) > 1e-9 {
		t.Errorf("%+v", got)
	}
	if Terms(P95, report.Quantiles{}, f, nil, b(1), nil) != nil {
		t.Error("terms without a poll")
	}
}

func TestASiteSharesItsLine(t *testing.T) {
	env := flash(10, 1_000_000)
	env.Start = nil
	env.Topology.Sites = []links.Site{{Up: 10 * mbit, Down: 50 * mbit}}
	for _, i := range env.Cameras {
		env.Topology.Nodes[i] = links.Node{Up: 1000 * mbit, Down: 1000 * mbit, Site: 1}
	}
	if f := env.Fluid(P95); math.Abs(f.S3-1.6) > 1e-9 || math.Abs(f.Swarm-0.16) > 1e-9 {
		t.Errorf("%+v", f)
	}
	if b := run(t, env, S3)[S3]; b.Max < 1.6 {
		t.Errorf("ten images came through 50 Mbit/s in %.2f s", b.Max)
	}
}

func TestLateCamerasCountFromTheirArrival(t *testing.T) {
	env := flash(2, 1_000_000)
	env.Start = func(k int) time.Duration { return time.Duration(k) * time.Minute }
	late := env
	late.Joined = env.Start
	absolute, own := run(t, env, S3, Poll, SeedOnly), run(t, late, S3, Poll, SeedOnly)
	for name := range own {
		if name == Poll { // asks at its own moment, whenever it joined
			if d := absolute[name].Seconds[1] - own[name].Seconds[1]; math.Abs(d) > 0.2 {
				t.Errorf("%s differs by %.2f s", name, d)
			}
			continue
		}
		if d := absolute[name].Seconds[1] - own[name].Seconds[1]; math.Abs(d-60) > 0.2 {
			t.Errorf("%s: a camera that came after a minute took %.2f s less from its arrival", name, d)
		}
	}
	if env.Fluid(P95).S3 < 60 || late.Fluid(P95).S3 > 1 {
		t.Errorf("%+v, %+v", env.Fluid(P95), late.Fluid(P95))
	}
}

func TestBadInputIsExplained(t *testing.T) {
	for name, spoil := range map[string]func(*Env, *Config){
		"no seeds":     func(e *Env, _ *Config) { e.Seeds = nil },
		"not in Regio": func(e *Env, _ *Config) { e.Regions = []string{"elsewhere"} },
		"node 99":      func(e *Env, _ *Config) { e.Cameras = []int{99} },
		"limit":        func(e *Env, _ *Config) { e.Limit = 0 },
		"connections":  func(_ *Env, c *Config) { c.Connections = 0 },
		"egress":       func(_ *Env, c *Config) { c.CappedEgress = math.NaN() },
	} {
		env, cfg := flash(2, 1000), DefaultConfig()
		spoil(&env, &cfg)
		if _, err := Run(context.Background(), []string{S3}, cfg, env); !errors.Is(err, ErrEnv) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Run(context.Background(), []string{"ftp"}, DefaultConfig(), flash(1, 1)); !errors.Is(err, ErrEnv) {
		t.Error(err)
	}
	if got, err := ParseNames("s3, S3-capped,cdn-cold,cdn-warm,s3"); err != nil || fmt.Sprint(got) != "[s3 s3capped cdncold cdn]" {
		t.Error(got, err)
	}
	if got, err := ParseNames("none"); err != nil || len(got) > 0 {
		t.Error(got, err)
	}
	if _, err := ParseNames("s4"); !errors.Is(err, ErrEnv) {
		t.Error(err)
	}
}

func TestFastLinksAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds; smaller crowds run the same code")
	}
	env := flash(20, 6_200_000)
	fast := env
	fast.Open = links.NewFast
	real, model := run(t, env, S3, CDNCold), run(t, fast, S3, CDNCold)
	for name := range real {
		if r := model[name].P95 / real[name].P95; r < 0.85 || r > 1.15 {
			t.Errorf("%s: %.2f s on QUIC, %.2f s on fast links", name, real[name].P95, model[name].P95)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	env := flash(2, 1_000_000)
	for _, name := range []string{S3, Bitswap} {
		if _, err := Run(ctx, []string{name}, DefaultConfig(), env); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}
