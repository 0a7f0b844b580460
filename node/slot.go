package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// Where an installer has slots that the node may write into (install.Slotter), a
// release's image is in one of them instead of in its directory, which then holds the
// slot's path. These rules keep the slots apart:
//
//   - A slot is one release's at a time, and which is decided by who has the node's
//     install turn. Who has it also adds a slot to the exchange.
//   - Before a release may write, and again after a restart, the installer is asked
//     which slot it may have; with another answer its claim is void. One that is
//     verified writes no more; if its bytes change, it is asked for again.
//   - Before the installer is called for a release, its slot is sealed, and claims of
//     others that do not run are void: an installer may write any slot but the running
//     one. What was handed to it once is never written to again.
//   - A release whose claim is void goes on in a file.

// slotFile holds the path of the slot that has a release's image.
const slotFile = "slot"

// place is where the image of a release is, or is to be; in a slot if slot is true.
func (f *follower) place(rel verify.Release) (path string, slot bool) {
	data, err := statedir.ReadRegular(filepath.Join(f.dir(rel), slotFile), maxSlotFile)
	if err == nil {
		if path, err = install.ParseSlot(string(data)); err == nil && path != "" {
			return path, true
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.log.Error("the note of the slot that holds an image is unreadable; the image is fetched into a file", "sequence", rel.Sequence, "err", err)
	}
	return f.imagePath(rel), false
}

// claims are the slots that hold images, by sequence.
func (f *follower) claims() (map[uint64]string, error) {
	dir := filepath.Dir(f.dir(verify.Release{Product: f.product()}))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out := map[uint64]string{}
	for _, e := range entries {
		seq, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil {
			continue
		}
		if path, slot := f.place(verify.Release{Product: f.product(), Sequence: seq}); slot {
			out[seq] = path
		}
	}
	return out, nil
}

// prepareSlot has the installer name a slot for a release that has no place yet, and
// claims it; false: there is none, and a file it is.
func (f *follower) prepareSlot(ctx context.Context, t task) (bool, error) {
	if !f.rules.slots {
		return false, nil
	}
	if _, err := f.collector.Collect(ctx, gc.Need{}); err != nil { // who is not needed any more gives its slot back
		return false, err
	}
	if err := f.turn.take(ctx, func() {}); err != nil {
		return false, err
	}
	defer f.turn.give()
	path, err := f.askSlot(ctx, t)
	if errors.Is(err, errUnusableSlot) { // costs a copy, not the update
		f.log.Warn("the image goes into a file", "sequence", t.release.Sequence, "err", err)
		return false, nil
	}
	if err != nil || path == "" {
		return false, err
	}
	if err := f.saveEnvelope(t.signed, t.release); err != nil {
		return false, err
	}
	note := filepath.Join(f.dir(t.release), slotFile)
	if err := errors.Join(statedir.Reclaim(f.log, note, false), statedir.Reclaim(f.log, note+".tmp", false)); err != nil {
		return false, err
	}
	if err := statedir.WriteFile(note, []byte(path+"\n"), 0o600); err != nil {
		return false, err
	}
	f.log.Info("the image goes straight into a slot", "sequence", t.release.Sequence, "slot", path)
	return true, nil
}

// askSlot returns the slot that the installer lets a release have, where its name
// leads; "": none. An error may be an errUnusableSlot. The caller has the turn.
func (f *follower) askSlot(ctx context.Context, t task) (string, error) {
	slotter, ok := f.installer.(install.Slotter)
	if !ok {
		return "", nil
	}
	named, err := slotter.Slot(ctx, t.release)
	if err != nil {
		return "", err
	}
	if named == "" {
		f.slotTrouble.Store(nil)
		return "", nil
	}
	path, err := usable(f.stateDir, named, int64(t.release.ImageSize))
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", errUnusableSlot, named, err)
		since := time.Now()
		if was := f.slotTrouble.Load(); was != nil {
			since = was.since
		}
		f.slotTrouble.Store(&trouble{err, since})
		return "", err
	}
	f.slotTrouble.Store(nil)
	claims, err := f.claims()
	if err != nil {
		return "", err
	}
	for seq, other := range claims {
		if seq != t.release.Sequence && other == path {
			f.log.Warn("a slot that was named holds another release that is needed; the image goes into a file",
				"sequence", t.release.Sequence, "slot", path, "other", seq)
			return "", nil
		}
	}
	return path, nil
}

