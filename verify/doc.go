// Package verify holds the vocabulary of a firmware release and the rules that
// make each part of it genuine.
//
// A type and the rule that makes it genuine stay together, and the genuine
// forms can only be made by the rule: [Signed] by checking a threshold of
// manufacturer signatures, [Approved] by matching a Signed manifest with what
// the registry contract says, [Image] by hashing the bytes. An installer takes
// an Image and nothing else, so no check can be forgotten. A [Rotation] puts one
// key set of the manufacturer in the place of another.
//
// The package does no I/O of its own: it never opens a file, a socket or a
// clock; callers hand in bytes, readers and the time. It imports none of the
// other packages and no part of libp2p.
package verify
