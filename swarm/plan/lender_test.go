package plan

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const (
	lendBlock = 32 << 10
	lendOpen  = 16
)

// newLendWorld returns a Lender that holds n units, and peers with the keys 0 to
// peers-1, all of them interested.
func newLendWorld(seed uint64, n, peers int) *Lender {
	cfg := DefaultLenderConfig()
	cfg.Open = lendOpen
	l := NewLender(cfg, slices.Repeat([]int32{lendBlock}, n), rand.New(rand.NewPCG(seed, 1)))
	for u := range n {
		l.Has(u)
	}
	for k := range peers {
		l.PeerJoined(PeerKey(k))
	}
	for k := range peers {
		l.PeerInterested(PeerKey(k))
	}
	return l
}

func TestFewNeighboursAreToldEverything(t *testing.T) {
	l := newLendWorld(1, 100, lendOpen)
	offers := l.Offers(0)
	if len(offers) != lendOpen || l.Lends() {
		t.Fatalf("%d offers, rations: %v", len(offers), l.Lends())
	}
	for _, o := range offers {
		if !o.All {
			t.Errorf("%+v", o)
		}
	}
	if again := l.Offers(time.Second); len(again) > 0 {
		t.Errorf("told twice: %v", again)
	}
}

func TestACameraTellsWhatItGetsToThoseWhoLackIt(t *testing.T) {
	l := NewLender(DefaultLenderConfig(), make([]int32, 10), rand.New(rand.NewPCG(1, 1)))
	l.PeerHas(0, 1, 3)
	l.PeerInterested(2)
	l.PeerJoined(3) // not interested
	l.PeerHas(0, 4, 3)
	l.PeerLends(4, true)
	l.Has(3)
	want := []Offer{{Peer: 2, Unit: 3}, {Peer: 4, Unit: 3}}
	if got := l.Offers(0); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v: not to who has it, unless it rations", got, want)
	}
	l.PeerInterested(3)
	if got := l.Offers(0); !slices.Equal(got, []Offer{{Peer: 3, Unit: 3}}) {
		t.Errorf("to one that takes part later: %v", got)
	}
}

func TestASeedNamesDifferentBlocksToDifferentPeersOfACrowd(t *testing.T) {
	l := newLendWorld(2, 200, 300)
	offers := l.Offers(0)
	if want := int(DefaultLenderConfig().StartWindow / lendBlock); len(offers) != want || !l.Lends() {
		t.Fatalf("%d offers to 300 peers, want the window of %d", len(offers), want)
	}
	units, peers := map[int]bool{}, map[PeerKey]bool{}
	for _, o := range offers {
		units[o.Unit], peers[o.Peer] = true, true
	}
	if len(units) != len(offers) || len(peers) != len(offers) {
		t.Errorf("%d offers of %d blocks to %d peers", len(offers), len(units), len(peers))
	}
	if more := l.Offers(100 * time.Millisecond); len(more) > 0 {
		t.Errorf("%d more before anything was taken", len(more))
	}
}

// Before anybody asks a seed names a block each to some, who can ask at once then.
func TestASeedNamesABlockToSomeBeforeTheyAsk(t *testing.T) {
	const peers = 100
	l := newLendWorld(4, 200, 0)
	for k := range peers {
		l.PeerJoined(PeerKey(k))
	}
	named := 0
	for k := range peers {
		if l.Named(PeerKey(k)) {
			t.Fatalf("peer %d was named a block before it was told anything", k)
		}
		told, _, _ := l.Disclose(0, PeerKey(k))
		if l.Named(PeerKey(k)) != (len(told) == 1) {
			t.Errorf("peer %d was told %v, named: %v", k, told, l.Named(PeerKey(k)))
		}
		named += len(told)
	}
	if want := int(DefaultLenderConfig().StartWindow / lendBlock / 2); named != want {
		t.Errorf("%d of %d peers were named a block, want half of the window, %d", named, peers, want)
	}
	l.PeerInterested(peers - 1)
	if l.Offers(0); l.Named(peers - 1) {
		t.Error("who was offered a block after it had asked counts as named before")
	}
}

func TestThoseWhoHoldLeastAndBlocksThatAreRareComeFirst(t *testing.T) {
	l := newLendWorld(3, 100, 30)
	for k := range PeerKey(30) {
		for u := range 90 {
			if int(k) != 7 {
				l.PeerHas(0, k, u)
			}
		}
	}
	counts := map[PeerKey]int{}
	for _, o := range l.Offers(0) {
		counts[o.Peer]++
		if counts[o.Peer] == 1 && o.Unit < 90 {
			t.Errorf("offered unit %d, of which there are 29 copies, before those that nobody has", o.Unit)
		}
	}
	for k, n := range counts {
		if n > counts[7] {
			t.Errorf("peer %d was offered %d blocks, the one that has none %d", k, n, counts[7])
		}
	}
}

