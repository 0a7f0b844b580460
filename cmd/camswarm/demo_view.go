package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
)

// demoView shows a demo: plain lines anywhere, and on a terminal below them a
// table that is redrawn: what each camera runs and does, and who served it.
type demoView struct {
	w    io.Writer
	d    *demo
	live bool

	mu    sync.Mutex
	began time.Time
	drawn int // lines of the table on the screen

	stop chan struct{}
	done chan struct{}
}

// demoRows bounds the table; more cameras are summed up in one line.
const demoRows = 24

func newDemoView(w io.Writer, d *demo) *demoView {
	return &demoView{w: w, d: d, live: cli.IsTerminal(w), began: time.Now()}
}

// say prints one line above the table.
func (v *demoView) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	fmt.Fprintf(v.w, "%7.2fs  %s\n", time.Since(v.began).Seconds(), fmt.Sprintf(format, args...))
}

// start begins to redraw the table; the network must be up.
func (v *demoView) start() {
	if !v.live {
		return
	}
	v.stop, v.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(v.done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v.draw()
			case <-v.stop:
				return
			}
		}
	}()
}

// end stops redrawing and leaves the last table on the screen.
func (v *demoView) end() {
	if v.stop == nil {
		return
	}
	close(v.stop)
	<-v.done
	v.stop = nil
	v.draw()
	v.mu.Lock()
	v.drawn = 0
	v.mu.Unlock()
}

func (v *demoView) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

func (v *demoView) draw() {
	table := v.table()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	for _, line := range table {
		fmt.Fprintln(v.w, line)
	}
	v.drawn = len(table)
}

func (v *demoView) table() []string {
	lines := []string{fmt.Sprintf("  %-10s %-5s %-28s %10s %10s %10s", "node", "runs", "doing", "from seed", "from cams", "uploaded")}
	seedID := v.d.net.Seed.Node.Host().ID()
	row := func(m *localnet.Member) string {
		s := m.Node.Status()
		stats := m.Node.Traffic()
		fromSeed := stats.Peers[seedID].Received
		return fmt.Sprintf("  %-10s %-5s %-28s %10s %10s %10s", m.Name, runs(s), doing(s),
			byteCount(fromSeed), byteCount(stats.Total.Received-fromSeed), byteCount(stats.Total.Sent))
	}
	lines = append(lines, row(v.d.net.Seed))
	for i, c := range v.d.net.Cameras {
		if i == demoRows && len(v.d.net.Cameras) > demoRows+1 {
			lines = append(lines, fmt.Sprintf("  … and %d more cameras", len(v.d.net.Cameras)-i))
			break
		}
		lines = append(lines, row(c))
	}
	return lines
}

// describe says in a few words what a camera does.
func (v *demoView) describe(name string) string {
	for _, c := range v.d.net.Cameras {
		if c.Name == name && c.Node != nil {
			return doing(c.Node.Status())
		}
	}
	return "unknown"
}

func runs(s control.Status) string {
	if len(s.Products) == 0 || s.Role == string(node.RoleSeed) {
		return "-"
	}
	installed := s.Products[0].Installed
	switch {
	case installed == nil:
		return "-"
	case !installed.Confirmed:
		return fmt.Sprintf("%d?", installed.Sequence)
	}
	return fmt.Sprint(installed.Sequence)
}

func doing(s control.Status) string {
	if len(s.Products) == 0 {
		return ""
	}
	p := s.Products[0]
	if p.Target == nil {
		if len(p.Held) == 0 {
			return "idle"
		}
		held := make([]string, 0, len(p.Held))
		for _, h := range p.Held {
			held = append(held, fmt.Sprint(h.Sequence))
		}
		return "serving " + strings.Join(held, ", ")
	}
	t := p.Target
	if t.Progress != nil && t.Progress.TotalBlocks > 0 && t.State == control.StateFetching {
		const width = 10
		full := width * t.Progress.Blocks / t.Progress.TotalBlocks
		return fmt.Sprintf("%d [%s%s] %3d%% %d peers", t.Sequence, strings.Repeat("#", full), strings.Repeat(".", width-full),
			100*t.Progress.Blocks/t.Progress.TotalBlocks, t.Progress.Peers)
	}
	if !t.Install {
		return fmt.Sprintf("%d %s: %s", t.Sequence, t.State, t.Reason)
	}
	return fmt.Sprintf("%d %s", t.Sequence, t.State)
}
