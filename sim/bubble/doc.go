// Package bubble runs programs in virtual time, where waiting costs nothing: a
// testing/synctest bubble that an ordinary goroutine of an ordinary program can
// open. It knows nothing of what runs in it.
//
// In a bubble there may be no real socket, no channel made outside, no
// signal.Notify and no mutex held across a wait: each of these stops its clock.
package bubble
