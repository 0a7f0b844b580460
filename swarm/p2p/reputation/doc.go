// Package reputation remembers how peers behaved towards this node.
//
// It exists so that one place weighs what was delivered against what failed. It is
// pure: what happened goes in, scores come out, and its time is its caller's. It
// knows peers by their IDs alone. It may know no connection and no block; what
// follows from a score is decided by those who ask.
package reputation
