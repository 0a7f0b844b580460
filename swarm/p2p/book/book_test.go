package book

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func bounds() Bounds {
	return Bounds{Connections: 16, MeshLow: 8, MeshHigh: 12, Chosen: 3}
}

// neighbours is a mesh of which so many are of our own choice that no more are
// needed.
func neighbours(n int) Mesh { return Mesh{Peers: n, Own: n} }

func id(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }

func info(i int) peer.AddrInfo {
	return peer.AddrInfo{ID: id(i), Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/192.0.%d.%d/tcp/4417", 2+i/250, 1+i%250))}}
}

func testBook() *Book {
	b := New()
	b.random = func() float64 { return 0 }
	return b
}

var errDial = errors.New("dial")

func TestBookDialsByWorth(t *testing.T) {
	for _, c := range []struct {
		mesh int
		want []Source
	}{
		{0, []Source{Static, Provider, LAN, DHT}},
		{5, []Source{Static, Provider, LAN}}, // the dials in flight count
		{8, []Source{Static, Provider, LAN}},
		{10, []Source{Static, Provider}},
		{12, []Source{Static, Provider}},
		{14, []Source{Static}},
		{16, []Source{Static}},
	} {
		b := testBook()
		for i, src := range []Source{DHT, LAN, Provider, Static} {
			b.Add(info(i), src, start)
		}
		var got []Source
		for {
			_, src, ok := b.Next(start, neighbours(c.mesh), bounds())
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
	b.Add(info(1), Static, start)
	now, last := start, time.Duration(0)
	for i := range 100 {
		got, _, ok := b.Next(now, neighbours(16), bounds())
		if !ok || got.ID != id(1) {
			t.Fatalf("try %d: nobody is due", i)
		}
		if _, _, again := b.Next(now, neighbours(16), bounds()); again {
			t.Fatal("one peer is dialled twice at once")
		}
		b.Dialled(got.ID, errDial, now)
		wait := b.Wait(now, neighbours(16), bounds())
		if wait < last || wait > staticBackoffMax || wait <= 0 {
			t.Fatalf("try %d: waits %v after %v", i, wait, last)
		}
		if _, _, ok := b.Next(now.Add(wait-1), neighbours(16), bounds()); ok {
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
		b.Add(info(1), Static, start)
		b.Next(start, neighbours(0), bounds())
		b.Dialled(id(1), errDial, start)
		waits[b.Wait(start, neighbours(0), bounds())] = true
	}
	if len(waits) != 10 {
		t.Errorf("ten nodes wait %v", waits)
	}
}

func TestBookDoesNotDialAFullPeerInALoop(t *testing.T) {
	b := testBook()
	b.Add(info(1), Static, start)
	now := start
	var waits []time.Duration
	for range 8 { // it takes us and hangs up at once, each time
		got, _, ok := b.Next(now, neighbours(3), bounds())
		if !ok {
			t.Fatal("nobody is due")
		}
		b.Connected(got.ID, now)
		b.Dialled(got.ID, nil, now)
		now = now.Add(time.Second)
		b.Disconnected(got.ID, now)
		wait := b.Wait(now, neighbours(3), bounds())
		if alone := b.Wait(now, neighbours(0), bounds()); alone != min(wait, aloneBackoffMax) {
			t.Errorf("a node without any connection waits %v, another %v", alone, wait)
		}
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	if waits[7] != staticBackoffMax {
		t.Errorf("waits are %v", waits)
	}
	// A connection that held is redialled soon.
	b.Next(now, neighbours(0), bounds())
	b.Connected(id(1), now)
	b.Dialled(id(1), nil, now)
	now = now.Add(time.Hour)
	b.Disconnected(id(1), now)
	if wait := b.Wait(now, neighbours(0), bounds()); wait != backoffBase {
		t.Errorf("after an hour's connection it waits %v", wait)
	}
}

func TestBookProviderLosesItsPrivilegeAfterOneTry(t *testing.T) {
	b := testBook()
	b.Add(info(1), DHT, start)
	if b.Add(info(1), Provider, start) {
		t.Error("a known peer is news")
	}
	got, src, ok := b.Next(start, neighbours(12), bounds())
	if !ok || src != Provider {
		t.Fatalf("%v, %v", src, ok)
	}
	b.Dialled(got.ID, errDial, start)
	if _, _, ok := b.Next(start.Add(time.Hour), neighbours(12), bounds()); ok {
		t.Error("it is dialled above the mesh again")
	}
	b.Add(info(1), Provider, start.Add(time.Hour))
	if _, _, ok := b.Next(start.Add(time.Hour), neighbours(12), bounds()); !ok {
		t.Error("a new search does not renew the privilege")
	}
}

func TestThreatDenialOfService_Discovery(t *testing.T) {
	b := testBook()
	for i := range 10 {
		b.Add(info(i), Static, start)
	}
	for i := 100; i < 110; i++ {
		b.Add(info(i), LAN, start)
	}
	for i := 1000; i < 1000+3*MaxCandidates; i++ {
		b.Add(info(i), DHT, start.Add(time.Duration(i)*time.Millisecond))
	}
	if len(b.peers) != MaxCandidates {
		t.Errorf("%d peers", len(b.peers))
	}
	for i := range 10 {
		if b.peers[id(i)] == nil || b.peers[id(100+i)] == nil {
			t.Error("a flood of distant peers drove out a better one")
		}
	}
	// The other way round a LAN flood may take the place of distant peers, and
	// distant peers then find no room until LAN peers grow old.
	for i := 5000; i < 5000+3*MaxCandidates; i++ {
		b.Add(info(i), LAN, start.Add(time.Minute))
	}
	if b.Add(info(9000), DHT, start.Add(2*time.Minute)) {
		t.Error("a distant peer drove out one on the LAN")
	}
	if !b.Add(info(9000), DHT, start.Add(2*candidateAge)) {
		t.Error("old candidates do not make room")
	}
	for i := range 10 {
		if b.peers[id(i)] == nil {
			t.Error("a static peer was forgotten")
		}
	}
	if b.Add(peer.AddrInfo{ID: id(7777)}, DHT, start) {
		t.Error("a peer without an address was kept")
	}
}

func TestBookWaitsOnlyForWhomItWants(t *testing.T) {
	b := testBook()
	b.Add(info(1), DHT, start)
	if wait := b.Wait(start, neighbours(8), bounds()); wait != time.Minute {
		t.Errorf("a full mesh wakes after %v", wait)
	}
	if wait := b.Wait(start, neighbours(7), bounds()); wait != 0 {
		t.Errorf("a small mesh waits %v", wait)
	}
}

func TestBookDialsTheBestOfASourceFirst(t *testing.T) {
	b := testBook()
	scores := map[peer.ID]int{id(1): -1, id(2): 0, id(3): 1}
	b.Worth = func(p peer.ID) int { return scores[p] }
	for i := range 3 {
		b.Add(info(i+1), DHT, start)
	}
	b.Add(info(9), LAN, start)
	for _, want := range []int{9, 3, 2, 1} {
		if got, _, _ := b.Next(start, neighbours(0), bounds()); got.ID != id(want) {
			t.Fatalf("dials %s instead of %d", got.ID, want)
		}
	}
}
