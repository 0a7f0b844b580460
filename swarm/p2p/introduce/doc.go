// Package introduce is what seeds know of nodes that look for one another, and the
// messages in which they say it.
//
// It exists so that a crowd of any size finds neighbours at a cost that does not
// grow with it: a question is answered with a random few of those who may be
// wanted, bounded in peers and in bytes. The package is pure: it does no I/O, reads
// no clock, and may know no host and no connection. A Key says what two nodes have
// in common; what it stands for is the caller's business.
package introduce
