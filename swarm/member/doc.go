// Package member makes a swarm private: only nodes that the owner of a fleet has
// made members talk to one another, and whoever else connects learns no more than
// that a port is open and which transport key answers there.
//
// A fleet is an Ed25519 key that stays with its owner. Each member has a
// [Credential]: a [Certificate], in which the fleet's key signs the member's
// network key, and the fleet's secret, which all members share. Two nodes show
// each other their certificates on the first stream of each connection, before
// the connection is handed to the host: no identify, no gossip, no DHT, no block
// comes before it. The secret encrypts what is shown, so that not even the name of
// the fleet is seen by somebody who is not in it, and makes rendezvous keys and the
// mDNS service name that outsiders cannot compute.
//
// Nothing here needs a clock, the Internet or a chain: certificates do not expire,
// they are revoked by a list that the fleet's key signs and that members hand to
// each other ([Revocations]). The secret alone admits nobody. It is no libp2p
// private network (PSK), which would rule out QUIC.
//
// The package knows transports and keys, and nothing of firmware.
package member
