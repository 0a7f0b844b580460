package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/sim/report/format"
)

// demoView shows a demo: plain lines anywhere, and on a terminal below them a
// table that is redrawn: what each camera runs and does, and who served it. The
// table never takes more of the screen than there is, so that a new frame
// replaces the one before.
type demoView struct {
	w    io.Writer // text
	raw  io.Writer // the same place, where control characters work
	live bool
	size func() (width, height int) // of the terminal, now
	rows func() []demoRow           // the seed first

	mu    sync.Mutex
	began time.Time
	frame []string // the table on the screen

	stop chan struct{}
	done chan struct{}
}

// demoRow is what one node runs and does.
type demoRow struct {
	name, runs, doing             string
	busy                          bool  // on the way to a release
	fromSeed, fromCameras, upload int64 // bytes
}

func newDemoView(w io.Writer, rows func() []demoRow) *demoView {
	return &demoView{
		w: w, raw: cli.Raw(w), live: cli.IsTerminal(w), rows: rows, began: time.Now(),
		size: func() (width, height int) { return cli.Size(w) },
	}
}

// say prints one line above the table; on a terminal it is wrapped.
func (v *demoView) say(what string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	width, _ := v.size()
	v.erase(width)
	head, text := fmt.Sprintf("%7.2fs  ", time.Since(v.began).Seconds()), fmt.Sprintf(what, args...)
	if v.live {
		text = format.Wrap(text, width-1-len(head), strings.Repeat(" ", len(head)))
	}
	fmt.Fprintln(v.w, head+text)
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
	v.frame = nil
	v.mu.Unlock()
}

// erase removes the table from a screen of some width. A terminal that became
// narrower since has wrapped its lines.
func (v *demoView) erase(width int) {
	up := 0
	for _, line := range v.frame {
		up += max(1, (format.Width(line)+width-1)/width)
	}
	if up > 0 {
		fmt.Fprintf(v.raw, "\x1b[%dA\x1b[J", up)
	}
	v.frame = nil
}

func (v *demoView) draw() {
	rows := v.rows()
	v.mu.Lock()
	defer v.mu.Unlock()
	width, height := v.size()
	v.erase(width)
	v.frame = demoFrame(rows, width, height)
	for _, line := range v.frame {
		fmt.Fprintln(v.w, line)
	}
}

// demoFrame makes the table for a screen: no line is as wide as the screen, since
// some terminals then begin a new one, and one line of its height stays free for
// the cursor. If there are more cameras, those on the way to a release come first
// and the rest is summed up in a line.
func demoFrame(rows []demoRow, width, height int) []string {
	room := height - 1
	if room < 1 || len(rows) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("  %-10s %-5s %-27s %10s %10s %10s", "node", "runs", "doing", "from seed", "from cams", "uploaded")}
	shown := rows
	if len(lines)+len(rows) > room {
		shown = someRows(rows, max(0, room-len(lines)-1))
	}
	for _, r := range shown {
		lines = append(lines, fmt.Sprintf("  %-10s %-5s %-27s %10s %10s %10s", r.name, r.runs, format.Clip(r.doing, 27), byteCount(r.fromSeed), byteCount(r.fromCameras), byteCount(r.upload)))
	}
	if len(shown) < len(rows) {
		lines = append(lines, sumUp(rows, shown))
	}
	for i, line := range lines[:min(len(lines), room)] {
		lines[i] = format.Clip(line, width-1)
	}
	return lines[:min(len(lines), room)]
}

// someRows chooses n rows, the seed's and those that are busy first, in their order.
func someRows(rows []demoRow, n int) []demoRow {
	place := make([]int, 0, len(rows))
	for i := range rows {
		place = append(place, i)
	}
	rank := func(i int) int {
		switch {
		case i == 0: // the seed
			return 0
		case rows[i].busy:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(place, func(a, b int) int { return rank(a) - rank(b) })
	place = place[:min(n, len(place))]
	slices.Sort(place)
	var out []demoRow
	for _, i := range place {
		out = append(out, rows[i])
	}
	return out
}

// sumUp says in one line what the nodes run that are not shown.
func sumUp(rows, shown []demoRow) string {
	counts := map[string]int{}
	for _, r := range rows {
		if !slices.ContainsFunc(shown, func(s demoRow) bool { return s.name == r.name }) {
			what := "run release " + r.runs
			if r.runs == "-" {
				what = "run no release"
			}
			counts[what]++
		}
	}
	var parts []string
	for what, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, what))
	}
	slices.Sort(parts)
	return fmt.Sprintf("  … and %d more: %s", len(rows)-len(shown), strings.Join(parts, ", "))
}

// rows reads what every node of the demo does.
func (d *demo) rows() []demoRow {
	seedID := d.net.Seed.Node.Host().ID()
	var out []demoRow
	for _, m := range append([]*localnet.Member{d.net.Seed}, d.net.Cameras...) {
		s := m.Node.Status()
		stats := m.Node.Traffic()
		fromSeed := stats.Peers[seedID].Received
		out = append(out, demoRow{
			name: m.Name, runs: runs(s), doing: doing(s), busy: len(s.Products) > 0 && s.Products[0].Target != nil,
			fromSeed: fromSeed, fromCameras: stats.Total.Received - fromSeed, upload: stats.Total.Sent,
		})
	}
	return out
}

// describe says in a few words what a camera does.
func (d *demo) describe(name string) string {
	for _, c := range d.net.Cameras {
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
		return fmt.Sprintf("%d [%s%s] %3d%% %s", t.Sequence, strings.Repeat("#", full), strings.Repeat(".", width-full),
			100*t.Progress.Blocks/t.Progress.TotalBlocks, count(t.Progress.Peers, "peer", "peers"))
	}
	if !t.Install {
		return fmt.Sprintf("%d %s: %s", t.Sequence, t.State, t.Reason)
	}
	return fmt.Sprintf("%d %s", t.Sequence, t.State)
}
