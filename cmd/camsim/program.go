package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/report"
	"camswarm/sim/report/format"
	"camswarm/sim/report/page"
)

// program is what the commands need of the world, so that tests can give them
// another one.
type program struct {
	simulate  func(ctx context.Context, s *sim.Scenario, o sim.Options) (*report.Report, error)
	need      func(s *sim.Scenario) (memory int64, cpu time.Duration)                       // estimates; 0: not known
	available func() int64                                                                  // bytes of memory that a run may take; 0: not known
	child     func(ctx context.Context, args []string, out io.Writer, errs io.Writer) error // runs camsim with args in a process of its own
	self      []string                                                                      // how to call camsim, for commands that are printed

	write      func(dir string, runs []*report.Report, figures bool) error
	writeSweep func(dir string, s *report.Sweep, x string, metrics []string) error
	probe      func(dir string) error // whether files can be written there

	getenv func(string) string
	commit string // of the code
}

func newProgram() *program {
	return &program{
		simulate: func(ctx context.Context, s *sim.Scenario, o sim.Options) (*report.Report, error) {
			// A bubble hands its turn from goroutine to goroutine; on one processor
			// that is a function call, on several it is a wake-up.
			if os.Getenv("GOMAXPROCS") == "" {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			}
			return sim.Run(ctx, s, o)
		},
		need:      (*sim.Scenario).Need,
		available: availableMemory,
		child:     runChild,
		self:      self(os.Args[0]),

		write: page.WriteRuns, writeSweep: page.WriteSweep, probe: writable,

		getenv: os.Getenv,
		commit: commit(),
	}
}

// self is how this program was called. What go run builds is gone when it ends,
// so there the command is go run's.
func self(arg string) []string {
	if strings.Contains(arg, string(os.PathSeparator)+"go-build") {
		return []string{"go", "run", "./cmd/camsim"}
	}
	return []string{arg}
}

// runChild starts this executable again. An interrupt ends it gently: it gets
// the signal that this process got, and a while to clean up.
func runChild(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = stdout, cli.Underlying(stderr)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd.Run()
}

// childCode is the exit code of a child, -1 if it had none.
func childCode(err error) int {
	var exit interface{ ExitCode() int } // *exec.ExitError, but for tests
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// noteWritten says where a result is, and what it lacks to be repeated.
func (p *program) noteWritten(cmd *cobra.Command, dir string) {
	cli.Note(cmd, "written to %s", dir)
	if p.commit == "" {
		cli.Note(cmd, "the result names no commit: this camsim was built without one (-buildvcs=false, or outside of a clone); in a clone's root it asks git")
	}
}

// commit names the code that runs: the revision that the build recorded, or that
// of the working directory for go run, which records none.
func commit() string {
	revision, dirty := "", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
	}
	if revision == "" {
		if module, err := os.ReadFile("go.mod"); err != nil || !bytes.HasPrefix(module, []byte("module camswarm\n")) {
			return ""
		}
		out, err := exec.Command("git", "rev-parse", "HEAD").Output()
		if err != nil {
			return ""
		}
		revision = strings.TrimSpace(string(out))
		status, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
		dirty = err != nil || len(bytes.TrimSpace(status)) > 0
	}
	if dirty {
		revision += "-dirty"
	}
	return revision
}

// availableMemory is how much memory a run may take before the machine, or the
// control group that it runs in, has none left; 0 if nothing says so.
func availableMemory() int64 {
	return leastMemory(os.ReadFile)
}

func leastMemory(read func(string) ([]byte, error)) int64 {
	least := int64(0)
	lower := func(v int64) {
		if v > 0 && (least == 0 || v < least) {
			least = v
		}
	}
	if data, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
				if f := strings.Fields(rest); len(f) > 0 {
					if kb, err := strconv.ParseInt(f[0], 10, 64); err == nil {
						lower(kb << 10)
					}
				}
			}
		}
	}
	number := func(path string) (int64, bool) {
		data, err := read(path)
		if err != nil {
			return 0, false
		}
		v, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
		return v, err == nil // "max" is no number
	}
	// The group's own directory, and the root as a container sees it.
	groups := []string{"/sys/fs/cgroup"}
	if data, err := read("/proc/self/cgroup"); err == nil {
		for line := range strings.Lines(string(data)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && path != "/" {
				groups = append(groups, "/sys/fs/cgroup"+path)
			}
			if _, path, ok := strings.Cut(strings.TrimSpace(line), ":memory:"); ok {
				groups = append(groups, "/sys/fs/cgroup/memory"+path)
			}
		}
	}
	groups = append(groups, "/sys/fs/cgroup/memory")
	for _, dir := range groups {
		for _, names := range [][2]string{{"memory.max", "memory.current"}, {"memory.limit_in_bytes", "memory.usage_in_bytes"}} {
			limit, ok := number(dir + "/" + names[0])
			if !ok || limit >= 1<<60 { // version 1 writes "no limit" as a huge number
				continue
			}
			used, _ := number(dir + "/" + names[1])
			lower(max(limit-used, 1))
		}
	}
	return least
}

// fits refuses runs for which this machine has too little memory, jobs of them
// side by side.
func (p *program) fits(s *sim.Scenario, jobs int, force bool) error {
	memory, _ := p.need(s)
	have := p.available()
	if force || memory == 0 || have == 0 || memory*int64(jobs) <= have {
		return nil
	}
	each, hint := "", ""
	if jobs > 1 {
		each = fmt.Sprintf(" each, for %d side by side", jobs)
		hint = " fewer --jobs,"
	}
	if s.Links != "fast" {
		hint += " --links fast,"
	}
	return fmt.Errorf("%s with %d cameras over %s links needs about %s of memory%s, and %s are available; use fewer --nodes,%s a larger machine, or --force to try",
		s.Name, s.Nodes, s.Links, format.Bytes(memory), each, format.Bytes(have), hint)
}
