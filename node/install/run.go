package install

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"camswarm/node/statedir"
	"camswarm/node/strictjson"
)

// The files of an [ExecInstaller] in its StateDir.
const (
	hookLock    = "hook.lock"    // held by a hook and by what it started, for as long as they keep descriptor 3
	hookRunning = "hook.running" // a runRecord, while a hook runs
)

// runVariable is the variable of a hook's environment that holds the run's token.
const runVariable = "CAMSWARM_RUN"

// A runRecord is what a node writes down of a hook that it starts, and removes
// when the hook has ended by itself. One that is found tells that the node was
// killed meanwhile.
type runRecord struct {
	Boot     string `json:"boot"`     // of the machine: nothing outlives it
	Token    string `json:"token"`    // in the environment of the hook and of what it started
	Group    int    `json:"group"`    // its process group; 0: it was not started yet
	Start    uint64 `json:"start"`    // when the group's leader was started, in clock ticks after boot: its number may be another's by now
	Action   string `json:"action"`   // for the log
	Sequence uint64 `json:"sequence"` // for the log
}

func newRun(action string, sequence uint64) runRecord {
	token := make([]byte, 16)
	_, _ = rand.Read(token) // never fails
	return runRecord{Boot: bootID(), Token: hex.EncodeToString(token), Action: action, Sequence: sequence}
}

// save writes the record for a node that is killed; a power cut ends the hook as
// well.
func (r runRecord) save(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return statedir.WriteFile(filepath.Join(dir, hookRunning), data, 0o600)
}

// loadRun returns the record of a hook that a former process started in this
// boot and did not see the end of; false if there is none.
func loadRun(dir string, log *slog.Logger) (runRecord, bool) {
	path := filepath.Join(dir, hookRunning)
	data, err := statedir.ReadRegular(path, maxRunRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return runRecord{}, false
	}
	var r runRecord
	if err == nil {
		err = strictjson.Decode(bytes.NewReader(data), &r)
	}
	if err == nil && (len(r.Token) != 32 || r.Group < 0 || r.Group == 1) {
		err = errors.New("it describes no run of a hook")
	}
	if err != nil {
		// The lock still tells of a hook that runs.
		log.Error("the record of a running install hook is unreadable; it is dropped", "path", path, "err", err)
		_ = os.RemoveAll(path)
		return runRecord{}, false
	}
	return r, r.Boot != "" && r.Boot == bootID()
}

// clearEarlier waits for, or ends, what an earlier hook left, and returns the lock of
// the next one, held. A hook that a former process of the node was killed over is
// ended at once: its image's stream has broken off. What a hook that ended by
// itself left behind is given the time linger.
func clearEarlier(ctx context.Context, dir string, linger time.Duration, log *slog.Logger) (*os.File, error) {
	path := filepath.Join(dir, hookLock)
	if err := statedir.Reclaim(log, path, false); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	lock, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	err = clearWith(ctx, lock, dir, linger, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func clearWith(ctx context.Context, lock *os.File, dir string, linger time.Duration, log *slog.Logger) error {
	run, cutOff := loadRun(dir, log)
	held, err := tryLock(lock)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	if !cutOff && !held {
		log.Info("an earlier install hook left processes that still hold descriptor 3; the next hook waits for them", "atMost", linger)
		if held, err = waitLock(ctx, lock, linger); err != nil {
			return fmt.Errorf("%w: %w", ErrTryLater, err)
		}
	}
	if cutOff || !held {
		if err := end(ctx, run, lock, log); err != nil {
			return err
		}
	}
	if !held {
		if held, err = waitLock(ctx, lock, hookKillDelay); err != nil || !held {
			return fmt.Errorf("%w: %s is held by a process that cannot be found; end it, or restart the device: %w", ErrTryLater, lock.Name(), errors.Join(err, syscall.EWOULDBLOCK))
		}
	}
	if err := os.Remove(filepath.Join(dir, hookRunning)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	return nil
}

// end ends every process that belongs to a run or holds the lock: SIGTERM, and
// SIGKILL for whoever is left after hookKillDelay. lock may be nil. It fails if
// some cannot be ended.
func end(ctx context.Context, run runRecord, lock *os.File, log *slog.Logger) error {
	left, err := members(run, lock)
	if err == nil && len(left) == 0 {
		return nil
	}
	if err == nil {
		log.Warn("ending what an earlier install hook left running", "action", run.Action, "sequence", run.Sequence, "pids", left)
	}
	for _, s := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, hookKillDelay}, {syscall.SIGKILL, hookKillWait}} {
		for until := time.Now().Add(s.wait); err == nil && len(left) > 0 && time.Until(until) > 0; {
			for _, pid := range left {
				signalMember(pid, run, lock, s.signal)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%w: %w", ErrTryLater, context.Cause(ctx))
			case <-time.After(lockPoll):
			}
			left, err = members(run, lock)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: whether an earlier install hook still runs cannot be found out: %w", ErrTryLater, err)
	}
	if len(left) > 0 {
		return fmt.Errorf("%w: processes %v of an earlier install hook cannot be ended; if they wait for a device, restart it", ErrTryLater, left)
	}
	return nil
}
