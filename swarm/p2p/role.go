package p2p

import "github.com/libp2p/go-libp2p/core/peer"

// Role is what a peer says it is: RoleCamera, RoleSeed, or "" when it has not
// said (stock IPFS nodes, peers not identified yet). It is a claim, good for
// counters and order, never for trust.
func (n *Network) Role(p peer.ID) string {
	role, _ := parseAgent(n.agent(p))
	return role
}
