package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/exp/trace"
)

// tracer is compiled into the measured program, and into no other: SIGUSR1 begins and
// ends a trace of the Go runtime.
const tracer = `package main

import (
	"os"
	"os/signal"
	"runtime/trace"
	"syscall"
)

func init() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	go func() {
		for range c {
			f, err := os.Create(os.Getenv("FOOTPRINT_TRACE"))
			if err != nil || trace.Start(f) != nil {
				os.Exit(1)
			}
			<-c
			trace.Stop()
			_ = f.Close()
		}
	}()
}
`

// overlay writes what "go build -overlay" needs to compile tracer in.
func overlay(dir string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	source := filepath.Join(dir, "tracer.go")
	table, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(here, "cmd", "camswarmd", "tracer.go"): source,
	}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, errors.Join(os.WriteFile(source, []byte(tracer), 0o600), os.WriteFile(file, table, 0o600))
}

// waker is something outside the program's own goroutines, a timer or a socket, that
// made one of them run.
type waker struct {
	Reason string  `json:"reason"` // what the goroutine waited for
	Where  string  `json:"where"`  // it waited, the innermost function that is not the standard library's
	Each   float64 `json:"perSecond"`
}

// wakers traces the process for so long and tells what woke it.
func (p *process) wakers(ctx context.Context, window time.Duration) (found []waker, err error) {
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return nil, err
	}
	if err := pause(ctx, window); err != nil {
		return nil, err
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return nil, err
	}
	if err := pause(ctx, 3*time.Second); err != nil { // it writes the rest
		return nil, err
	}
	f, err := os.Open(p.trace())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readWakers(f)
}

func (p *process) trace() string { return filepath.Join(p.dir, "trace") }

// readWakers counts, in a trace of the runtime, who was made to run by no goroutine.
func readWakers(r io.Reader) (found []waker, err error) {
	reader, err := trace.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	type key struct{ reason, where string }
	counts := map[key]int{}
	waits := map[trace.GoID]key{}
	var first, last trace.Time
	for {
		ev, err := reader.ReadEvent()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if first == 0 {
			first = ev.Time()
		}
		last = ev.Time()
		if ev.Kind() != trace.EventStateTransition {
			continue
		}
		st := ev.StateTransition()
		if st.Resource.Kind != trace.ResourceGoroutine {
			continue
		}
		id := st.Resource.Goroutine()
		from, to := st.Goroutine()
		switch {
		case to == trace.GoWaiting && (from == trace.GoRunning || waits[id] == key{}): // the others repeat what is known
			waits[id] = key{st.Reason, place(st.Stack)}
		case to == trace.GoRunnable && from == trace.GoWaiting && ev.Goroutine() == trace.NoGoroutine:
			counts[waits[id]]++
		case to == trace.GoRunnable && from == trace.GoNotExist && ev.Goroutine() == trace.NoGoroutine:
			counts[key{"function of a timer", place(st.Stack)}]++
		}
	}
	seconds := last.Sub(first).Seconds()
	if seconds <= 0 {
		return nil, errors.New("the trace is empty")
	}
	for k, n := range counts {
		if !strings.HasPrefix(k.where, "runtime") && !strings.HasPrefix(k.where, "main.init") { // of the trace itself
			found = append(found, waker{k.reason, k.where, float64(n) / seconds})
		}
	}
	slices.SortFunc(found, func(a, b waker) int {
		return cmp.Or(cmp.Compare(b.Each, a.Each), cmp.Compare(a.Where+a.Reason, b.Where+b.Reason))
	})
	return found, nil
}

// place names the innermost function of a stack that is not the standard library's.
func place(s trace.Stack) (name string) {
	for f := range s.Frames() {
		name = f.Func
		if first, _, _ := strings.Cut(f.Func, "/"); strings.Contains(first, ".") && strings.Contains(f.Func, "/") || strings.HasPrefix(f.Func, "camswarm/") || strings.HasPrefix(f.Func, "main.") {
			break
		}
	}
	return name
}

// wakes is how often a second the wakers woke it.
func (f *figures) wakes() (sum float64) {
	for _, w := range f.Wakers {
		sum += w.Each
	}
	return sum
}

func (f *figures) printWakers() {
	fmt.Printf("%d connections, %d goroutines, RSS %.1f MB\n", f.IdlePeers, f.Goroutines, float64(f.Idle)/(1<<20))
	fmt.Printf("%6.2f CPU seconds an hour\n", f.IdleCPU)
	fmt.Printf("%6.2f a second: voluntary context switches, by thread", f.WakeUps)
	for _, n := range f.ByThread {
		fmt.Printf(" %.2f", n)
	}
	fmt.Println()
	fmt.Printf("%6.2f a second: a timer or a socket made a goroutine run that waited in\n", f.wakes())
	for _, w := range f.Wakers {
		if w.Each >= 0.01 {
			fmt.Printf("%8.2f  %s (%s)\n", w.Each, w.Where, w.Reason)
		}
	}
}
