// Package p2p is the libp2p network of a node: the host and what keeps it
// connected.
//
// It exists so that one place knows how peers are found, admitted, kept,
// remembered and refused: static peers, mDNS, the project's own DHT, the gater
// with its bans, reputations, limits by memory and role, and IPNS routing. It
// knows peers and addresses. It may know no block, no file, no release and no
// chain; who may join is decided by its caller (Admitter).
package p2p
