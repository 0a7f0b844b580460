package introduce

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"camswarm/swarm/tokens"
)

// Node is what a seed knows of one that asked.
type Node struct {
	ID    peer.ID
	Addrs []ma.Multiaddr // that others may be told, see Usable
	At    netip.Addr     // where its connection comes from; the invalid one if that says nothing
	Ask   Ask
}

// Table holds the nodes that asked, connected or gone for a while, and names some
// of them. Its times come from the caller. It is not safe for concurrent use.
type Table struct {
	max    int
	nodes  map[peer.ID]*node
	byKey  map[Key][]peer.ID
	within map[netip.Prefix]int
	random *rand.Rand
}

type node struct {
	Node
	gone   time.Time // zero: connected
	named  int       // how often it was, since it asked last
	answer time.Time // the last time that it got peers
}

// NewTable returns a table for at most max nodes.
func NewTable(max int) *Table {
	return &Table{
		max: max, nodes: map[peer.ID]*node{}, byKey: map[Key][]peer.ID{}, within: map[netip.Prefix]int{},
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
}

// Len returns the number of nodes known.
func (t *Table) Len() int { return len(t.nodes) }

// Seeds returns what a node said of its other seeds, 0 for one that never asked.
func (t *Table) Seeds(id peer.ID) int {
	if n := t.nodes[id]; n != nil {
		return n.Ask.Seeds
	}
	return 0
}

// Put enters a node that is connected and has asked, in place of what was known of
// it. It reports false when there is no room: one that is gone makes some, of the
// same network if that fills its share.
func (t *Table) Put(n Node, now time.Time) bool {
	var answer time.Time
	if before := t.nodes[n.ID]; before != nil {
		answer = before.answer
	}
	t.drop(n.ID)
	network := networkOf(n.At)
	crowded := network.IsValid() && t.within[network] >= max(t.max/networkShare, 1)
	if (crowded || len(t.nodes) >= t.max) && !t.makeRoom(network, crowded, now) {
		return false
	}
	slices.SortFunc(n.Ask.Keys, func(a, b Key) int { return slices.Compare(a[:], b[:]) })
	n.Ask.Keys = slices.Compact(n.Ask.Keys)
	t.nodes[n.ID] = &node{Node: n, answer: answer}
	if network.IsValid() {
		t.within[network]++
	}
	for _, k := range n.Ask.Keys {
		t.byKey[k] = append(t.byKey[k], n.ID)
	}
	return true
}

// Gone records that a node is not connected any more.
func (t *Table) Gone(id peer.ID, now time.Time) {
	if n := t.nodes[id]; n != nil && n.gone.IsZero() {
		n.gone = now
	}
}

// makeRoom forgets all that are gone for goneAge, and if that was nobody the one
// that is gone longest.
func (t *Table) makeRoom(network netip.Prefix, within bool, now time.Time) bool {
	var oldest *node
	some := false
	for _, n := range t.nodes {
		if n.gone.IsZero() || within && networkOf(n.At) != network {
			continue
		}
		if now.Sub(n.gone) > goneAge {
			t.drop(n.ID)
			some = true
		} else if oldest == nil || n.gone.Before(oldest.gone) {
			oldest = n
		}
	}
	if !some && oldest != nil {
		t.drop(oldest.ID)
	}
	return some || oldest != nil
}

func (t *Table) drop(id peer.ID) {
	n := t.nodes[id]
	if n == nil {
		return
	}
	delete(t.nodes, id)
	if network := networkOf(n.At); network.IsValid() {
		if t.within[network]--; t.within[network] == 0 {
			delete(t.within, network)
		}
	}
	for _, k := range n.Ask.Keys {
		list := t.byKey[k]
		i := slices.Index(list, id)
		list[i] = list[len(list)-1]
		if list = list[:len(list)-1]; len(list) == 0 {
			delete(t.byKey, k)
		} else {
			t.byKey[k] = list
		}
	}
}

// Name returns as many nodes as one that has asked wants, drawn at random: those
// before others that it can reach, and of these those that were named least. Who is
// not in the table, or asks again within two seconds, is told nobody.
func (t *Table) Name(id peer.ID, now time.Time) (out []peer.AddrInfo) {
	asks := t.nodes[id]
	if asks == nil || asks.Ask.Want == 0 || now.Sub(asks.answer) < answerEvery {
		return nil
	}
	asks.answer = now
	asker := asks.Node
	keys := asker.Ask.Of
	if len(keys) == 0 {
		keys = asker.Ask.Keys
	}
	want := min(asker.Ask.Want, MaxPeers)
	var nodes []*node
	drawn := map[peer.ID]bool{asker.ID: true}
	for _, k := range keys {
		list := t.byKey[k]
		for _, i := range t.some(len(list), draws) {
			n := t.nodes[list[i]]
			if !drawn[n.ID] && (n.gone.IsZero() || now.Sub(n.gone) <= goneAge) {
				nodes = append(nodes, n)
			}
			drawn[n.ID] = true
		}
	}
	slices.SortStableFunc(nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(far(asker, a), far(asker, b)), cmp.Compare(a.named, b.named))
	})
	mixed := 0
	for _, n := range nodes {
		if len(out) == want {
			break
		}
		if openToPunchable(asker.Ask.NAT, n.Ask.NAT) {
			if mixed++; mixed > maxMixed {
				continue
			}
		}
		if addrs := addrsFor(asker, n.Node); len(addrs) > 0 {
			n.named++
			out = append(out, peer.AddrInfo{ID: n.ID, Addrs: addrs})
		}
	}
	return out
}

