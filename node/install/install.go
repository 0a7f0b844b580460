package install

import (
	"context"
	"errors"
	"fmt"

	"camswarm/verify"
)

// Outcome is what became of an installed release.
type Outcome uint8

// The outcomes.
const (
	Pending   Outcome = iota // not known yet; Confirm is asked again later
	Confirmed                // the device runs the release and it is well
	Failed                   // it does not run, or not well; Rollback comes next
)

// String returns the outcome's word.
func (o Outcome) String() string {
	switch o {
	case Pending:
		return "pending"
	case Confirmed:
		return "confirmed"
	case Failed:
		return "failed"
	default:
		return "unknown"
	}
}

// Installer puts firmware onto the device: into a flash slot, say, and later
// tells whether it booted. [ExecInstaller] runs an integrator's own program,
// [FileInstaller] keeps slots in files, and an embedding program may bring its
// own with [WithInstaller].
//
// A node calls one method at a time, whatever the number of its products, in the
// order Install, Confirm (until it is not Pending), and Rollback if Confirm said
// Failed, or if it has not said Confirmed for too long (see Rollback). A release that comes, is withdrawn or revoked while a method runs does
// not end it, and no other begins beside it: the next waits. Confirm is asked only
// about the release of a product whose Install was the last to begin, and
// succeeded. What has been done is
// recorded after the call has returned, so a crash or a power cut in between
// makes the node call the same method again for the same release: every method
// must come to the same result when it is called once more, including after it
// was cut off halfway.
type Installer interface {
	// Install writes a verified image to the device so that the device will run
	// it, at the next boot or at once. It is called once the release is
	// eligible, inside the maintenance window and not inhibited, and never
	// while an earlier release waits for its confirmation.
	//
	// The bytes come from img.WriteTo, a verified stream: each block is hashed
	// before it is written, and a block that changed on disk since the image
	// was checked ends the stream with an error. What was written up to then
	// must not be activated. An Image that is not Valid must be refused with
	// [ErrNoImage].
	//
	// After nil the release counts as installed: the bytes must be durable
	// (fsync), and what the device ran before must stay bootable until Confirm
	// has returned Confirmed. An error that wraps [ErrTryLater] means not now,
	// one that wraps [ErrNotStarted] that nothing was tried; neither is counted.
	// Any other counts as a failed attempt, after which the
	// node tries again later, a limited number of times.
	Install(ctx context.Context, img *verify.Image) error

	// Confirm tells whether an installed release runs well. It is asked soon
	// after Install, again while it is Pending, and at every start of the node
	// until it is decided or its time is up (see Rollback). Confirmed lets the node delete the release before
	// it, and the installer may free the fallback slot. Failed makes the node
	// call Rollback and leave the release alone from then on: return it also
	// when the device runs something else than rel. An error means that the
	// answer could not be found out; it is like Pending.
	Confirm(ctx context.Context, rel verify.Release) (Outcome, error)

	// Rollback makes the device run what it ran before rel. It is called after
	// Confirm said Failed, again until it returns nil, and must return nil when
	// the device is back already.
	//
	// It is called too, right after a Confirm that returned Pending or an error,
	// for a release that has not been confirmed within the configuration's
	// install.confirm_within (an hour), once a newer release waits for its place
	// or the chain no longer offers it; and only when an install might begin. So
	// it must work while rel runs, too.
	Rollback(ctx context.Context, rel verify.Release) error
}

// A Slotter is an [Installer] whose slots are the cache: the blocks of an image are
// written straight into the slot that it will be started from, so that flash holds and
// bears them once. See [FeedSlot].
type Slotter interface {
	Installer

	// Slot names the slot that a release may be written into: the path of a block
	// device or of a file, or a link to it, that holds the image and does not run. From
	// then on whatever the slot held is gone, so it must be none that the device may
	// have to fall back to, and the boot loader must not start it before Install has
	// said so. "" is none: the image is kept in a file instead. An error that wraps
	// [ErrTryLater] means not now.
	//
	// It is asked before a fetch begins or goes on after a restart, never while
	// another of the methods runs, nor while a release waits for its confirmation.
	// When Install is called for the release, the image is in that slot, its source is
	// an [InSlot], named as the links lead, and the node writes to it no more.
	Slot(ctx context.Context, rel verify.Release) (path string, err error)
}

// HasSlots reports whether an installer lets images be written straight into slots.
func HasSlots(i Installer) bool {
	if e, ok := i.(*ExecInstaller); ok {
		return e.Feed == FeedSlot
	}
	_, ok := i.(Slotter)
	return ok
}

// Errors of installers.
var (
	// ErrTryLater is wrapped by an Install or Rollback that wants to be called
	// again without counting as a failure, for example while a recording runs.
	ErrTryLater = errors.New("try later")
	// ErrNoImage refuses an Image that was not made by checking bytes.
	ErrNoImage = errors.New("not a verified image")
	// ErrNotStarted is wrapped by an error that says that nothing was done, because
	// the program that does it could not be started: it is missing, not
	// executable, or its interpreter is. It is not counted as a failure, since
	// trying costs nothing and only a person can mend it.
	ErrNotStarted = errors.New("not started")
	// ErrHook is wrapped by every failure of an install hook.
	ErrHook = errors.New("install hook")
)

// checkImage is the last gate before an installer.
func checkImage(img *verify.Image) error {
	if !img.Valid() {
		return fmt.Errorf("%w: only verify.Approved.CheckImage makes one", ErrNoImage)
	}
	return nil
}
