// Command footprint measures what the camera's program costs on this machine: it
// runs camswarmd as a process of its own beside a seed and other cameras on
// loopback, and reads its memory, threads, wake-ups and CPU time from /proc.
//
//	go run ./.ci/footprint                     a device of 64 MB
//	go run ./.ci/footprint -memory 256MB -json
//
// Wake-ups are the voluntary context switches of all threads; they and the CPU time
// depend on the machine and on what else it does. Goroutines do not: -goroutines
// fails if there are more than that number and 5 % while the node is idle.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// figures is what was measured. Memory is in bytes.
type figures struct {
	Memory string `json:"memory"` // the class of the device
	Image  int    `json:"imageBytes"`

	Start   int64 `json:"rssAtStart"` // connected, nothing fetched yet
	Fetch   int64 `json:"rssPeakFetching"`
	Idle    int64 `json:"rssIdle"`
	Serving int64 `json:"rssPeakServing"`
	After   int64 `json:"rssAfterServing"` // idle again, with IdlePeers connections
	Anon    int64 `json:"anonymousAfterServing"`
	Takers  int   `json:"servedAtOnce"`

	FetchCPU   float64 `json:"cpuSecondsPerImage"`
	IdleCPU    float64 `json:"cpuSecondsPerIdleHour"`
	WakeUps    float64 `json:"wakeUpsPerSecond"`
	Threads    int     `json:"threads"`
	Goroutines int     `json:"goroutines"`
	IdlePeers  int     `json:"connections"`

	ByThread []float64 `json:"wakeUpsPerSecondByThread"`
	Wakers   []waker   `json:"wakers,omitempty"` // with -wakers
	Soak     []mark    `json:"soak,omitempty"`   // with -soak
}

