package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
)

// How often progress is shown: on a terminal one line that is redrawn, elsewhere
// a line now and then.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 15 * time.Second
)

// progress shows how far a run is. The run tells it from inside its bubble, where
// time is virtual and channels of ours may not be touched; a goroutine outside
// looks at what was told last.
type progress struct {
	w     io.Writer
	live  bool
	began time.Time
	last  atomic.Pointer[sim.Progress]
	stop  chan struct{}
	done  chan struct{}
}

func newProgress(w io.Writer) *progress {
	live := cli.IsTerminal(w)
	if live {
		w = cli.Raw(w)
	}
	return &progress{w: w, live: live, stop: make(chan struct{}), done: make(chan struct{})}
}

func (v *progress) tell(p sim.Progress) { v.last.Store(&p) }

func (v *progress) start() {
	v.began = time.Now()
	go func() {
		defer close(v.done)
		tick := time.NewTicker(redrawEvery)
		defer tick.Stop()
		shown, phase := time.Now(), ""
		for {
			select {
			case <-v.stop:
				if v.live {
					fmt.Fprint(v.w, "\r\x1b[K")
				}
				return
			case now := <-tick.C:
				p := v.last.Load()
				if p == nil {
					continue
				}
				if v.live {
					width, _ := cli.Size(v.w)
					fmt.Fprintf(v.w, "\r%s\x1b[K", clipLine(v.line(p), width))
				} else if p.Phase != phase || now.Sub(shown) >= lineEvery {
					shown, phase = now, p.Phase
					fmt.Fprintln(v.w, v.line(p))
				}
			}
		}
	}()
}

func (v *progress) end() {
	close(v.stop)
	<-v.done
}

func (v *progress) line(p *sim.Progress) string {
	at := fmt.Sprintf("%.1f s after the announcement", p.Virtual.Seconds())
	if p.Virtual < 0 {
		at = "before the announcement"
	}
	doing := fmt.Sprintf("%d announced, %d fetching, ", p.Announced, p.Fetching)
	if p.Announced == 0 && p.Fetching == 0 { // not yet, or a baseline, which has neither
		doing = ""
	}
	return fmt.Sprintf("%s · %s · %s%d of %d done · %.0f s of wall time", p.Phase, at, doing, p.Done, p.Nodes, time.Since(v.began).Seconds())
}

func clipLine(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}
