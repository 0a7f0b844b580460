package install

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"camswarm/verify"
)

// ExecInstaller installs by running a hook, a program of the integrator's own:
//
//	command... install     the verified image, on standard input or as a file (Feed)
//	command... confirm     does the installed release run well?
//	command... rollback    go back to what ran before
//
// The environment holds PATH and, for the release in question:
//
//	CAMSWARM_ACTION        slot (with FeedSlot only), install, confirm or rollback
//	CAMSWARM_PRODUCT       product id, 64 hexadecimal digits
//	CAMSWARM_SEQUENCE      decimal
//	CAMSWARM_VERSION       for people
//	CAMSWARM_IMAGE_SIZE    bytes, decimal
//	CAMSWARM_IMAGE_SHA256  64 hexadecimal digits
//	CAMSWARM_COMPONENT     what to install, from the manifest (install only)
//	CAMSWARM_IMAGE         the image's absolute path (install with FeedFile only)
//	CAMSWARM_SLOT          the slot that holds the image (install with FeedSlot only)
//	CAMSWARM_RUN           a random mark of this run, by which the node finds what
//	                       belongs to it
//
// Exit codes: 0 is success (of confirm: it runs well), 75 (EX_TEMPFAIL of
// sysexits.h) means not now or not known yet, 126, 127 and death by a signal
// mean that the hook could not do its work (of confirm: not known), any other
// means failure (of confirm: roll back). A confirm that goes on answering "not
// known" does not keep newer releases away for ever: after install.confirm_within
// rollback is run all the same, see [Installer].
//
// With [FeedStdin] an install hook must read standard input to its end, even if it
// does not want all of it: one that exits 0 with bytes unread is refused, because it
// cannot have written the whole image. If a block turns out to have changed, or the
// time is up, the hook's process group gets SIGTERM and a little later SIGKILL while
// its standard input stays open, so it never takes a cut-off stream for the end of
// the image. Only the death of the node itself closes the stream early: a hook must
// therefore compare what it wrote with CAMSWARM_IMAGE_SIZE, better with
// CAMSWARM_IMAGE_SHA256, before it switches slots.
//
// With [FeedFile] it finds the image under the path in CAMSWARM_IMAGE instead, and
// nothing on standard input. That file is the node's own: the download, the cache
// and what is served, so flash holds the image once. A hook must neither change nor
// move nor delete it; it may pass the path to another program, read it as often as
// it likes, and give it a name of its own by a hard link or a reflink, which stays
// when the node deletes its own. When the hook starts, all of the image has just
// been hashed, and on Linux nobody has the file open for writing; the node does not
// write to it either. Flash may still hand out other bytes at a later read, so a
// hook must compare what it wrote with CAMSWARM_IMAGE_SHA256 before it switches
// slots, or leave that to the file's own signature as RAUC and SWUpdate do. An
// install counts as failed if the file was written to or replaced while the hook
// ran, whatever that says.
//
// With [FeedSlot] the hook is asked first, with the action slot, for the slot that the
// release may be written into (see [Slotter.Slot]): it prints the path on standard
// output and exits 0, prints nothing where the image is to be kept in a file, or exits
// 75 for not now. It makes sure that the boot loader does not start what will be half
// written. At install CAMSWARM_SLOT is the path then, the image is the slot's first
// CAMSWARM_IMAGE_SIZE bytes, all of it has just been hashed, and the hook has to
// compare what is there, read from the medium, and to switch; there is no
// CAMSWARM_IMAGE. Of an image that was kept in a file the environment is that of
// FeedFile.
//
// One slot, install, confirm or rollback runs at a time on a node, and over its
// restarts too: before a hook is started, whatever an earlier one left must have
// ended. Hooks inherit descriptor 3, an open file whose lock they thereby hold
// together with every process that they start; they need do nothing about it.
//
//   - A hook that exits by itself may leave a process behind, such as a delayed
//     reboot. While that keeps descriptor 3 the next hook waits for it, for a
//     minute; then it is ended. What is to stay longer must close it, in a shell
//     with "3>&-".
//   - A hook that the node stops, or that was running when the node was killed,
//     is ended with all that belongs to it: its process group, who holds the
//     lock, and who carries CAMSWARM_RUN in the environment. It gets SIGTERM
//     first (on the node's death at once from the kernel, which reaches the hook
//     alone), then SIGKILL. Forking and daemonising change nothing about that.
//   - A process escapes only if it both closes descriptor 3 and clears its
//     environment. Such a one must not write to a slot.
//
// If something cannot be ended, such as a process that waits for a broken device,
// no other hook is started: the error wraps [ErrTryLater] and names it. Ending
// needs Linux with /proc; elsewhere an earlier hook is only waited for.
type ExecInstaller struct {
	// Command is the program and its first arguments; the action is appended.
	// The program is found as exec.LookPath does.
	Command []string
	// Feed is how an install hook gets the image; "": FeedStdin.
	Feed Feed
	// Timeout bounds one run; 0: ten minutes.
	Timeout time.Duration
	// StateDir is where the lock and a note of the running hook are kept (hook.lock,
	// hook.running), so that they outlive this process. It must exist and belong to
	// this installer alone. "": a hook that outlives the process is not noticed by
	// the next one.
	StateDir string
	// Logger gets one line per run with the end of the hook's output; nil: none.
	Logger *slog.Logger

	linger time.Duration // hookLinger, but for tests
	once   sync.Once
	busy   chan struct{} // holds one value while a hook runs
}

