// Package flow runs the scheduler of package plan, the same Planner and
// Lender objects that a camera runs, over a model of the network: access lines,
// round trips, QUIC's slow start and pacing, bitswap's send queue. There are no
// goroutines, no libp2p hosts and no clock but the model's, so that a hundred
// cameras take about a second and ten thousand fit into a machine.
//
// It is for choosing and checking scheduling rules, and for sizes that real
// nodes cannot reach; published figures come from real nodes over QUIC. What it
// leaves out: loss, the CPU of a node, the announcement, disks, and bytes on
// the way of a control message. docs/SWARM.md says how far it is from QUIC.
// Package fleet is the model for sizes beyond.
package flow
