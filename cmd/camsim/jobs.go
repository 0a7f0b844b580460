package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// job is one run of several, in a process of its own.
type job struct {
	name string // of its directory
	spec *spec
	args []string // of camsim
	dir  string   // "": it is written nowhere
}

// batch runs jobs. What was measured is kept whatever happens to the others, to
// the disk, or to the batch itself.
type batch struct {
	p             *program
	cmd           *cobra.Command
	out           place
	anyCommit     bool // runs of other commits count as done
	jobs          int  // side by side
	quiet         bool
	stderr        bool // what the children say on it is passed on
	all, todo     []job
	mu            sync.Mutex
	ended, failed int
	memory        map[string]*report.Report // measured, not written; by the job's name
	stopped       error                     // why no more are begun
}

// open looks at the place and finds out which jobs are done. Results that are
// there are refused, unless they are of these jobs or --overwrite was given.
func (b *batch) open(all []job, foreign ...string) error {
	b.all, b.memory = all, map[string]*report.Report{}
	if b.out.dir == "" {
		b.todo = all
		return nil
	}
	switch info, err := os.Stat(b.out.dir); {
	case err == nil && !info.IsDir():
		return cli.Usagef("--out %s: it is a file, not a directory", b.out.dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cli.Usagef("--out %s: %w", b.out.dir, plainFile(err))
	}
	for _, name := range foreign {
		path := filepath.Join(b.out.dir, name)
		if _, err := os.Stat(path); err == nil && !b.out.overwrite && !interrupted(path) {
			return b.out.taken(path)
		}
	}
	b.todo = nil
	for _, j := range all {
		there, err := b.finished(j)
		if err != nil {
			return err
		}
		if !there {
			b.todo = append(b.todo, j)
		}
	}
	return nil
}

// finished says whether a job's run is there. One that was made by another
// command, or by another commit, must not pass for it.
func (b *batch) finished(j job) (bool, error) {
	if b.out.overwrite {
		return false, nil
	}
	r, err := reportOf(j)
	if r == nil || err != nil || r.Interrupted {
		return false, err
	}
	if want := shell(append([]string{"camsim"}, j.spec.args()...)); r.Command != want {
		return false, cli.Usagef("%s was made by another command, %q and not %q; choose another --out, or --overwrite to replace what is there", j.dir, r.Command, want)
	}
	if c := b.p.commit; !b.anyCommit && c != "" && r.Commit != "" && r.Commit != c {
		return false, cli.Usagef("%s was run by commit %.12s, and this is %.12s; --any-commit takes it all the same, --overwrite runs it again", j.dir, r.Commit, c)
	}
	return true, nil
}

// reportOf reads the report of a job; nil if it has none.
func reportOf(j job) (*report.Report, error) {
	if j.dir == "" {
		return nil, nil
	}
	if _, err := os.Stat(filepath.Join(j.dir, report.ReportFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // perhaps the directory is there, and its run did not end
	}
	r, err := report.ReadFile(j.dir)
	if err != nil {
		return nil, fmt.Errorf("%w; remove it, or --overwrite to run it again", err)
	}
	return r, nil
}

// run runs what is to be done. The error says why not everything is.
func (b *batch) run() error {
	if b.out.dir != "" && len(b.todo) > 0 {
		if err := b.out.make(); err != nil {
			return err
		}
	}
	var group errgroup.Group
	group.SetLimit(max(b.jobs, 1))
	ctx := b.cmd.Context()
	for _, j := range b.todo {
		group.Go(func() error {
			if ctx.Err() == nil && b.mayBegin() {
				b.one(ctx, j)
			}
			return nil
		})
	}
	_ = group.Wait()
	switch {
	case ctx.Err() != nil:
		return cli.Remains(ctx.Err(), "call the same command again to go on")
	case b.stopped != nil:
		return fmt.Errorf("stopped after %d of %d runs: %w; call the same command again to go on", b.ended-b.failed, len(b.todo), b.stopped)
	case b.failed > 0 && len(b.all) == 1:
		return errors.New("the run did not end")
	case b.failed > 0:
		return fmt.Errorf("%d of %d runs did not end; call the same command again to repeat them", b.failed, len(b.todo))
	}
	return nil
}

func (b *batch) mayBegin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped == nil
}

// one runs one child and says how it went.
func (b *batch) one(ctx context.Context, j job) {
	line, ok := b.child(ctx, j)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended++
	if !ok {
		b.failed++
	}
	if ctx.Err() == nil && (!b.quiet || !ok) {
		cli.Note(b.cmd, "[%d/%d] %s  %s", b.ended, len(b.todo), j.name, line)
	}
}

// child runs a child, takes its report and sums it up in a line. The report comes
// on stdout, too, so that one that cannot be written is not lost.
func (b *batch) child(ctx context.Context, j job) (line string, ok bool) {
	args := append(slices.Clip(j.args), "--json")
	if b.out.overwrite {
		args = append(args, "--overwrite")
	}
	var stdout bytes.Buffer
	var last tail
	stderr := io.Writer(&last)
	if b.stderr {
		stderr = io.MultiWriter(&last, b.cmd.ErrOrStderr())
	}
	err := b.p.child(ctx, args, &stdout, stderr)
	r, derr := report.Decode(&stdout)
	switch {
	case derr != nil && err == nil:
		return "ended without a report", false
	case derr != nil:
		return strings.TrimSpace(fmt.Sprintf("%v: %s", err, last.last())), false
	case r.Interrupted:
		return "interrupted", false
	}
	line = fmt.Sprintf("p50 %.2f s, p95 %.2f s, %.2f × bound", r.CompletionSeconds.P50, r.CompletionSeconds.P95, r.RatioToBound.P95)
	if r.Failed() {
		line += "  !! FAILED: " + whatFailed(r)
	}
	written, _ := reportOf(j)
	if written != nil && written.Command == r.Command && !written.Interrupted {
		return line, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory[j.name] = r
	if j.dir == "" {
		return line, true
	}
	if err := b.p.probe(b.out.dir); err != nil {
		b.stopped = plainFile(err)
	}
	return line + "  !! not written: " + last.last(), true
}

// reports returns the reports of all jobs that are done, in their order.
func (b *batch) reports() (out []*report.Report, err error) {
	for _, j := range b.all {
		r := b.memory[j.name]
		if r == nil {
			if r, err = reportOf(j); err != nil {
				return nil, err
			}
		}
		if r != nil && !r.Interrupted && r.Command == shell(append([]string{"camsim"}, j.spec.args()...)) {
			out = append(out, r)
		}
	}
	return out, nil
}

// commandOf is the command in a document of medians, without its seeds.
func commandOf(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var head struct {
		Command string `json:"command"`
	}
	if json.Unmarshal(data, &head) != nil {
		return ""
	}
	words := strings.Fields(head.Command)
	for i := 0; i < len(words); {
		if words[i] == "--seed" || words[i] == "--seeds" {
			words = slices.Delete(words, i, min(i+2, len(words)))
		} else {
			i++
		}
	}
	return strings.Join(words, " ")
}

// tail keeps the end of what a child writes.
type tail struct{ data []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.data = append(t.data, b...)
	if n := len(t.data); n > 8192 {
		t.data = append([]byte{}, t.data[n-4096:]...)
	}
	return len(b), nil
}

// last is the last line that has something in it.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.data)), "\n")
	return lines[len(lines)-1]
}
