package filestore

import "errors"

// Errors of a store. Compare with errors.Is.
var (
	// ErrBadFile: the description of a file contradicts itself or is over a
	// limit. Nothing was opened.
	ErrBadFile = errors.New("swarm: bad file description")

	// ErrNotAdded: the root was never added, or was removed. Call Add first.
	ErrNotAdded = errors.New("swarm: file is not added")

	// ErrAdded: the root is already added with another path. Remove it first.
	ErrAdded = errors.New("swarm: file is already added at another path")

	// ErrNoSpace: the file system or quota is full. The message names the
	// bytes that are missing. Free them and fetch again; what arrived is kept.
	ErrNoSpace = errors.New("swarm: no space left")

	// ErrUnlisted: the block belongs to no added file. It is neither stored
	// nor served.
	ErrUnlisted = errors.New("swarm: block is listed in no added file")
)
