package p2p

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/swarm/p2p/book"
)

// Tier is how near a peer is.
type Tier string

// The tiers, nearest first.
const (
	TierLAN    Tier = "lan"    // on a network that this machine is attached to
	TierRegion Tier = "region" // says that it is in our Config.Region
	TierSeed   Tier = "seed"   // a static peer, or says that it is a seed
	TierOther  Tier = "other"
)

// Tiers are all tiers, nearest first.
var Tiers = [...]Tier{TierLAN, TierRegion, TierSeed, TierOther}

// Rank orders tiers, nearest first, from 0.
func (t Tier) Rank() int {
	return max(0, slices.Index(Tiers[:], t))
}

// Tier tells how near a connected peer is. LAN is what the connection's address
// shows; region and seed are what the peer says of itself and good for nothing
// but order.
func (n *Network) Tier(p peer.ID) Tier {
	if slices.ContainsFunc(n.host.Network().ConnsToPeer(p), func(c network.Conn) bool { return n.links.on(c.RemoteMultiaddr()) }) {
		return TierLAN
	}
	role, region := parseAgent(n.agent(p))
	if n.cfg.Region != "" && region == n.cfg.Region {
		return TierRegion
	}
	n.mu.Lock()
	src, known := n.book.SourceOf(p)
	n.mu.Unlock()
	if role == RoleSeed || known && src == book.Static {
		return TierSeed
	}
	return TierOther
}

func (n *Network) agent(p peer.ID) string {
	v, err := n.host.Peerstore().Get(p, "AgentVersion")
	if err != nil {
		return ""
	}
	s, _ := v.(string)
	// A stranger wrote it and people will read it.
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxAgentBytes)])
}

// parseAgent reads the role and the region from an agent string of UserAgent's
// form; other software has neither.
func parseAgent(agent string) (role, region string) {
	parts := strings.Split(agent, " ")
	if parts[0] != protocolVersion || len(parts) < 2 || len(parts) > 3 {
		return "", ""
	}
	if len(parts) == 3 {
		region = parts[2]
	}
	return parts[1], region
}

// Via is how a connection reached its peer.
type Via string

// The ways, best first.
const (
	ViaLAN     Via = "lan"     // on a network that this machine is attached to
	ViaDirect  Via = "direct"  // one dialled the other
	ViaPunched Via = "punched" // through NATs, by an appointment at a relay
	ViaRelay   Via = "relay"   // an appointment, before a hole is open: no blocks
)

// Rank orders ways, best first, from 0.
func (v Via) Rank() int {
	return max(0, slices.Index([]Via{ViaLAN, ViaDirect, ViaPunched, ViaRelay}, v))
}

func (n *Network) via(c network.Conn) Via {
	switch {
	case n.links.on(c.RemoteMultiaddr()):
		return ViaLAN
	case !direct(c.RemoteMultiaddr()):
		return ViaRelay
	case n.host.reach.punched(c.RemotePeer()):
		return ViaPunched
	}
	return ViaDirect
}

// Status is what a node knows about its place in the network.
type Status struct {
	Peer        peer.ID            `json:"peer"`
	Addrs       []string           `json:"addrs"`   // full addresses, as other nodes' peers setting wants them
	Listen      []string           `json:"listen"`  // what is bound
	Awaited     []AwaitedAddr      `json:"awaited"` // what will be, when this machine has the address
	QUIC        bool               `json:"quic"`
	Reach       Reach              `json:"reach"`
	Relay       *RelayStatus       `json:"relay"`      // nil on a camera
	DHTServers  int                `json:"dhtServers"` // in the routing table
	Candidates  int                `json:"candidates"` // known peers, connected or not
	Connections []ConnectionStatus `json:"connections"`
	Bans        []Ban              `json:"bans"`
}

// ConnectionStatus is one connection.
type ConnectionStatus struct {
	Peer      peer.ID   `json:"peer"`
	Addr      string    `json:"addr"`
	Direction string    `json:"direction"` // "in" or "out"
	Transport string    `json:"transport"` // "tcp", "quic", "relay" or "other"
	Via       Via       `json:"via"`
	Tier      Tier      `json:"tier"`
	Agent     string    `json:"agent"` // what the peer calls itself
	Opened    time.Time `json:"opened"`
}

// Status returns a snapshot, connections in order of tier and age.
func (n *Network) Status() Status {
	s := Status{Peer: n.host.ID(), Bans: n.Bans(), Awaited: n.host.listeners.awaited(), Relay: n.host.relays.Status()}
	for _, a := range n.host.Addrs() {
		s.Addrs = append(s.Addrs, fmt.Sprintf("%s/p2p/%s", a, n.host.ID()))
	}
	bound := slices.DeleteFunc(n.host.Network().ListenAddresses(), func(a ma.Multiaddr) bool { return !direct(a) }) // relays' is nowhere
	for _, a := range bound {
		s.Listen = append(s.Listen, a.String())
		s.QUIC = s.QUIC || transportOf(a) == transportQUIC
	}
	s.Reach = n.host.reach.status(n.links, quicPorts(bound))
	if n.host.mapper != nil {
		mapped, words := n.host.mapper.Describe(bound)
		for _, a := range mapped {
			s.Reach.Mapped = append(s.Reach.Mapped, a.String())
		}
		s.Reach.Words += "; " + words
	}
	n.host.prober.describe(&s.Reach)
	s.DHTServers = n.dhtServers()
	n.mu.Lock()
	s.Candidates = n.book.Len()
	n.mu.Unlock()
	for _, c := range n.host.Network().Conns() {
		s.Connections = append(s.Connections, ConnectionStatus{
			Peer: c.RemotePeer(), Addr: c.RemoteMultiaddr().String(), Direction: direction(c),
			Transport: transportOf(c.RemoteMultiaddr()), Via: n.via(c),
			Tier: n.Tier(c.RemotePeer()), Agent: n.agent(c.RemotePeer()), Opened: c.Stat().Opened,
		})
	}
	slices.SortFunc(s.Connections, func(a, b ConnectionStatus) int {
		return cmp.Or(cmp.Compare(a.Tier.Rank(), b.Tier.Rank()), a.Opened.Compare(b.Opened))
	})
	return s
}

func direction(c network.Conn) string {
	if c.Stat().Direction == network.DirInbound {
		return "in"
	}
	return "out"
}

// Role is what a peer says it is: RoleCamera, RoleSeed, or "" when it has not
// said (stock IPFS nodes, peers not identified yet). It is a claim, good for
// counters and order, never for trust.
func (n *Network) Role(p peer.ID) string {
	role, _ := parseAgent(n.agent(p))
	return role
}
