package swarm

import "errors"

// Errors of the exchange. Compare with errors.Is.
var (
	// ErrBadFile: the description of a file contradicts itself or is over a
	// limit. Nothing was opened.
	ErrBadFile = errors.New("swarm: bad file description")

	// ErrNotAdded: the root was never added, or was removed. Call Add first.
	ErrNotAdded = errors.New("swarm: file is not added")

	// ErrAdded: the root is already added with another path. Remove it first.
	ErrAdded = errors.New("swarm: file is already added at another path")

	// ErrFetching: another Fetch of the same root is running.
	ErrFetching = errors.New("swarm: file is already being fetched")

	// ErrReadOnly: the file misses blocks and must not be written.
	ErrReadOnly = errors.New("swarm: file is read-only and not complete")

	// ErrNoSpace: the file system or quota is full. The message names the
	// bytes that are missing. Free them and fetch again; what arrived is kept.
	ErrNoSpace = errors.New("swarm: no space left")

	// ErrUnlisted: the block belongs to no added file. It is neither stored
	// nor served.
	ErrUnlisted = errors.New("swarm: block is listed in no added file")

	// ErrTooLarge: a block is larger than its caller allows.
	ErrTooLarge = errors.New("swarm: block is too large")

	// ErrStopped: the exchange has stopped, or Run was called twice.
	ErrStopped = errors.New("swarm: exchange has stopped")

	// ErrBadMessage: a possession message is malformed. The stream is reset.
	ErrBadMessage = errors.New("swarm: malformed possession message")

	// ErrWantFlood: a peer asked for far more than there is to ask for.
	ErrWantFlood = errors.New("swarm: peer floods with wants")

	// ErrWrongBytes: a peer sent a block that nobody asked it for.
	ErrWrongBytes = errors.New("swarm: peer sent wrong bytes")
)
