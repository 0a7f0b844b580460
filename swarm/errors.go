package swarm

import "errors"

// Errors of the exchange. Compare with errors.Is.
var (
	// ErrReadOnly: the file misses blocks, and no owner lets it be written.
	ErrReadOnly = errors.New("swarm: file is read-only and not complete")

	// ErrTooLarge: a block is larger than its caller allows.
	ErrTooLarge = errors.New("swarm: block is too large")

	// ErrRunning: Run was called before.
	ErrRunning = errors.New("swarm: an exchange can be run once")

	// ErrStopped: the exchange has stopped.
	ErrStopped = errors.New("swarm: exchange has stopped")

	// ErrBadMessage: a possession message is malformed. The stream is reset.
	ErrBadMessage = errors.New("swarm: malformed possession message")

	// ErrWantFlood: a peer asked for far more than there is to ask for.
	ErrWantFlood = errors.New("swarm: peer floods with wants")

	// ErrBlockFlood: a peer sent genuine blocks again and again that it was not
	// asked for.
	ErrBlockFlood = errors.New("swarm: peer floods with blocks that it was not asked for")

	// ErrWrongBytes: a peer sent a block for which it was not asked and that belongs
	// to no file here.
	ErrWrongBytes = errors.New("swarm: peer sent wrong bytes")
)
