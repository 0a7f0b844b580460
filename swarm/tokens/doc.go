// Package tokens bounds what peers may make this node do.
//
// It exists so that every rate in the swarm is counted in one way, and so that what a
// peer costs is counted in one place, whatever protocol it speaks. It is pure: its
// times are its caller's. It may know no connection and no protocol; what follows
// from an excess is decided by those who ask.
package tokens
