package book

import (
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// full_seeds: whatever a seed without room asks for, it is kept to a bound, and a
// node that has nobody else is back soon.
func TestThreatDenialOfService_ComeBackInAYear(t *testing.T) {
	for _, c := range []struct {
		neighbours  int
		asked, wait time.Duration
	}{
		{10, 365 * 24 * time.Hour, fullMax},
		{10, 7 * time.Minute, 7 * time.Minute},
		{2, 2 * time.Minute, 2 * time.Minute}, // with too few neighbours
		{0, 365 * 24 * time.Hour, fullAloneMax},
		{10, -time.Hour, fullBase},
	} {
		b := testBook()
		b.Add(info(1), Static, start)
		b.Full(id(1), c.asked, start)
		m := neighbours(c.neighbours)
		if _, _, ok := b.Next(start.Add(c.wait-time.Second), m, bounds()); ok {
			t.Errorf("%+v: it is dialled before", c)
		}
		if got, _, ok := b.Next(start.Add(c.wait), m, bounds()); !ok || got.ID != id(1) {
			t.Errorf("%+v: it is not dialled then", c)
		}
	}
}

// Seeds that name one another and refuse everybody are visited ever more seldom, and
// one that has room is found among them.
func TestThreatDenialOfService_SeedsThatSendInCircles(t *testing.T) {
	b := testBook()
	for i := range 32 {
		b.Add(info(i), Static, start)
	}
	m, visits := neighbours(10), 0
	for now := start; now.Before(start.Add(24 * time.Hour)); now = now.Add(time.Second) {
		if got, _, ok := b.Next(now, m, bounds()); ok {
			visits++
			b.Connected(got.ID, now)
			b.Dialled(got.ID, nil, now)
			b.Full(got.ID, 0, now)
			b.Disconnected(got.ID, now)
		}
	}
	if visits < 24*5 || visits > 24*7 {
		t.Errorf("%d visits a day", visits)
	}
	// To be told of room brings the next forward, but no peer before its own time.
	now := start.Add(24 * time.Hour)
	for i := range 32 {
		b.Full(id(i), time.Hour, now)
	}
	b.Room(id(3))
	if got, _, ok := b.Next(now.Add(fullMax-time.Second), m, bounds()); ok {
		t.Errorf("%x is dialled", got.ID)
	}
	// A node whose mesh is too small goes round all of them.
	b = testBook()
	for i := range 4 {
		b.Add(info(i), Static, start)
	}
	for i := range 4 {
		got, _, ok := b.Next(start, neighbours(2), bounds())
		if !ok {
			t.Fatalf("%d visited", i)
		}
		b.Full(got.ID, time.Minute, start)
		b.Dialled(got.ID, nil, start)
	}
}

func TestBookKeepsAFewStaticPeers(t *testing.T) {
	b, limits := testBook(), bounds()
	limits.Static = 4
	for i := range 9 {
		b.Add(info(i), Static, start)
	}
	m := Mesh{Peers: 12, Static: 2}
	for i := range 2 {
		if _, _, ok := b.Next(start, m, limits); !ok {
			t.Fatalf("%d dialled beside two", i)
		}
	}
	if got, _, ok := b.Next(start, m, limits); ok {
		t.Errorf("a fifth is dialled: %x", got.ID)
	}
}

// reflection: a victim is named under a thousand names by those we ask. It is dialled
// as one, ever more seldom.
func TestThreatDenialOfService_OneVictimOfManyNames(t *testing.T) {
	b := testBook()
	victim := func(i int) peer.AddrInfo {
		return peer.AddrInfo{ID: id(1000 + i), Addrs: []ma.Multiaddr{
			ma.StringCast(fmt.Sprintf("/ip4/203.0.113.9/tcp/%d", 1+i)), ma.StringCast(fmt.Sprintf("/ip4/203.0.113.9/udp/%d/quic-v1", 1+i)),
		}}
	}
	dials, names := 0, 0
	for now := start; now.Before(start.Add(time.Hour)); now = now.Add(5 * time.Second) {
		for range 16 {
			b.Add(victim(names), []Source{Introduced, DHT}[names%2], now)
			names++
		}
		if now.Sub(start)%time.Minute == 0 {
			b.Add(victim(names), Provider, now)
			names++
		}
		for {
			got, _, ok := b.Next(now, neighbours(2), bounds())
			if !ok {
				break
			}
			dials++
			b.Dialled(got.ID, errDial, now)
		}
	}
	if dials > 20 {
		t.Errorf("%d dials an hour", dials)
	}
	// Somebody who is there is dialled meanwhile, and where one was reached others may be.
	later := start.Add(time.Hour)
	for i := range 3 {
		b.Add(info(i), Introduced, later)
	}
	home := []ma.Multiaddr{ma.StringCast("/ip4/192.0.2.200/tcp/1")}
	for i := range 3 {
		b.Add(peer.AddrInfo{ID: id(10 + i), Addrs: home}, Introduced, later)
	}
	reached := 0
	for {
		got, _, ok := b.Next(later, neighbours(2), bounds())
		if !ok {
			break
		}
		if got.ID >= id(1000) {
			continue
		}
		b.Connected(got.ID, later)
		b.Dialled(got.ID, nil, later)
		reached++
	}
	if reached != 6 {
		t.Errorf("%d of 6 are reached", reached)
	}
}

// Names do not push out those who were good.
func TestThreatEclipse_NamesPushNobodyOut(t *testing.T) {
	b := testBook()
	b.Worth = func(p peer.ID) int {
		if p < id(100) {
			return 1
		}
		return 0
	}
	for i := range 100 {
		b.Add(info(i), Introduced, start)
	}
	for i := range 5 * MaxCandidates {
		b.Add(info(100+i), Introduced, start.Add(time.Minute))
	}
	for i := range 100 {
		if b.peers[id(i)] == nil {
			t.Fatalf("good peer %d is forgotten", i)
		}
	}
	if b.Len() > MaxCandidates {
		t.Errorf("%d candidates", b.Len())
	}
}
