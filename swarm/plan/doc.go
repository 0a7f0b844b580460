// Package plan decides which blocks of a file are asked for, of whom and when
// (Planner), and which are disclosed to whom (Lender).
//
// It exists so that the scheduling, which is where the speed of a swarm comes
// from, can be tested and simulated without a network: both are pure state
// machines, events and times go in, actions come out. A file is units of known
// sizes here and a peer a number. The package may know no network, no disk, no
// clock and no hash; it imports the standard library alone.
package plan