// some returns up to k different numbers below n, at random.
func (t *Table) some(n, k int) []int {
	if k >= n {
		return t.random.Perm(n)
	}
	out := make([]int, 0, k)
	seen := make(map[int]bool, k)
	for len(out) < k {
		if i := t.random.IntN(n); !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out
}

// far ranks whom an asker is told of, 0 first: whom it can reach before whom it cannot,
// and of these those that few others can. Who can be dialled is kept for those behind
// symmetric NATs, who reach nobody else; between others holes are punched. Behind some
// of the NATs that can be punched who is sought by a symmetric one gets in (full
// cones), so they come before other symmetric ones. One behind a NAT that has left its
// relay cannot be called.
func far(asker Node, n *node) int {
	a, b := asker.Ask.NAT, n.Ask.NAT
	switch {
	case asker.At.IsValid() && asker.At == n.At:
		return 0 // the same home
	case !n.gone.IsZero() && (b == NATSymmetric || b == NATPunchable):
		return len(ranks)
	}
	return ranks[a][b]
}

// openToPunchable tells whether of two NATs one can be dialled and the other punched.
func openToPunchable(a, b NAT) bool {
	return a == NATNone && b == NATPunchable || a == NATPunchable && b == NATNone
}

// ranks is far by the asker's NAT and the node's.
var ranks = [natKinds][natKinds]int{
	NATUnknown:   {NATNone: 0, NATUnknown: 1, NATPunchable: 1, NATSymmetric: 1},
	NATNone:      {NATSymmetric: 0, NATNone: 1, NATUnknown: 1, NATPunchable: 1},
	NATPunchable: {NATPunchable: 0, NATNone: 1, NATUnknown: 1, NATSymmetric: 2},
	NATSymmetric: {NATNone: 0, NATUnknown: 1, NATPunchable: 2, NATSymmetric: 3},
}

// addrsFor are the addresses of a node that an asker is told: private ones only if
// both are seen to come from one place, since elsewhere they are other machines', and
// of one that can be punched, and not dialled, those at relays: a dial at the others
// delays the appointment and times out. To an asker behind a symmetric NAT, with whom
// no hole opens, they are named, since some let it in (full cones).
func addrsFor(asker, n Node) []ma.Multiaddr {
	near := asker.At.IsValid() && n.At.IsValid() && (asker.At == n.At || tokens.Local(asker.At) && tokens.Local(n.At))
	relayed := func(a ma.Multiaddr) bool { _, ok := Relay(a); return ok }
	punch := !near && n.Ask.NAT == NATPunchable && (asker.Ask.NAT == NATPunchable || asker.Ask.NAT == NATNone) && slices.ContainsFunc(n.Addrs, relayed)
	return slices.DeleteFunc(slices.Clone(n.Addrs), func(a ma.Multiaddr) bool {
		ip, ok := IPOf(a)
		return !near && manet.IsPrivateAddr(a) || punch && ok && ip.Is4() && !relayed(a)
	})
}

// Usable selects, of the addresses that a node claims and that come from at, those
// that others may be told, at most MaxAddrs: nobody shall be made to dial a third.
// A public address must be where it is seen, or of the other IP version; of relays
// only those are kept that relay knows. One port for each transport and IP.
func Usable(claimed []ma.Multiaddr, at netip.Addr, relay func(peer.ID) bool) (out []ma.Multiaddr) {
	type place struct {
		ip  netip.Addr
		udp bool
	}
	var other netip.Addr // of the other IP version
	seen := map[place]bool{}
	for _, a := range claimed {
		if len(out) == MaxAddrs || len(a.Bytes()) > MaxAddrBytes {
			continue
		}
		ip, ok := IPOf(a)
		if !ok {
			continue
		}
		if via, circuit := Relay(a); circuit {
			if relay(via) {
				out = append(out, a)
			}
			continue
		}
		if !tokens.Local(ip) {
			switch {
			case at.IsValid() && ip == at, !at.IsValid() || tokens.Local(at):
			case ip.Is4() == at.Is4():
				continue
			case other.IsValid() && other != ip:
				continue
			default:
				other = ip
			}
		}
		_, err := a.ValueForProtocol(ma.P_UDP)
		if p := (place{ip, err == nil}); !seen[p] {
			seen[p] = true
			out = append(out, a)
		}
	}
	return out
}

// IPOf returns the IP address that a multiaddr begins with.
func IPOf(a ma.Multiaddr) (netip.Addr, bool) {
	if len(a) == 0 {
		return netip.Addr{}, false
	}
	ip, err := manet.ToIP(a)
	if err != nil {
		return netip.Addr{}, false
	}
	addr, ok := netip.AddrFromSlice(ip)
	return addr.Unmap(), ok
}

// Relay returns the relay through which an address leads, and false for a direct
// one.
func Relay(a ma.Multiaddr) (via peer.ID, ok bool) {
	if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err != nil {
		return "", false
	}
	text, err := a.ValueForProtocol(ma.P_P2P)
	if err != nil {
		return "", true
	}
	via, _ = peer.Decode(text)
	return via, true
}

// networkOf is the network that shares a bound: a /24 or a /56. Loopback is exempt.
func networkOf(ip netip.Addr) netip.Prefix {
	switch {
	case !ip.IsValid() || ip.IsLoopback():
		return netip.Prefix{}
	case ip.Is4():
		return netip.PrefixFrom(ip, 24).Masked()
	}
	return netip.PrefixFrom(ip, 56).Masked()
}