// Check says what keeps the command from being started: that it is missing, not
// executable, or no program; nil if nothing does.
func (e *ExecInstaller) Check() error {
	if len(e.Command) == 0 {
		return fmt.Errorf("%w: %w: no command is configured; set install.command", ErrHook, ErrNotStarted)
	}
	path, err := exec.LookPath(e.Command[0]) // finds regular files that are executable
	if err != nil {
		hint := ""
		if len(e.Command) == 1 && strings.ContainsAny(e.Command[0], " \t") {
			hint = `; arguments need a list: command = ["/hook", "--slot", "b"]`
		}
		return fmt.Errorf("%w: %w: %w; mend install.command or what it names%s", ErrHook, ErrNotStarted, err, hint)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %w: %s is not a regular file; mend install.command or what it names", ErrHook, ErrNotStarted, path)
	}
	return nil
}

// exitTempFail is EX_TEMPFAIL of sysexits.h.
const exitTempFail = 75

// Install implements [Installer].
func (e *ExecInstaller) Install(ctx context.Context, img *verify.Image) error {
	if err := checkImage(img); err != nil {
		return err
	}
	feed, err := e.feed(img)
	if err != nil {
		return fmt.Errorf("%w: install: %w", ErrHook, err)
	}
	r, err := e.run(ctx, "install", img.Release(), feed)
	if err != nil {
		return err
	}
	if err := r.failure(); err != nil {
		return err
	}
	if feed.path != "" {
		if err := feed.untouched(); err != nil {
			return fmt.Errorf("%w: install exited 0, but %w", ErrHook, err)
		}
	}
	if r.unread {
		return fmt.Errorf("%w: install exited 0 without reading the whole image (%d bytes); it must read standard input to its end", ErrHook, img.Size())
	}
	return nil
}

// Slot implements [Slotter]: with [FeedSlot] the hook is run with the action slot, and
// prints the path.
func (e *ExecInstaller) Slot(ctx context.Context, rel verify.Release) (string, error) {
	if e.Feed != FeedSlot {
		return "", nil
	}
	r, err := e.run(ctx, "slot", rel, feed{})
	if err != nil {
		return "", err
	}
	if err := r.failure(); err != nil {
		return "", err
	}
	path, err := ParseSlot(r.printed)
	if err != nil {
		return "", fmt.Errorf("%w: slot: %w", ErrHook, err)
	}
	return path, nil
}

// Confirm implements [Installer].
func (e *ExecInstaller) Confirm(ctx context.Context, rel verify.Release) (Outcome, error) {
	r, err := e.run(ctx, "confirm", rel, feed{})
	if err != nil {
		return Pending, err
	}
	switch {
	case r.code == 0:
		return Confirmed, nil
	case r.code == exitTempFail:
		return Pending, nil
	case r.broken():
		return Pending, r.failure()
	default:
		return Failed, nil
	}
}

// Rollback implements [Installer].
func (e *ExecInstaller) Rollback(ctx context.Context, rel verify.Release) error {
	r, err := e.run(ctx, "rollback", rel, feed{})
	if err != nil {
		return err
	}
	return r.failure()
}

// hookResult is how a hook that was left to end by itself ended.
type hookResult struct {
	action  string
	code    int    // -1: killed by a signal
	state   string // for people: "exit status 3", "signal: killed"
	last    string // last line of output
	unread  bool   // it did not read all of its standard input
	printed string // of slot: the end of its standard output
}

// broken reports whether the hook did not get to an answer: killed, or what a
// shell returns when a command cannot be run or found.
func (r hookResult) broken() bool { return r.code < 0 || r.code == 126 || r.code == 127 }

