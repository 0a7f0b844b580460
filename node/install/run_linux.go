package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has the kernel end the hook when the thread that started it ends,
// which is when this process does: see start.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }

func bootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

// process is what /proc/PID/stat tells; see proc_pid_stat(5).
type process struct {
	state byte
	group int
	start uint64 // clock ticks after boot
}

func (p process) dead() bool { return p.state == 'Z' || p.state == 'X' }

func readProcess(pid int) (process, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	// The second field, the name, may hold blanks and parentheses.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return process{}, fmt.Errorf("/proc/%d/stat is not understood", pid)
	}
	group, err := strconv.Atoi(fields[2])
	start, err2 := strconv.ParseUint(fields[19], 10, 64)
	return process{state: fields[0][0], group: group, start: start}, errors.Join(err, err2)
}

// startOf returns when a process was started; 0 if it cannot be found out.
func startOf(pid int) uint64 {
	p, _ := readProcess(pid)
	return p.start
}

// members lists the processes that live and either hold the lock, or carry the
// run's token in their environment, or are in its process group while the
// group's leader is provably the hook. It never lists this process.
func members(run runRecord, lock *os.File) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && isMember(pid, run, lock) {
			out = append(out, pid)
		}
	}
	return out, nil
}

func isMember(pid int, run runRecord, lock *os.File) bool {
	if pid == os.Getpid() {
		return false
	}
	p, err := readProcess(pid)
	if err != nil || p.dead() {
		return false
	}
	if run.Group > 1 && p.group == run.Group && run.Start != 0 && startOf(run.Group) == run.Start {
		return true
	}
	return run.Token != "" && hasToken(pid, run.Token) || lock != nil && holds(pid, lock)
}

func hasToken(pid int, token string) bool {
	env, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return string(v) == runVariable+"="+token })
}

// holds reports whether a process has the open file to which the lock on f's file
// belongs: the kernel lists a lock under those descriptors and no others.
func holds(pid int, f *os.File) bool {
	want, err := f.Stat()
	if err != nil {
		return false
	}
	dir := "/proc/" + strconv.Itoa(pid)
	fds, _ := os.ReadDir(dir + "/fd")
	for _, fd := range fds {
		if info, err := os.Stat(dir + "/fd/" + fd.Name()); err != nil || !os.SameFile(info, want) {
			continue
		}
		if text, err := os.ReadFile(dir + "/fdinfo/" + fd.Name()); err == nil && bytes.Contains(text, []byte("FLOCK")) {
			return true
		}
	}
	return false
}

// signalMember sends a signal to a process that is still a member once it is held
// by a descriptor (pidfd, Linux 5.3), so that none that got its number meanwhile
// is hit.
func signalMember(pid int, run runRecord, lock *os.File, s syscall.Signal) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }()
	if isMember(pid, run, lock) {
		_ = p.Signal(s) // who has gone, or is another user's, is seen by the next look
	}
}
