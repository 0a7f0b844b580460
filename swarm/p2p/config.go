package p2p

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/swarm/units"
)

// The roles of a node in the network. A seed is a well-connected machine that
// serves the DHT and takes many connections; a camera is a DHT client with few.
const (
	RoleCamera = "camera"
	RoleSeed   = "seed"
)

// DefaultPort is the TCP and the UDP port that nodes listen on by default. It
// is a choice of this project; a firewall needs to know no other.
const DefaultPort = 4417

// ErrConfig is wrapped by every error about a network configuration.
var ErrConfig = errors.New("network configuration")

// Config is what an operator writes about a node's network. What a program
// injects is an Option.
type Config struct {
	// Role is RoleCamera or RoleSeed; "" is RoleCamera. It chooses the defaults
	// of the fields that are left at zero, and whether the node serves the DHT.
	Role string `toml:"-"`

	// Listen are the multiaddrs to listen on: /ip4 or /ip6 with /tcp/PORT or
	// /udp/PORT/quic-v1. Port 0 takes any free one. Empty: listen nowhere and
	// only dial. QUIC addresses are bound when the clock shows 2026 or later, and an
	// address that this machine does not have yet as soon as it does; until then
	// the node works without it and tries every 30 s or more often.
	Listen []string `toml:"listen"`

	// Advertise replaces the addresses that other peers are told, for a seed
	// behind port forwarding or with a DNS name. Empty: what the host listens on.
	Advertise []string `toml:"advertise"`

	// Peers are static peers, /…/p2p/ID, at most 32; several addresses of one ID
	// are one peer. A seed keeps all of them connected for ever, a camera four, or two
	// while it is idle, with back-off from 1 s to 1 min, or to 10 min where they say that they have
	// no room; they are never trimmed. Name the seeds of the region here.
	Peers []string `toml:"peers"`

	// Region is a short label that nodes near one another share. It is told to
	// peers in the agent string and makes equal labels the "region" tier. "": in a
	// node, the region of its first product.
	Region string `toml:"region"`

	// Memory is the size of the device: "64MB", "128MB", "256MB", "512MB", "large", or
	// a number of bytes with an optional KB, MB or GB (powers of 1024). It sets
	// every resource limit: more allows more streams, receive
	// windows and, on a seed, connections. "auto" on a camera: the size above that the
	// machine has, at most "512MB", or the largest within the limit of its control group.
	// "": "128MB" on a camera, "large" on a seed. Default "auto" on a camera, "" on a seed.
	Memory string `toml:"memory"`

	// MaxConnections is the hard limit of connections, handshakes included.
	// More costs about 0.2 MB and one keep-alive each; fewer slows gossip and
	// leaves fewer sources. 0: 16 on a camera, by memory on a seed.
	MaxConnections int `toml:"max_connections"`

	// MeshLow and MeshHigh bound the connections that the node seeks by itself:
	// below MeshLow it looks for peers, above MeshHigh the least useful are
	// closed again down to MeshLow. 0: 10 and 14 on a camera, half and five
	// eighths of MaxConnections on a seed. Measured with 100 cameras, p95 over
	// the fluid bound: 1.46 with 8 and 12, 1.44 with 10 and 15, 1.43 with 12 and
	// 15; fewer leave slots for those who come later.
	MeshLow  int `toml:"mesh_low"`
	MeshHigh int `toml:"mesh_high"`

	// MeshIdle is how many neighbours a camera seeks, seeds included, while it has
	// nothing to fetch: from ten minutes after its start or the last fetch on it hangs
	// up on those beyond one more, and gathers MeshLow again when a fetch begins. Each
	// costs 12 MB a month; as many as MeshLow keeps all. 0: 3. A seed has no use for it.
	MeshIdle int `toml:"mesh_idle"`

	// DialTimeout bounds one dial with its handshakes. Longer helps on bad
	// links, shorter finds a live peer sooner. Default 3 s.
	DialTimeout time.Duration `toml:"dial_timeout"`

	// DialRate is the largest number of dials per second that discovery makes;
	// home routers suffer from more. Default 3.
	DialRate float64 `toml:"dial_rate"`

	// PortMapping is "auto" to ask the router, by UPnP, PCP or NAT-PMP, to forward the
	// ports of Listen from the Internet, and by PCP to let in what comes for them by IPv6
	// (renewed every 20 s, or at least every 10 min); or "off", the default: a hole is
	// opened for one peer at a time, a forwarded port for everybody, and that is the
	// router's owner's to decide. With lan_only it must be off.
	PortMapping string `toml:"port_mapping"`

	// LANOnly refuses every address that is not private, in and out.
	LANOnly bool `toml:"lan_only"`

	// DHT joins the project's own Kademlia DHT: a seed as a
	// server, a camera as a client. Without it peers come from Peers, what they name,
	// and mDNS. Default true, but in the camera build, which has none.
	DHT bool `toml:"dht"`

	// MDNS looks for peers on the local network, and answers those that look.
	MDNS bool `toml:"mdns"`

	// Membership is the file of the node's credential in a private swarm, made by
	// 'camswarm provision --fleet' or 'camswarm members issue'; mode 0600, relative
	// to the configuration. With it, only members of the same fleet are connected,
	// and outsiders learn no more than that a port is open. "": open to all. Every
	// node of a product needs one, or none does: the two kinds do not meet.
	Membership string `toml:"membership"`

	// Strangers lets peers without a credential in, for blocks only, at a seed of a
	// private swarm that stock IPFS nodes may fetch from. They see that seed and
	// who it says it is, and no other node.
	Strangers bool `toml:"strangers"`

	// MDNSInterfaces are the names of the interfaces that mDNS uses. Empty: all
	// that are up and can multicast, except loopback, looked at every minute.
	MDNSInterfaces []string `toml:"mdns_interfaces"`
}