// options are what to measure and how.
type options struct {
	program, memory   string
	tags              string // of the build, if program is empty
	image             int
	takers            int
	neighbours        int
	idle, settle      time.Duration
	soak              time.Duration
	mostWakes         float64
	mostRSS           int64
	goroutines        int
	asJSON, wakesOnly bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("footprint: ")
	var o options
	flag.StringVar(&o.program, "camswarmd", "", "the program to measure; built from this tree if it is empty")
	flag.StringVar(&o.tags, "tags", "", "build tags of the program that is built: leveldb")
	flag.StringVar(&o.memory, "memory", "64MB", "the device's memory, as network.memory")
	flag.IntVar(&o.image, "image", 6_200_000, "bytes of the image")
	flag.IntVar(&o.takers, "takers", 8, "cameras that the measured one serves at a time")
	flag.IntVar(&o.neighbours, "neighbours", 3, "cameras that it may connect with beside the seed")
	flag.DurationVar(&o.idle, "idle", time.Minute, "how long it is idle")
	flag.IntVar(&o.goroutines, "goroutines", 0, "fail if there are over 5 % more; 0: any number")
	flag.BoolVar(&o.wakesOnly, "wakers", false, "measure nothing but what wakes it while it is idle")
	flag.DurationVar(&o.soak, "soak", 0, "for so long: releases one after another, while neighbours come and go")
	flag.Float64Var(&o.mostWakes, "most-wakers", 0, "with -wakers: fail if timers and sockets wake it more often a second; 0: any number")
	flag.Int64Var(&o.mostRSS, "most-rss", 0, "fail if it has more MB (2^20 bytes) of RSS while idle; 0: any number")
	flag.DurationVar(&o.settle, "settle", 2*time.Minute, "with -wakers: how long it is left alone first")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := measure(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	if o.asJSON {
		err = json.NewEncoder(os.Stdout).Encode(f)
	} else {
		f.print()
	}
	if err != nil {
		log.Fatal(err)
	}
	if wakes := f.wakes(); o.mostWakes > 0 && wakes > o.mostWakes {
		log.Fatalf("%.2f wake-ups a second by timers and sockets, at most %.2f are wanted", wakes, o.mostWakes)
	}
	if o.mostRSS > 0 && f.Idle > o.mostRSS<<20 {
		log.Fatalf("%.1f MB while idle, at most %d are wanted", float64(f.Idle)/(1<<20), o.mostRSS)
	}
	if o.goroutines > 0 && f.Goroutines*100 > o.goroutines*105 {
		log.Fatalf("%d goroutines while idle, at most %d and 5 %% are wanted", f.Goroutines, o.goroutines)
	}
}

func (f *figures) print() {
	if f.Wakers != nil {
		f.printWakers()
		return
	}
	if f.Soak != nil {
		f.printSoak()
		return
	}
	mb := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
	for _, l := range [][2]string{
		{"device", f.Memory},
		{"RSS at start", mb(f.Start)},
		{fmt.Sprintf("RSS, peak fetching %d bytes", f.Image), mb(f.Fetch)},
		{"RSS idle", mb(f.Idle)},
		{fmt.Sprintf("RSS, peak serving %d cameras", f.Takers), mb(f.Serving)},
		{"RSS idle after that", fmt.Sprintf("%s, of which anonymous %s, %d connections", mb(f.After), mb(f.Anon), f.IdlePeers)},
		{"CPU for the image", fmt.Sprintf("%.2f s", f.FetchCPU)},
		{"CPU while idle", fmt.Sprintf("%.2f s an hour", f.IdleCPU)},
		{"wake-ups while idle", fmt.Sprintf("%.1f a second", f.WakeUps)},
		{"threads, goroutines while idle", fmt.Sprintf("%d, %d", f.Threads, f.Goroutines)},
	} {
		fmt.Printf("%-36s %s\n", l[0], l[1])
	}
}

func measure(ctx context.Context, o options) (_ *figures, err error) {
	dir, err := os.MkdirTemp("", "footprint-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, neighbours := o.program, o.neighbours
	if program == "" {
		program = filepath.Join(dir, "camswarmd")
		args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-tags", o.tags, "-o", program}
		if o.wakesOnly {
			file, err := overlay(dir)
			if err != nil {
				return nil, err
			}
			args = append(args, "-overlay", file)
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/camswarmd")...)
		cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, err
		}
	}
	takers := o.takers
	if o.wakesOnly || o.soak > 0 {
		takers = 0
	}
	n, err := localnet.Start(ctx, localnet.Config{Dir: dir, Cameras: neighbours + takers, Configure: func(_ string, c *node.Config) {
		c.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	}})
	if n != nil {
		defer func() { err = errors.Join(err, n.Close()) }()
	}
	if err != nil {
		return nil, err
	}
	for _, m := range n.Cameras[neighbours:] { // they come when they are to be served
		if err := m.Stop(); err != nil {
			return nil, err
		}
	}
	p, err := start(ctx, program, filepath.Join(dir, "measured"), o.memory, n)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	f := &figures{Memory: o.memory, Image: o.image, Takers: takers}
	if err := p.until(ctx, "it has neighbours", func(s *control.Status) bool { return s.Peers > neighbours/2 }); err != nil {
		return nil, err
	}
	if o.wakesOnly {
		return f, p.onlyWakes(ctx, o, f)
	}
	if o.soak > 0 {
		return f, p.soak(ctx, n, o, dir, f)
	}
	if err := pause(ctx, 5*time.Second); err != nil {
		return nil, err
	}
	if f.Start, err = p.memory("VmRSS"); err != nil {
		return nil, err
	}

	rel, err := build(n, dir, o.image, 1)
	if err != nil {
		return nil, err
	}
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	if err := p.resetPeak(); err != nil {
		return nil, err
	}
	if err := errors.Join(n.Publish(ctx, rel, verify.Rollout{Mode: verify.RolloutAll}), n.Announce(ctx, rel)); err != nil {
		return nil, err
	}
	if err := p.installed(ctx, 1); err != nil {
		return nil, err
	}
	if f.Fetch, err = p.memory("VmHWM"); err != nil {
		return nil, err
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	f.FetchCPU = (after - before).Seconds()

	// Bitswap's engine rests two to four minutes after the last want.
	if err := pause(ctx, 4*time.Minute+10*time.Second); err != nil {
		return nil, err
	}
	if err := p.idle(ctx, o.idle, f); err != nil {
		return nil, err
	}
	if err := p.serve(ctx, n.Seed, n.Cameras[:neighbours], n.Cameras[neighbours:], f); err != nil {
		return nil, err
	}
	if err := pause(ctx, 30*time.Second); err != nil {
		return nil, err
	}
	if f.After, err = p.memory("VmRSS"); err != nil {
		return nil, err
	}
	if f.Anon, err = p.memory("RssAnon"); err != nil {
		return nil, err
	}
	s, err := p.status(ctx)
	if err != nil {
		return nil, err
	}
	f.IdlePeers = s.Peers
	f.Goroutines, err = p.goroutines()
	return f, err
}

// process is the measured camera.
type process struct {
	cmd *exec.Cmd
	dir string
	log string
}

func start(ctx context.Context, program, dir, memory string, n *localnet.Network) (*process, error) {
	file, err := n.Provision(dir, localnet.Process{Settings: []string{
		`network.listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"]`,
		fmt.Sprintf(`network.memory = %q`, memory),
		`network.mdns = false`,
	}})
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, log: filepath.Join(dir, "log")}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.CommandContext(ctx, program, "--config", file)
	p.cmd.Env = append(os.Environ(), "GOTRACEBACK=all", "FOOTPRINT_TRACE="+p.trace())
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	return p, p.cmd.Start()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *process) status(ctx context.Context) (control.Status, error) {
	return localnet.Status(ctx, filepath.Join(p.dir, "state"))
}

// until waits until the status is as wanted.
func (p *process) until(ctx context.Context, what string, ok func(*control.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		s, err := p.status(ctx)
		if err == nil && ok(&s) {
			return nil
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("it never came that %s: %w\n%s", what, errors.Join(ctx.Err(), err), text)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// idle measures for so long without asking the process anything.
func (p *process) idle(ctx context.Context, window time.Duration, f *figures) error {
	cpu, err := p.cpu()
	if err != nil {
		return err
	}
	woken, err := p.wakeUps()
	if err != nil {
		return err
	}
	if err := pause(ctx, window); err != nil {
		return err
	}
	cpuAfter, err := p.cpu()
	if err != nil {
		return err
	}
	wokenAfter, err := p.wakeUps()
	if err != nil {
		return err
	}
	f.IdleCPU = (cpuAfter - cpu).Seconds() / window.Hours()
	f.ByThread, f.WakeUps, f.Threads = nil, 0, len(wokenAfter)
	for thread, n := range wokenAfter {
		each := float64(n-woken[thread]) / window.Seconds()
		f.WakeUps += each
		if each > 0 {
			f.ByThread = append(f.ByThread, each)
		}
	}
	slices.SortFunc(f.ByThread, func(a, b float64) int { return cmp.Compare(b, a) })
	f.Idle, err = p.memory("VmRSS")
	return err
}

// onlyWakes leaves the process alone and counts what wakes it then.
func (p *process) onlyWakes(ctx context.Context, o options, f *figures) error {
	if err := pause(ctx, o.settle); err != nil {
		return err
	}
	s, err := p.status(ctx)
	if err != nil {
		return err
	}
	f.IdlePeers = s.Peers
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	if err := p.idle(ctx, o.idle, f); err != nil {
		return err
	}
	if f.Wakers, err = p.wakers(ctx, o.idle); err != nil {
		return err
	}
	f.Goroutines, err = p.goroutines()
	return err
}

// serve has the takers come to the measured camera alone, all at once.
func (p *process) serve(ctx context.Context, seed *localnet.Member, neighbours, takers []*localnet.Member, f *figures) error {
	if len(takers) == 0 {
		return nil
	}
	s, err := p.status(ctx)
	if err != nil {
		return err
	}
	for _, m := range append(slices.Clone(neighbours), seed) {
		if err := m.Stop(); err != nil {
			return err
		}
	}
	if err := p.resetPeak(); err != nil {
		return err
	}
	for _, m := range takers {
		m.Config.Network.Peers = s.ListenAddrs
		if err := m.Start(ctx); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(5 * time.Minute)
	for _, m := range takers {
		for {
			if at := m.Node.Status().Products[0].Installed; at != nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s was never served", m.Name)
			}
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
	f.Serving, err = p.memory("VmHWM")
	return err
}

// goroutines ends the process, which tells of all of them.
func (p *process) goroutines() (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return 0, err
	}
	_ = p.cmd.Wait()
	text, err := os.ReadFile(p.log)
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(line, "]:\n") {
			n++
		}
	}
	if n == 0 {
		return 0, errors.New("the process told of no goroutine")
	}
	return n, nil
}
