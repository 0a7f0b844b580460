package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func (p *process) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name)
}

// field returns a number of a file with lines of the form "name: number".
func field(path, name string) (n int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			_, err := fmt.Sscan(rest, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}

// memory returns a figure of the process's status, in bytes.
func (p *process) memory(name string) (int64, error) {
	kb, err := field(p.proc("status"), name)
	return kb << 10, err
}

// resetPeak makes VmHWM begin anew.
func (p *process) resetPeak() error { return os.WriteFile(p.proc("clear_refs"), []byte("5"), 0) }

// cpu returns what all threads of the process have run.
func (p *process) cpu() (total time.Duration, err error) {
	tasks, err := filepath.Glob(p.proc("task/*/schedstat"))
	if err != nil {
		return 0, err
	}
	for _, t := range tasks {
		data, err := os.ReadFile(t)
		if err != nil {
			return 0, err
		}
		var ns time.Duration
		if _, err := fmt.Sscan(string(data), &ns); err != nil {
			return 0, err
		}
		total += ns
	}
	return total, nil
}

// wakeUps returns how often each thread of the process has waited for something.
func (p *process) wakeUps() (map[string]int64, error) {
	tasks, err := filepath.Glob(p.proc("task/*/status"))
	if err != nil {
		return nil, err
	}
	woken := map[string]int64{}
	for _, t := range tasks {
		if woken[t], err = field(t, "voluntary_ctxt_switches"); err != nil {
			return nil, err
		}
	}
	return woken, nil
}