func TestPeersThatTakeNothingHoldUpNobody(t *testing.T) {
	l := newLendWorld(4, 400, 100)
	now := time.Duration(0)
	has := 0
	// Peers 1 and up say that they take part, and ask for nothing.
	for has < 400 && now < time.Minute {
		for _, o := range l.Offers(now) {
			if o.Peer == 0 {
				l.Asked(now, 0, o.Unit)
				l.PeerHas(now, 0, o.Unit)
				has++
			}
		}
		now += 50 * time.Millisecond
	}
	if now > 30*time.Second {
		t.Errorf("the only one that fetches had %d of 400 blocks after %v", has, now)
	}
}

func TestBarredPeersAreToldNothingUntilTheyAreAdmitted(t *testing.T) {
	l := newLendWorld(5, 10, 2)
	l.PeerBarred(1, true)
	if got := l.Offers(0); !slices.Equal(got, []Offer{{Peer: 0, All: true}}) {
		t.Errorf("told %v", got)
	}
	l.PeerBarred(1, false)
	if got := l.Offers(0); !slices.Equal(got, []Offer{{Peer: 1, All: true}}) {
		t.Errorf("when admitted: told %v", got)
	}
}

func TestWhatWasWithdrawnIsToldAgain(t *testing.T) {
	l := newLendWorld(6, 10, 2)
	l.Offers(0)
	l.Lost(4)
	n := 0
	for _, o := range l.Offers(0) {
		if o.All || o.Unit == 4 {
			t.Errorf("told %+v after unit 4 was lost", o)
		}
		n++
	}
	if n != 18 {
		t.Errorf("told %d units, want 9 to each of two peers", n)
	}
	l.Has(4)
	for _, o := range l.Offers(0) {
		if !o.All && o.Unit != 4 {
			t.Errorf("when it is back: %+v", o)
		}
	}
}

// Whatever peers do, the books balance, no peer is told the same twice, and one
// that takes what it is offered gets everything.
func TestEveryPeerThatTakesIsToldEverything(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		n, peers := 1+r.IntN(120), 17+r.IntN(60)
		l := newLendWorld(seed, n, peers)
		has := make([]map[int]bool, peers)
		told := make([]map[int]bool, peers)
		gone := make([]bool, peers)
		for k := range peers {
			has[k], told[k] = map[int]bool{}, map[int]bool{}
		}
		honest := peers / 2
		now := time.Duration(0)
		done := func() bool {
			for k := range honest {
				if len(has[k]) < n {
					return false
				}
			}
			return true
		}
		for !done() {
			if now > 10*time.Minute {
				t.Fatalf("seed %d: not done after %v", seed, now)
			}
			for _, o := range l.Offers(now) {
				k := int(o.Peer)
				if gone[k] || told[k][o.Unit] && !o.All {
					t.Fatalf("seed %d: peer %d is gone or was told %d before", seed, k, o.Unit)
				}
				if o.All {
					for u := range n {
						told[k][u] = true
					}
				} else {
					told[k][o.Unit] = true
				}
			}
			for k := range peers {
				if gone[k] {
					continue
				}
				if k >= honest {
					u := r.IntN(n)
					switch r.IntN(8) {
					case 0:
						l.PeerHas(now, PeerKey(k), u, -1, n)
					case 1:
						l.Asked(now, PeerKey(k), u)
					case 2:
						l.Cancelled(now, PeerKey(k), u)
					case 3:
						l.PeerHasNone(PeerKey(k))
					case 4:
						l.PeerInterested(PeerKey(k))
					case 5:
						if r.IntN(50) == 0 {
							l.PeerGone(PeerKey(k))
							gone[k] = true
						}
					}
					continue
				}
				for u := range n {
					if told[k][u] && !has[k][u] && r.IntN(4) == 0 {
						l.Asked(now, PeerKey(k), u)
						l.PeerHas(now, PeerKey(k), u)
						has[k][u] = true
					}
				}
			}
			if r.IntN(100) == 0 {
				l.Withdrawn()
				for k := range peers {
					clear(told[k])
				}
			}
			now += 20 * time.Millisecond
			pending := 0
			copies := make([]uint16, n)
			for _, q := range l.peers {
				q.has.Each(func(u int) { copies[u]++ })
				for _, o := range q.offers {
					copies[o.unit]++
					if o.asked {
						pending++
					}
				}
			}
			if pending != l.uplink.pending || !slices.Equal(copies, l.copies) {
				t.Fatalf("seed %d: %d requests are open, counted %d; copies differ: %v", seed, pending, l.uplink.pending, !slices.Equal(copies, l.copies))
			}
		}
	}
}