// DefaultConfig returns the defaults of both roles; set Role on it.
func DefaultConfig() Config {
	return Config{
		Listen: []string{
			fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", DefaultPort),
			fmt.Sprintf("/ip4/0.0.0.0/udp/%d/quic-v1", DefaultPort),
			fmt.Sprintf("/ip6/::/tcp/%d", DefaultPort),
			fmt.Sprintf("/ip6/::/udp/%d/quic-v1", DefaultPort),
		},
		DialTimeout: 3 * time.Second,
		DialRate:    3,
		PortMapping: PortMappingOff,
		DHT:         HasDHT,
		MDNS:        true,
	}
}

// Validate reports the first thing an operator has to mend. The error wraps
// ErrConfig.
func (c *Config) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	if c.Role != "" && c.Role != RoleCamera && c.Role != RoleSeed {
		return bad("role is %q; write %q or %q", c.Role, RoleCamera, RoleSeed)
	}
	if _, err := parseListen(c.Listen); err != nil {
		return bad("listen: %w", err)
	}
	if _, err := parseAddrs(c.Advertise); err != nil {
		return bad("advertise: %w", err)
	}
	if _, err := parsePeers(c.Peers); err != nil {
		return bad("peers: %w", err)
	}
	if len(c.Region) > maxRegionBytes || strings.ContainsFunc(c.Region, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return bad("region %q: at most %d printable ASCII characters without blanks", c.Region, maxRegionBytes)
	}
	if _, err := parseMemory(c.Memory); err != nil {
		return bad("memory: %w", err)
	}
	if c.MaxConnections < 0 || c.MaxConnections > maxConnections || c.MaxConnections > 0 && c.MaxConnections < minConnections {
		return bad("max_connections is %d; write 0 for the role's default, or %d to %d", c.MaxConnections, minConnections, maxConnections)
	}
	l, err := LimitsFor(*c)
	if err != nil {
		return bad("%w", err)
	}
	if c.MeshLow < 0 || c.MeshHigh < 0 || l.MeshLow < 1 || l.MeshLow > l.MeshHigh || l.MeshHigh > l.Connections {
		return bad("mesh_low %d, mesh_high %d and max_connections %d must not decrease in this order", l.MeshLow, l.MeshHigh, l.Connections)
	}
	if c.MeshIdle < 0 || c.MeshIdle > l.Connections {
		return bad("mesh_idle is %d; write 0 for the default, or 1 to max_connections, which is %d", c.MeshIdle, l.Connections)
	}
	if c.DialTimeout < 100*time.Millisecond || c.DialTimeout > time.Minute {
		return bad("dial_timeout is %v; write 100ms to 1m", c.DialTimeout)
	}
	if math.IsNaN(c.DialRate) || c.DialRate < 0.1 || c.DialRate > 1000 {
		return bad("dial_rate is %v; write 0.1 to 1000 dials per second", c.DialRate)
	}
	switch {
	case c.PortMapping != "" && c.PortMapping != PortMappingOff && c.PortMapping != PortMappingAuto:
		return bad("port_mapping is %q; write %q or %q", c.PortMapping, PortMappingOff, PortMappingAuto)
	case c.PortMapping == PortMappingAuto && c.LANOnly:
		return bad("port_mapping is %q, which asks the router for a port on the Internet, but lan_only refuses everybody there; set one of them only", PortMappingAuto)
	}
	if len(c.MDNSInterfaces) > 0 && !c.MDNS {
		return bad("mdns_interfaces is set but mdns is off; set mdns = true or leave the interfaces out")
	}
	return nil
}