// errUnusableSlot: what the installer named is no slot for the image.
var errUnusableSlot = errors.New("the slot that install.command names cannot be used")

// trouble is an error and when it was met.
type trouble struct {
	err   error
	since time.Time
}

// usable returns where a slot's name leads, since such names are often links of
// udev's; an error if it leads to nothing that an image of so many bytes can be in, or
// into the state directory, by its name or by links.
func usable(stateDir, slot string, size int64) (string, error) {
	real, err := filepath.EvalSymlinks(slot)
	if err != nil {
		return "", err
	}
	if stateDir, err = filepath.Abs(stateDir); err != nil {
		return "", err
	}
	realDir, err := filepath.EvalSymlinks(stateDir)
	if err != nil {
		return "", err
	}
	for _, way := range [][2]string{{stateDir, slot}, {realDir, real}} {
		rel, err := filepath.Rel(way[0], way[1])
		if err != nil {
			return "", err
		}
		if filepath.IsLocal(rel) {
			return "", fmt.Errorf("it is in the node's own state directory, %s", stateDir)
		}
	}
	in, err := install.OpenSlot(real, size)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.File.Close() }()
	has, err := in.File.Seek(0, io.SeekEnd)
	if err == nil && has < size {
		err = fmt.Errorf("it has %d bytes, the image %d", has, size)
	}
	return real, err
}

// handSlot gives the exchange the slot of a release: to be read, of one that was
// verified, since it may have been started meanwhile; else to be written too, if the
// installer still names it.
func (f *follower) handSlot(ctx context.Context, t task, s *verify.Signed, path string) error {
	file := f.described(s, t.release)
	file.Path, file.Slot, file.ReadOnly = path, true, t.record.State >= control.StateVerified
	if file.ReadOnly {
		return f.exchange.Add(file)
	}
	if err := f.turn.take(ctx, func() {}); err != nil {
		return err
	}
	defer f.turn.give()
	named, err := f.askSlot(ctx, t)
	if err != nil && !errors.Is(err, errUnusableSlot) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) && time.Since(f.slotTrouble.Load().since) < slotPatience {
		return err // it may come: udev makes its links while the device starts
	}
	if named == path {
		return f.exchange.Add(file)
	}
	f.log.Warn("the slot that held an image is not named any more; the image goes into a file", "sequence", t.release.Sequence, "slot", path, "named", named)
	if err := f.void(s, t.release, path); err != nil {
		return err
	}
	return f.hand(s, t.release)
}

// void ends a claim on a slot. The caller has the turn.
func (f *follower) void(s *verify.Signed, rel verify.Release, path string) error {
	if err := gc.Remove(filepath.Join(f.dir(rel), slotFile)); err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	if err := f.exchange.Remove(s.Manifest().Image.Root, path); err != nil && !errors.Is(err, filestore.ErrNotAdded) {
		return err
	}
	return nil
}

// seal makes sure that nothing of ours writes to any slot while the installer works,
// nor later to that of the release that it is called for. The caller has the turn.
func (f *follower) seal(t task) error {
	now := f.published.Load()
	claims, err := f.claims()
	if err != nil {
		return err
	}
	for seq, path := range claims {
		switch seq {
		case t.release.Sequence:
			if err := f.exchange.Seal(t.signed.Manifest().Image.Root, path); err != nil && !errors.Is(err, filestore.ErrNotAdded) {
				return err
			}
		case now.running.Release.Sequence, now.fallback.Release.Sequence: // never written
		default:
			f.log.Warn("another release is installed: what was in a slot is fetched again if it is needed", "sequence", seq, "slot", path)
			if err := f.void(now.serves(seq), verify.Release{Product: f.product(), Sequence: seq}, path); err != nil {
				return err
			}
		}
	}
	return nil
}
