// Package announce carries the news of a release from node to node: one
// GossipSub topic per product, a validator that judges each announcement
// before anything is forwarded, and a small protocol that asks a peer for the
// latest announcement when it connects.
//
// An announcement is a hint, never the truth. It is worth something only when
// the manufacturer's pinned keys signed the envelope inside it and a quorum
// view of the registry offers that release; the package gets both rules from
// verify and the view through the [Chain] interface. Checks run cheapest
// first, all who ask share one look at the chain, and what cannot be judged
// yet is held and judged again, so that an announcement that outruns the chain
// costs an honest relay nothing.
//
// The package may not know how a view is made (chainwatch), how blocks move
// (swarm), what a node does with an accepted announcement, or what is
// installed. It keeps nothing on disk.
package announce
