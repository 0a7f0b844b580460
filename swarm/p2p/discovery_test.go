package p2p

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
)

var bookStart = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func bookLimits() Limits {
	return Limits{Connections: 16, MeshLow: 8, MeshHigh: 12, Inbound: 8, Chosen: 3}
}

// neighbours is a mesh of which so many are of our own choice that no more are
// needed.
func neighbours(n int) mesh { return mesh{peers: n, own: n} }

func bookID(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }

func bookInfo(i int) peer.AddrInfo {
	return peer.AddrInfo{ID: bookID(i), Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/192.0.2.1/tcp/%d", i+1))}}
}

func testBook() *book {
	b := newBook()
	b.random = func() float64 { return 0 }
	return b
}

var errDial = errors.New("dial")

func TestBookDialsByWorth(t *testing.T) {
	for _, c := range []struct {
		mesh int
		want []source
	}{
		{0, []source{sourceStatic, sourceProvider, sourceLAN, sourceDHT}},
		{5, []source{sourceStatic, sourceProvider, sourceLAN}}, // the dials in flight count
		{8, []source{sourceStatic, sourceProvider, sourceLAN}},
		{10, []source{sourceStatic, sourceProvider}},
		{12, []source{sourceStatic, sourceProvider}},
		{14, []source{sourceStatic}},
		{16, []source{sourceStatic}},
	} {
		b := testBook()
		for i, src := range []source{sourceDHT, sourceLAN, sourceProvider, sourceStatic} {
			b.add(bookInfo(i), src, bookStart)
		}
		var got []source
		for {
			_, src, ok := b.next(bookStart, neighbours(c.mesh), bookLimits())
			if !ok {
				break
			}
			got = append(got, src)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("mesh of %d: %v, want %v", c.mesh, got, c.want)
		}
	}
}

func TestBookBacksOffAndNeverGivesUpOnStaticPeers(t *testing.T) {
	b := testBook()
	b.add(bookInfo(1), sourceStatic, bookStart)
	now, last := bookStart, time.Duration(0)
	for i := range 100 {
		info, _, ok := b.next(now, neighbours(16), bookLimits())
		if !ok || info.ID != bookID(1) {
			t.Fatalf("try %d: nobody is due", i)
		}
		if _, _, again := b.next(now, neighbours(16), bookLimits()); again {
			t.Fatal("one peer is dialled twice at once")
		}
		b.dialled(info.ID, errDial, now)
		wait := b.wait(now, neighbours(16), bookLimits())
		if wait < last || wait > staticBackoffMax || wait <= 0 {
			t.Fatalf("try %d: waits %v after %v", i, wait, last)
		}
		if _, _, ok := b.next(now.Add(wait-1), neighbours(16), bookLimits()); ok {
			t.Fatal("dialled early")
		}
		last, now = wait, now.Add(wait)
	}
	if last != staticBackoffMax {
		t.Errorf("the longest wait is %v", last)
	}
}

func TestBookJittersSoThatASiteDoesNotRedialInStep(t *testing.T) {
	waits := map[time.Duration]bool{}
	for i := range 10 {
		b := testBook()
		b.random = func() float64 { return float64(i) / 10 }
		b.add(bookInfo(1), sourceStatic, bookStart)
		b.next(bookStart, neighbours(0), bookLimits())
		b.dialled(bookID(1), errDial, bookStart)
		waits[b.wait(bookStart, neighbours(0), bookLimits())] = true
	}
	if len(waits) != 10 {
		t.Errorf("ten nodes wait %v", waits)
	}
}

func TestBookDoesNotDialAFullPeerInALoop(t *testing.T) {
	b := testBook()
	b.add(bookInfo(1), sourceStatic, bookStart)
	now := bookStart
	var waits []time.Duration
	for range 8 { // it takes us and hangs up at once, each time
		info, _, ok := b.next(now, neighbours(3), bookLimits())
		if !ok {
			t.Fatal("nobody is due")
		}
		b.connectedTo(info.ID, now)
		b.dialled(info.ID, nil, now)
		now = now.Add(time.Second)
		b.disconnected(info.ID, now)
		wait := b.wait(now, neighbours(3), bookLimits())
		if alone := b.wait(now, neighbours(0), bookLimits()); alone != min(wait, aloneBackoffMax) {
			t.Errorf("a node without any connection waits %v, another %v", alone, wait)
		}
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	if waits[7] != staticBackoffMax {
		t.Errorf("waits are %v", waits)
	}
	// A connection that held is redialled soon.
	b.next(now, neighbours(0), bookLimits())
	b.connectedTo(bookID(1), now)
	b.dialled(bookID(1), nil, now)
	now = now.Add(time.Hour)
	b.disconnected(bookID(1), now)
	if wait := b.wait(now, neighbours(0), bookLimits()); wait != backoffBase {
		t.Errorf("after an hour's connection it waits %v", wait)
	}
}

func TestBookProviderLosesItsPrivilegeAfterOneTry(t *testing.T) {
	b := testBook()
	b.add(bookInfo(1), sourceDHT, bookStart)
	if b.add(bookInfo(1), sourceProvider, bookStart) {
		t.Error("a known peer is news")
	}
	info, src, ok := b.next(bookStart, neighbours(12), bookLimits())
	if !ok || src != sourceProvider {
		t.Fatalf("%v, %v", src, ok)
	}
	b.dialled(info.ID, errDial, bookStart)
	if _, _, ok := b.next(bookStart.Add(time.Hour), neighbours(12), bookLimits()); ok {
		t.Error("it is dialled above the mesh again")
	}
	b.add(bookInfo(1), sourceProvider, bookStart.Add(time.Hour))
	if _, _, ok := b.next(bookStart.Add(time.Hour), neighbours(12), bookLimits()); !ok {
		t.Error("a new search does not renew the privilege")
	}
}

func TestThreatDenialOfService_Discovery(t *testing.T) {
	b := testBook()
	for i := range 10 {
		b.add(bookInfo(i), sourceStatic, bookStart)
	}
	for i := 100; i < 110; i++ {
		b.add(bookInfo(i), sourceLAN, bookStart)
	}
	for i := 1000; i < 1000+3*maxCandidates; i++ {
		b.add(bookInfo(i), sourceDHT, bookStart.Add(time.Duration(i)*time.Millisecond))
	}
	if len(b.peers) != maxCandidates {
		t.Errorf("%d peers", len(b.peers))
	}
	for i := range 10 {
		if b.peers[bookID(i)] == nil || b.peers[bookID(100+i)] == nil {
			t.Error("a flood of distant peers drove out a better one")
		}
	}
	// The other way round a LAN flood may take the place of distant peers, and
	// distant peers then find no room until LAN peers grow old.
	for i := 5000; i < 5000+3*maxCandidates; i++ {
		b.add(bookInfo(i), sourceLAN, bookStart.Add(time.Minute))
	}
	if b.add(bookInfo(9000), sourceDHT, bookStart.Add(2*time.Minute)) {
		t.Error("a distant peer drove out one on the LAN")
	}
	if !b.add(bookInfo(9000), sourceDHT, bookStart.Add(2*candidateAge)) {
		t.Error("old candidates do not make room")
	}
	for i := range 10 {
		if b.peers[bookID(i)] == nil {
			t.Error("a static peer was forgotten")
		}
	}
	if b.add(peer.AddrInfo{ID: bookID(7777)}, sourceDHT, bookStart) {
		t.Error("a peer without an address was kept")
	}
}

func TestBookWaitsOnlyForWhomItWants(t *testing.T) {
	b := testBook()
	b.add(bookInfo(1), sourceDHT, bookStart)
	if wait := b.wait(bookStart, neighbours(8), bookLimits()); wait != time.Minute {
		t.Errorf("a full mesh wakes after %v", wait)
	}
	if wait := b.wait(bookStart, neighbours(7), bookLimits()); wait != 0 {
		t.Errorf("a small mesh waits %v", wait)
	}
}

func TestLinksTellTheLANFromOtherPrivateNetworks(t *testing.T) {
	reads := 0
	now := bookStart
	l := &links{now: func() time.Time { return now }, get: func() ([]net.Addr, error) {
		reads++
		return []net.Addr{
			&net.IPNet{IP: net.IPv4(192, 168, 7, 20), Mask: net.CIDRMask(24, 32)},
			&net.IPNet{IP: net.ParseIP("2001:db8:7::20"), Mask: net.CIDRMask(64, 128)},
			&net.IPNet{IP: net.IPv4(10, 9, 8, 7), Mask: net.CIDRMask(32, 32)}, // a tunnel's own end
		}, nil
	}}
	for addr, want := range map[string]bool{
		"/ip4/192.168.7.99/tcp/1":             true,
		"/ip4/192.168.8.99/tcp/1":             false,
		"/ip4/10.9.8.7/tcp/1":                 false,
		"/ip4/10.9.8.6/tcp/1":                 false,
		"/ip6/2001:db8:7::99/udp/1/quic-v1":   true,
		"/ip6/2001:db8:8::99/udp/1/quic-v1":   false,
		"/ip6/fe80::1/tcp/1":                  true,
		"/ip4/127.0.0.1/tcp/1":                true,
		"/ip4/198.51.100.1/tcp/1":             false,
		"/ip4/192.168.7.99/tcp/1/p2p-circuit": false,
		"/dns4/seed.example/tcp/1":            false,
	} {
		if got := l.on(ma.StringCast(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if reads != 1 {
		t.Errorf("the interfaces were read %d times", reads)
	}
	now = now.Add(2 * linksAge)
	l.on(ma.StringCast("/ip4/192.168.7.99/tcp/1"))
	if reads != 2 {
		t.Error("the interfaces are never read again")
	}

	public, foreign, own := ma.StringCast("/ip4/198.51.100.1/tcp/1"), ma.StringCast("/ip4/192.168.1.5/tcp/1"), ma.StringCast("/ip4/192.168.7.5/tcp/1")
	ws := ma.StringCast("/ip4/198.51.100.1/tcp/1/ws")
	for _, c := range []struct{ in, want []ma.Multiaddr }{
		{[]ma.Multiaddr{public, foreign, own, ws}, []ma.Multiaddr{public, own}},
		{[]ma.Multiaddr{foreign}, []ma.Multiaddr{foreign}},
	} {
		got := l.dialable(c.in)
		if !slices.EqualFunc(got, c.want, func(a, b ma.Multiaddr) bool { return a.Equal(b) }) {
			t.Errorf("of %v dialable %v", c.in, got)
		}
	}
}

// mdnsWorks tells whether two sockets of this machine hear each other.
func mdnsWorks(t *testing.T) bool {
	t.Helper()
	s, err := openMDNS4()
	if err != nil {
		t.Logf("no mDNS socket: %v", err)
		return false
	}
	defer func() { _ = s.Close() }()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return false
	}
	s.join([]net.Interface{*lo})
	if err := s.send(mdnsQuery(mdnsService), *lo); err != nil {
		t.Logf("no multicast on loopback: %v", err)
		return false
	}
	if err := s.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	for {
		buf := make([]byte, maxMDNSPacket)
		n, ifIndex, _, err := s.readFrom(buf)
		if err != nil {
			t.Logf("own multicast is not heard: %v", err)
			return false
		}
		if asked, _, err := parseMDNS(mdnsService, buf[:n]); err == nil && asked && ifIndex == lo.Index {
			return true
		}
	}
}

func TestMDNSFindsPeersOnTheNamedInterface(t *testing.T) {
	if !mdnsWorks(t) {
		t.Skip("multicast does not work on this machine's loopback interface")
	}
	cfg := netConfig(RoleCamera)
	cfg.MDNS, cfg.MDNSInterfaces = true, []string{"lo"}
	elsewhere := cfg
	elsewhere.MDNSInterfaces = []string{"no-such-interface"}
	a, b, deaf := newNet(t, cfg), newNet(t, cfg), newNet(t, elsewhere)
	for _, n := range []*Network{deaf, a, b} {
		runNet(t, n)
	}
	await(t, "the two on one interface to meet", func() bool { return linked(a, b) })
	if known := deaf.Status().Candidates; known != 0 || linked(a, deaf) || linked(b, deaf) {
		t.Error("a node on another interface was found")
	}
	if tier := a.Tier(b.Host().ID()); tier != TierLAN {
		t.Errorf("tier is %s", tier)
	}
}

func TestMDNSPacketsTravel(t *testing.T) {
	id := newID(t)
	var all []ma.Multiaddr
	for i := range 20 {
		all = append(all, ma.StringCast(fmt.Sprintf("/ip4/192.168.1.2/tcp/%d", i+1)))
	}
	packet, err := mdnsAnswer(mdnsService, "instance."+mdnsService, id, all)
	if err != nil {
		t.Fatal(err)
	}
	if len(packet) > 1400 {
		t.Errorf("%d bytes do not fit a frame", len(packet))
	}
	asked, peers, err := parseMDNS(mdnsService, packet)
	if err != nil || asked || len(peers) != 1 || peers[0].ID != id || len(peers[0].Addrs) != maxMDNSAddrs {
		t.Errorf("%v, %v, %v", asked, peers, err)
	}
	if asked, peers, err := parseMDNS(mdnsService, mdnsQuery(mdnsService)); err != nil || !asked || peers != nil {
		t.Errorf("%v, %v, %v", asked, peers, err)
	}
	if _, err := mdnsAnswer(mdnsService, "instance."+mdnsService, id, nil); !errors.Is(err, errNoMDNSAddrs) {
		t.Errorf("an answer without addresses: %v", err)
	}
}

func mdnsPack(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mdnsTXT(name string, txt ...string) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 120},
		Body:   &dnsmessage.TXTResource{TXT: txt},
	}
}

func TestMDNSTakesOnlyWhatIsMeant(t *testing.T) {
	id := newID(t).String()
	good := "dnsaddr=/ip4/192.168.1.2/tcp/1/p2p/" + id
	for name, c := range map[string]struct {
		packet []byte
		peers  int
		bad    bool
	}{
		"additional": {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Additionals: []dnsmessage.Resource{mdnsTXT("a."+mdnsService, good)}}), 1, false},
		"answer":     {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{mdnsTXT("a."+mdnsService, good)}}), 1, false},
		"other case": {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{mdnsTXT("a._CAMswarm._udp.local.", good)}}), 1, false},
		"a question": {mdnsPack(t, dnsmessage.Message{Answers: []dnsmessage.Resource{mdnsTXT("a."+mdnsService, good)}}), 0, false},
		"service":    {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{mdnsTXT("a._p2p._udp.local.", good)}}), 0, false},
		"no address": {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{mdnsTXT("a."+mdnsService,
			"dnsaddr=/p2p/"+id, "dnsaddr=", "dnsaddr=x", "other=1", "dnsaddr=/ip4/192.168.1.2/tcp/1/ws/p2p/"+id, "dnsaddr=/ip4/192.168.1.2/tcp/1/p2p/"+id+"/p2p-circuit")}}), 0, false},
		"no peer":   {mdnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{mdnsTXT("a."+mdnsService, "dnsaddr=/ip4/192.168.1.2/tcp/1")}}), 0, true},
		"cut":       {mdnsQuery(mdnsService)[:20], 0, true},
		"empty":     {nil, 0, true},
		"oversized": {make([]byte, maxMDNSPacket+1), 0, true},
	} {
		_, peers, err := parseMDNS(mdnsService, c.packet)
		if len(peers) != c.peers || (err != nil) != c.bad {
			t.Errorf("%s: %v, %v", name, peers, err)
		}
	}
}

func FuzzMDNSPacket(f *testing.F) {
	id, err := peer.Decode("12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5")
	if err != nil {
		f.Fatal(err)
	}
	answer, err := mdnsAnswer(mdnsService, "instance."+mdnsService, id, []ma.Multiaddr{ma.StringCast("/ip4/192.168.1.2/tcp/1")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(mdnsQuery(mdnsService))
	f.Add(answer)
	f.Add(answer[:len(answer)/2])
	f.Fuzz(func(t *testing.T, packet []byte) {
		_, peers, err := parseMDNS(mdnsService, packet)
		if err != nil && peers != nil {
			t.Error("peers and an error")
		}
		if len(peers) > maxMDNSPeers {
			t.Errorf("%d peers", len(peers))
		}
		for _, p := range peers {
			if p.ID == "" || len(p.Addrs) == 0 || len(p.Addrs) > maxMDNSAddrs {
				t.Errorf("peer %v", p)
			}
		}
	})
}