func (r hookResult) failure() error {
	switch {
	case r.code == 0:
		return nil
	case r.code == exitTempFail:
		return fmt.Errorf("%w: %s: %w", ErrHook, r.action, ErrTryLater)
	case r.last != "":
		return fmt.Errorf("%w: %s: %s: %s", ErrHook, r.action, r.state, r.last)
	default:
		return fmt.Errorf("%w: %s: %s", ErrHook, r.action, r.state)
	}
}

// run runs the hook once. Its error says that the hook could not be started, had
// to be stopped, or that the image's stream broke.
func (e *ExecInstaller) run(ctx context.Context, action string, rel verify.Release, image feed) (hookResult, error) {
	e.once.Do(func() { e.busy = make(chan struct{}, 1) })
	select {
	case e.busy <- struct{}{}:
		defer func() { <-e.busy }()
	case <-ctx.Done():
		return hookResult{}, fmt.Errorf("%w: %s: another one runs: %w", ErrHook, action, context.Cause(ctx))
	}
	if len(e.Command) == 0 {
		return hookResult{}, fmt.Errorf("%w: %w: no command is configured; set install.command", ErrHook, ErrNotStarted)
	}
	log := e.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	lock, err := e.clear(ctx, log)
	if err != nil {
		return hookResult{}, fmt.Errorf("%w: %s: %w", ErrHook, action, err)
	}
	timeout := e.Timeout
	if timeout <= 0 {
		timeout = defaultHookTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not finished after %v; raise install.timeout if it needs longer", timeout))
	defer cancel()

	var out tail
	cmd := exec.Command(e.Command[0], append(e.Command[1:len(e.Command):len(e.Command)], action)...)
	run := newRun(action, rel.Sequence)
	cmd.Env = append(hookEnv(action, rel, image), runVariable+"="+run.Token)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	cmd.Stdout, cmd.Stderr = &out, &out
	var printed tail
	if action == "slot" {
		cmd.Stdout = &printed
	}
	cmd.WaitDelay = hookKillDelay // for a process left behind that holds the output open
	in, err := startStream(cmd, image)
	if err != nil {
		return hookResult{}, errors.Join(fmt.Errorf("%w: %s: %w", ErrHook, action, err), closeLock(lock))
	}
	began := time.Now()
	exited, err := e.start(cmd, lock, &run, log)
	if err != nil {
		in.close()
		return hookResult{}, fmt.Errorf("%w: %s: %w: %w; mend install.command or what it names", ErrHook, action, ErrNotStarted, err)
	}
	written := in.start(image.img)

	var stopped error
	ended := true
	for waiting := true; waiting; {
		select {
		case <-exited:
			waiting = false
		case <-ctx.Done():
			stopped = fmt.Errorf("%w: %s: %w", ErrHook, action, context.Cause(ctx))
		case err := <-written:
			if written = nil; err != nil {
				stopped = fmt.Errorf("%s: the image's stream broke: %w", action, err)
			}
		}
		if stopped != nil && waiting {
			waiting = false
			killGroup(cmd.Process.Pid, exited)
			if err := e.endAll(ctx, run, log); err != nil {
				stopped, ended = errors.Join(stopped, err), false
			}
		}
	}
	if ended {
		e.forget(log)
	}
	unread := in.finish()

	r := hookResult{action: action, code: cmd.ProcessState.ExitCode(), state: cmd.ProcessState.String(), last: out.lastLine(), unread: unread, printed: printed.raw()}
	log.Info("install hook ran", "action", action, "sequence", rel.Sequence, "result", r.state,
		"took", time.Since(began).Round(time.Millisecond), "output", out.String())
	return r, stopped
}

// clear makes sure that nothing of an earlier hook runs. It returns the lock that
// the next one shall inherit, nil without a StateDir.
func (e *ExecInstaller) clear(ctx context.Context, log *slog.Logger) (*os.File, error) {
	if e.StateDir == "" {
		return nil, nil
	}
	return clearEarlier(ctx, e.StateDir, cmp.Or(e.linger, hookLinger), log)
}

// start starts the hook with the lock, and leaves it as the lock's only holder.
// exited is closed when it has exited.
func (e *ExecInstaller) start(cmd *exec.Cmd, lock *os.File, run *runRecord, log *slog.Logger) (exited <-chan struct{}, err error) {
	note := func() {
		if e.StateDir == "" {
			return
		}
		if err := run.save(e.StateDir); err != nil { // such as on a full disk; the lock is held all the same
			log.Warn("a running install hook is not written down", "err", err)
		}
	}
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock} // becomes descriptor 3
	}
	note()
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		// The kernel takes the end of this thread for the end of the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // what matters is in ProcessState
		}
	}()
	err = <-started
	if err == nil {
		run.Group, run.Start = cmd.Process.Pid, startOf(cmd.Process.Pid)
		note()
	} else {
		e.forget(log)
	}
	return done, errors.Join(err, closeLock(lock))
}

