package introduce

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// member is node i, in a network of its own.
func member(i int, keys ...string) Node {
	at := netip.AddrFrom4([4]byte{20, byte(i >> 8), byte(i), 7})
	n := Node{ID: id(i), At: at, Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/%s/tcp/4417", at))}, Ask: Ask{Want: MaxPeers}}
	for _, k := range keys {
		n.Ask.Keys = append(n.Ask.Keys, key(k))
	}
	return n
}

func (t *Table) mustPut(tb testing.TB, n Node, now time.Time) {
	tb.Helper()
	if !t.Put(n, now) {
		tb.Fatalf("no room for %x", n.ID)
	}
}

func ids(infos []peer.AddrInfo) (out []peer.ID) {
	for _, i := range infos {
		out = append(out, i.ID)
	}
	return out
}

func TestTableNamesAFewOfThoseThatAreWanted(t *testing.T) {
	table := NewTable(1000)
	for i := range 300 {
		table.mustPut(t, member(i, "a"), start)
	}
	table.mustPut(t, member(300, "b"), start)
	table.mustPut(t, member(301, "b", "image"), start)
	asker := member(302, "b", "b") // a key said twice is said once
	table.mustPut(t, asker, start)
	if got := ids(table.Name(asker.ID, start)); len(got) != 2 || slices.Contains(got, asker.ID) {
		t.Errorf("names %x", got)
	}
	if got := table.Name(asker.ID, start.Add(answerEvery-1)); len(got) != 0 {
		t.Errorf("names %d at once again", len(got))
	}
	if got := table.Name(id(999), start); len(got) != 0 {
		t.Errorf("names %d to somebody unknown", len(got))
	}
	asker.Ask.Of = []Key{key("image")}
	table.mustPut(t, asker, start)
	if got := table.Name(asker.ID, start.Add(answerEvery-1)); len(got) != 0 {
		t.Errorf("another question is answered with %d at once", len(got))
	}
	if got := ids(table.Name(asker.ID, start.Add(answerEvery))); !slices.Equal(got, []peer.ID{id(301)}) {
		t.Errorf("of the image names %x", got)
	}
	many := member(303, "a")
	table.mustPut(t, many, start)
	if got := table.Name(many.ID, start); len(got) != MaxPeers {
		t.Errorf("names %d of 300", len(got))
	}
}

// Everybody is named about as often: a crowd does not meet at one door.
func TestTableSpreadsACrowd(t *testing.T) {
	const crowd = 500
	table := NewTable(1000)
	for i := range crowd {
		table.mustPut(t, member(i, "a"), start)
	}
	named := map[peer.ID]int{}
	for i := range crowd {
		for _, p := range table.Name(id(i), start) {
			named[p.ID]++
		}
	}
	least, most := crowd, 0
	for i := range crowd {
		least, most = min(least, named[id(i)]), max(most, named[id(i)])
	}
	if least < 8 || most > 28 {
		t.Errorf("on average each is named 16 times, one %d times, one %d", least, most)
	}
}

func TestTablePrefersWhomTheAskerCanReach(t *testing.T) {
	for _, c := range []struct {
		asker, far, near NAT
		gone, home       bool // the far one has left; the asker is in its home
	}{
		{asker: NATSymmetric, far: NATSymmetric, near: NATNone},
		{asker: NATSymmetric, far: NATPunchable, near: NATUnknown},
		{asker: NATSymmetric, far: NATUnknown, near: NATNone},
		{asker: NATSymmetric, far: NATSymmetric, near: NATPunchable}, // it may be a full cone
		{asker: NATPunchable, far: NATNone, near: NATPunchable},
		{asker: NATNone, far: NATPunchable, near: NATSymmetric},
		{asker: NATUnknown, far: NATPunchable, near: NATNone},
		{asker: NATPunchable, far: NATSymmetric, near: NATPunchable},
		{asker: NATNone, far: NATPunchable, near: NATSymmetric, gone: true},
		{asker: NATSymmetric, near: NATSymmetric, far: NATPunchable, home: true},
	} {
		table := NewTable(100)
		asker := member(0, "a")
		asker.Ask.NAT, asker.Ask.Want = c.asker, 1
		for i := 1; i <= 3; i++ {
			n := member(i, "a")
			n.Ask.NAT = c.far
			if i == 2 {
				if n.Ask.NAT = c.near; c.home {
					n.At = asker.At
				}
			}
			table.mustPut(t, n, start)
			if i != 2 && c.gone {
				table.Gone(n.ID, start)
			}
		}
		table.mustPut(t, asker, start)
		for i := range 8 {
			if got := ids(table.Name(asker.ID, start.Add(time.Duration(i)*answerEvery))); !slices.Equal(got, []peer.ID{id(2)}) {
				t.Errorf("%+v: names %x", c, got)
			}
		}
	}
}

// Who can be dialled has room for those whom nobody else reaches: it is told of few who
// can be punched, and they of few of it; among themselves all are told of many.
func TestTableKeepsRoomAtThoseWhoCanBeDialled(t *testing.T) {
	for _, c := range []struct {
		asker, others NAT
		want          int
	}{
		{NATNone, NATPunchable, maxMixed},
		{NATPunchable, NATNone, maxMixed},
		{NATNone, NATNone, MaxPeers},
		{NATPunchable, NATPunchable, MaxPeers},
		{NATSymmetric, NATNone, MaxPeers},
		{NATNone, NATSymmetric, MaxPeers},
		{NATUnknown, NATUnknown, MaxPeers},
	} {
		table := NewTable(100)
		for i := 1; i <= 2*MaxPeers; i++ {
			n := member(i, "a")
			n.Ask.NAT = c.others
			table.mustPut(t, n, start)
		}
		asker := member(0, "a")
		asker.Ask.NAT = c.asker
		table.mustPut(t, asker, start)
		if got := table.Name(asker.ID, start); len(got) != c.want {
			t.Errorf("%+v: names %d", c, len(got))
		}
	}
}

func TestTableForgetsWhoIsGone(t *testing.T) {
	table := NewTable(3)
	table.mustPut(t, member(0, "a"), start)
	table.mustPut(t, member(1, "a"), start)
	table.mustPut(t, member(2, "a"), start)
	if table.Put(member(3, "a"), start) {
		t.Error("a table of connected nodes has room")
	}
	table.Gone(id(1), start)
	table.Gone(id(0), start.Add(time.Second))
	if got := table.Name(id(2), start); len(got) != 2 {
		t.Errorf("names %d: who has just left can be dialled", len(got))
	}
	if got := table.Name(id(2), start.Add(goneAge+time.Second)); len(got) != 1 || got[0].ID != id(0) {
		t.Errorf("names %x later", ids(got))
	}
	table.mustPut(t, member(3, "a"), start.Add(goneAge))
	if table.Len() != 3 || table.nodes[id(1)] != nil {
		t.Error("the one that is gone longest stays")
	}
}

// One host with many identities fills its share of what a seed knows, and no more.
func TestThreatEclipse_ManyNamesOfOneNetwork(t *testing.T) {
	const room = 80
	table := NewTable(room)
	for i := range 40 {
		table.mustPut(t, member(i, "a"), start)
	}
	sybil := func(i int) Node {
		n := member(1000+i, "a")
		n.At = netip.AddrFrom4([4]byte{66, 6, 6, byte(i)})
		return n
	}
	entered := 0
	for i := range 250 {
		if table.Put(sybil(i), start) {
			entered++
		}
		if i%2 == 0 { // some come and go
			table.Gone(sybil(i).ID, start)
		}
	}
	held := 0
	for _, n := range table.nodes {
		if n.At.As4()[0] == 66 {
			held++
		}
	}
	if held != room/networkShare || table.Len() != 40+room/networkShare {
		t.Errorf("%d of one network are known, of %d; %d had entered", held, table.Len(), entered)
	}
}

// What a node claims of itself makes nobody dial a third.
func TestThreatDenialOfService_ClaimedAddresses(t *testing.T) {
	seed, stranger := id(1), id(2)
	at := netip.MustParseAddr("198.51.100.7")
	relay := func(of peer.ID) string {
		return "/ip4/203.0.113.1/udp/4417/quic-v1/p2p/" + of.String() + "/p2p-circuit"
	}
	var claimed []ma.Multiaddr
	for _, a := range []string{
		"/ip4/203.0.113.99/tcp/80", // a victim
		"/ip4/198.51.100.7/tcp/4417", "/ip4/198.51.100.7/udp/4417/quic-v1",
		"/ip4/198.51.100.7/tcp/22", "/ip4/198.51.100.7/tcp/23", // a scan
		"/ip6/2001:db8::7/tcp/4417", "/ip6/2001:db8::99/tcp/4417", // of the other version one
		"/dns4/victim.example/tcp/443",
		relay(stranger), relay(seed),
		"/ip4/192.168.1.2/tcp/4417",
	} {
		claimed = append(claimed, ma.StringCast(a))
	}
	got := Usable(claimed, at, func(p peer.ID) bool { return p == seed })
	var text []string
	for _, a := range got {
		text = append(text, a.String())
	}
	want := []string{"/ip4/198.51.100.7/tcp/4417", "/ip4/198.51.100.7/udp/4417/quic-v1", "/ip6/2001:db8::7/tcp/4417", relay(seed), "/ip4/192.168.1.2/tcp/4417"}
	if !slices.Equal(text, want) {
		t.Errorf("usable are %v", text)
	}
	if got := Usable(slices.Repeat(claimed, 20), netip.Addr{}, func(peer.ID) bool { return true }); len(got) != MaxAddrs {
		t.Errorf("%d addresses", len(got))
	}
	// A private address is told in the same home only.
	n := Node{At: at, Addrs: got}
	if got := addrsFor(Node{At: netip.MustParseAddr("203.0.113.5")}, n); len(got) != 4 {
		t.Errorf("elsewhere %v", got)
	}
	if got := addrsFor(Node{At: at}, n); len(got) != 5 {
		t.Errorf("at home %v", got)
	}
}

// Of one that can be punched and not dialled others who can punch are told where it can
// be called, and not where a dial times out; who stands behind a symmetric NAT is told
// both, and the same home everything.
func TestWhoIsPunchedIsCalledAtItsRelay(t *testing.T) {
	const relay = "/ip4/203.0.113.1/udp/4417/quic-v1/p2p/12D3KooWGJMtamjjrpXoZ2b9viGvZh5hp3qAkbBJGd9Dcen2FWza/p2p-circuit"
	const own, home, six = "/ip4/198.51.100.7/udp/4417/quic-v1", "/ip4/192.168.1.2/udp/4417/quic-v1", "/ip6/2001:db8::7/udp/4417/quic-v1"
	at, elsewhere := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.5")
	for _, c := range []struct {
		asker, node NAT
		from        netip.Addr
		addrs, want []string
	}{
		{NATPunchable, NATPunchable, elsewhere, []string{own, home, six, relay}, []string{six, relay}},
		{NATNone, NATPunchable, elsewhere, []string{own, relay}, []string{relay}},
		{NATPunchable, NATPunchable, elsewhere, []string{own}, []string{own}},
		{NATSymmetric, NATPunchable, elsewhere, []string{own, relay}, []string{own, relay}},
		{NATPunchable, NATNone, elsewhere, []string{own, relay}, []string{own, relay}},
		{NATPunchable, NATPunchable, at, []string{own, home, relay}, []string{own, home, relay}},
	} {
		n := Node{At: at, Ask: Ask{NAT: c.node}}
		for _, a := range c.addrs {
			n.Addrs = append(n.Addrs, ma.StringCast(a))
		}
		var got []string
		for _, a := range addrsFor(Node{At: c.from, Ask: Ask{NAT: c.asker}}, n) {
			got = append(got, a.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v of %v from %v: told %v, want %v", c.asker, c.node, c.from, got, c.want)
		}
	}
}
