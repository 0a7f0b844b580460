package filestore

import "errors"

// Errors of a store. Compare with errors.Is.
var (
	// ErrBadFile: the description of a file contradicts itself, another owner's
	// or a limit. Nothing was changed on disk.
	ErrBadFile = errors.New("swarm: bad file description")

	// ErrNotAdded: the root was never added at that path, or was removed. Call
	// Add first.
	ErrNotAdded = errors.New("swarm: file is not added")

	// ErrPathTaken: a file with another root is added at the path. Remove it
	// first.
	ErrPathTaken = errors.New("swarm: another file is added at this path")

	// ErrReplaced: another file stands where one that is held was opened. Nothing
	// was written. Remove it and add it again.
	ErrReplaced = errors.New("swarm: the file was replaced by another")

	// ErrNoSpace: the file system or quota is full. The message names the
	// bytes that are missing. Free them and try again; what arrived is kept.
	ErrNoSpace = errors.New("swarm: no space left")

	// ErrUnlisted: the block belongs to no added file. It is neither stored
	// nor served.
	ErrUnlisted = errors.New("swarm: block is listed in no added file")
)