// endAll ends what belongs to a hook that was stopped and is not in its group.
func (e *ExecInstaller) endAll(ctx context.Context, run runRecord, log *slog.Logger) error {
	var lock *os.File
	if e.StateDir != "" {
		var err error
		if lock, err = openLock(filepath.Join(e.StateDir, hookLock)); err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
	}
	return end(context.WithoutCancel(ctx), run, lock, log)
}

// forget removes the record of a hook that has ended.
func (e *ExecInstaller) forget(log *slog.Logger) {
	if e.StateDir == "" {
		return
	}
	if err := os.Remove(filepath.Join(e.StateDir, hookRunning)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the record of an install hook stays", "err", err)
	}
}

func closeLock(lock *os.File) error {
	if lock == nil {
		return nil
	}
	return lock.Close()
}

// hookEnv is the environment of a hook but for the run's token.
func hookEnv(action string, rel verify.Release, image feed) []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/sbin:/usr/bin:/sbin:/bin"
	}
	env := []string{
		"PATH=" + path,
		"CAMSWARM_ACTION=" + action,
		"CAMSWARM_PRODUCT=" + rel.Product.String(),
		"CAMSWARM_SEQUENCE=" + strconv.FormatUint(rel.Sequence, 10),
		"CAMSWARM_VERSION=" + rel.Version,
		"CAMSWARM_IMAGE_SIZE=" + strconv.FormatUint(rel.ImageSize, 10),
		"CAMSWARM_IMAGE_SHA256=" + hex.EncodeToString(rel.ImageSHA256[:]),
	}
	if image.img != nil {
		env = append(env, "CAMSWARM_COMPONENT="+image.img.Manifest().Component)
	}
	switch {
	case image.slot:
		env = append(env, "CAMSWARM_SLOT="+image.path)
	case image.path != "":
		env = append(env, "CAMSWARM_IMAGE="+image.path)
	}
	return env
}

// killGroup ends a hook and its children: SIGTERM, and SIGKILL for whoever is
// left after hookKillDelay. It returns once the hook has exited.
func killGroup(pid int, exited <-chan struct{}) {
	_ = syscall.Kill(-pid, syscall.SIGTERM)
	timer := time.NewTimer(hookKillDelay)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	<-exited
}

// stream is a pipe into a hook whose reading end stays open here as well: the
// hook's early exit does not lose count of what it left unread.
type stream struct {
	r, w     *os.File
	done     chan struct{} // closed when the writer has ended
	complete bool          // every byte went into the pipe; read after done
}

func startStream(cmd *exec.Cmd, image feed) (*stream, error) {
	if image.img == nil || image.path != "" {
		return &stream{}, nil // the hook reads /dev/null
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin = r
	return &stream{r: r, w: w}, nil
}

// start writes the image into the pipe; the channel gets the writer's error. The
// writing end is closed only after the last byte.
func (s *stream) start(img *verify.Image) <-chan error {
	if s.w == nil {
		return nil
	}
	s.done = make(chan struct{})
	result := make(chan error, 1)
	go func() {
		defer close(s.done)
		_, err := img.WriteTo(s.w)
		if err == nil {
			s.complete = true
			_ = s.w.Close()
		}
		result <- err
	}()
	return result
}

// finish is called when the hook has exited. It stops the writer and reports
// whether the hook left bytes unread.
func (s *stream) finish() (unread bool) {
	if s.w == nil {
		return false
	}
	_ = s.w.Close()
	<-s.done
	n, _ := io.Copy(io.Discard, s.r)
	_ = s.r.Close()
	return n > 0 || !s.complete
}

// close is for a hook that did not start.
func (s *stream) close() {
	if s.w != nil {
		_, _ = s.w.Close(), s.r.Close()
	}
}

// tail keeps the last hookOutput bytes written to it. It is safe for concurrent
// use: a process that a hook left behind may still write.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-hookOutput):]...)
	if over := len(t.buf) - hookOutput; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// raw returns the output as it is.
func (t *tail) raw() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// String returns the output as valid text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.buf), "?"))
}

func (t *tail) lastLine() string {
	s := t.String()
	return s[strings.LastIndexByte(s, '\n')+1:]
}

var _ Slotter = (*ExecInstaller)(nil)