func (c *Config) role() string {
	if c.Role == "" {
		return RoleCamera
	}
	return c.Role
}

func (c *Config) seed() bool { return c.Role == RoleSeed }

func parseAddrs(in []string) ([]ma.Multiaddr, error) {
	if len(in) > maxAddrs {
		return nil, fmt.Errorf("%d addresses; at most %d", len(in), maxAddrs)
	}
	out := make([]ma.Multiaddr, 0, len(in))
	for _, s := range in {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a multiaddr such as /ip4/192.0.2.1/tcp/%d: %w", s, DefaultPort, err)
		}
		out = append(out, a)
	}
	return out, nil
}

func parseListen(in []string) ([]ma.Multiaddr, error) {
	addrs, err := parseAddrs(in)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if transportOf(a) == transportOther || a[0].Protocol().Code != ma.P_IP4 && a[0].Protocol().Code != ma.P_IP6 {
			return nil, fmt.Errorf("%s: only /ip4 or /ip6 with /tcp/PORT or /udp/PORT/quic-v1 can be listened on", a)
		}
	}
	return addrs, nil
}

// CheckPeers says whether Config.Peers takes these addresses.
func CheckPeers(addrs []string) error {
	_, err := parsePeers(addrs)
	return err
}

func parsePeers(in []string) ([]peer.AddrInfo, error) {
	addrs, err := parseAddrs(in)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if _, id := peer.SplitAddr(a); id == "" {
			return nil, fmt.Errorf("%s does not end in /p2p/PEER-ID; `camswarm status` on that node prints its full address", a)
		}
	}
	infos, err := peer.AddrInfosFromP2pAddrs(addrs...)
	if err != nil {
		return nil, err
	}
	if len(infos) > maxStaticPeers {
		return nil, fmt.Errorf("%d static peers; at most %d, the others are found by discovery", len(infos), maxStaticPeers)
	}
	for _, info := range infos {
		if len(info.Addrs) == 0 {
			return nil, fmt.Errorf("/p2p/%s has no address in front of it", info.ID)
		}
	}
	return infos, nil
}

// parseMemory returns the bytes of a memory size. "" is 0.
func parseMemory(s string) (int64, error) {
	switch strings.ToLower(s) {
	case "", MemoryAuto:
		return 0, nil
	case "large":
		return largeMemory, nil
	}
	n, err := units.ParseMemory(s)
	if err != nil {
		return 0, err
	}
	if n < minMemory {
		return 0, fmt.Errorf("%q is less than %d MB, the least this node can work in", s, minMemory>>20)
	}
	return n, nil
}

// The values of Config.PortMapping.
const (
	PortMappingOff  = "off"
	PortMappingAuto = "auto"
)
