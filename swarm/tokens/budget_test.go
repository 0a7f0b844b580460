package tokens

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

func TestBucket(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	l := Limit{Burst: 10, PerSecond: 2}
	var b Bucket
	if got := b.Take(now, 12, l); got != 10 {
		t.Errorf("a full bucket of 10 gave %v", got)
	}
	if b.Spend(now, 1, l) || b.Spend(now.Add(-time.Hour), 1, l) {
		t.Error("an empty bucket gives")
	}
	now = now.Add(-time.Hour + time.Second) // the clock went back, then ran on
	if b.Spend(now, 3, l) || !b.Spend(now, 2, l) {
		t.Error("a second gives 2")
	}
	if got := b.Take(now.Add(time.Hour), 100, l); got != 10 {
		t.Errorf("it holds %v", got)
	}
}

// testBudget is a Budget whose time is set by hand.
func testBudget(cfg BudgetConfig) (b *Budget, now *time.Time, over *[]peer.ID) {
	now, over = new(time.Time), new([]peer.ID)
	*now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg.Now, cfg.Over = func() time.Time { return *now }, func(p peer.ID) { *over = append(*over, p) }
	return NewBudget(cfg), now, over
}

func TestBudgetOfAPeer(t *testing.T) {
	b, now, over := testBudget(BudgetConfig{Peer: Limit{10, 1}, Prefix: Limit{1000, 100}, Peers: 4})
	spend := func(p peer.ID, n int) (allowed int) {
		for range n {
			if b.Allow(p, 1) {
				allowed++
			}
		}
		return allowed
	}
	if got := spend("evil", 100); got != 10 {
		t.Errorf("%d of 10 allowed", got)
	}
	if !slices.Equal(*over, []peer.ID{"evil"}) {
		t.Errorf("told of %q, not once of the peer", *over)
	}
	if got := spend("honest", 10); got != 10 {
		t.Errorf("another peer has %d", got)
	}
	*now = now.Add(5 * time.Second)
	if got := spend("evil", 100); got != 5 {
		t.Errorf("%d after 5 s", got)
	}
	if len(*over) != 2 {
		t.Error("the second excess was not told")
	}
	if b.Allow("big", 11) || len(*over) != 3 {
		t.Error("a cost above the whole burst was allowed")
	}
}

// Many identities of one network: it is they who are cut, one after the other, and
// what they are allowed together is bounded; a neighbour that was idle is not cut, and
// other networks notice nothing.
func TestBudgetOfANetwork(t *testing.T) {
	for _, c := range []struct{ network, far string }{{"192.0.2.%d", "198.51.100.1"}, {"2001:db8::%d", "2001:db8:0:100::1"}} {
		b, _, over := testBudget(BudgetConfig{Peer: Limit{100, 1}, Prefix: Limit{800, 8}, Peers: 100})
		for i := range 51 {
			b.From(peer.ID(fmt.Sprint(i)), netip.MustParseAddr(fmt.Sprintf(c.network, i)))
		}
		b.From("far", netip.MustParseAddr(c.far))
		allowed := 0
		for range 200 {
			for i := range 50 {
				if b.Allow(peer.ID(fmt.Sprint(i)), 1) {
					allowed++
				}
			}
		}
		if allowed != 800 || len(*over) != 50 {
			t.Errorf("%s: %d allowed, %d cut", c.network, allowed, len(*over))
		}
		if b.Allow("50", 1) || slices.Contains(*over, "50") {
			t.Errorf("%s: an idle neighbour has a bucket of its own, or is cut", c.network)
		}
		if !b.Allow("far", 1) {
			t.Errorf("%s: another network is refused", c.network)
		}
	}
}

// Of a network that has spent its share those are cut who have spent more than a
// quarter of their own; what is refused counts as spent.
func TestBudgetOfANetwork_QuarterIsCut(t *testing.T) {
	b, _, over := testBudget(BudgetConfig{Peer: Limit{100, 1}, Prefix: Limit{100, 1}, Peers: 4})
	for _, p := range []peer.ID{"modest", "greedy"} {
		b.From(p, netip.MustParseAddr("192.0.2.1"))
	}
	if !b.Allow("modest", 24) || !b.Allow("greedy", 76) {
		t.Fatal("refused within the network's share")
	}
	if b.Allow("modest", 1) || len(*over) != 0 {
		t.Errorf("at a quarter: %q are cut", *over)
	}
	if b.Allow("modest", 1) || !slices.Equal(*over, []peer.ID{"modest"}) {
		t.Errorf("above a quarter: %q are cut", *over)
	}
}

// Who is asked for much may do much, and saves nothing up by it.
func TestBudgetOfAPeerThatIsOfUse(t *testing.T) {
	b, _, over := testBudget(BudgetConfig{Peer: Limit{10, 1}, Prefix: Limit{20, 2}, Peers: 4})
	b.From("busy", netip.MustParseAddr("192.0.2.1"))
	for range 1000 {
		if !b.Allow("busy", 1) {
			t.Fatal("refused")
		}
		b.Return("busy", 1)
		b.Return("busy", 1)
	}
	allowed := 0
	for range 20 {
		if b.Allow("busy", 1) {
			allowed++
		}
	}
	if allowed != 10 || len(*over) != 1 {
		t.Errorf("then %d of 10 are allowed, and Over was called %d times", allowed, len(*over))
	}
}

func TestBudgetIsBounded(t *testing.T) {
	b, _, _ := testBudget(BudgetConfig{Peer: Limit{2, 1}, Prefix: Limit{4, 1}, Peers: 8})
	for i := range 1000 {
		p := peer.ID(fmt.Sprint(i))
		b.From(p, netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}))
		b.Allow(p, 1)
	}
	if b.peers.Len() != 8 || b.networks.Len() != 8 {
		t.Errorf("%d peers and %d networks are remembered", b.peers.Len(), b.networks.Len())
	}
	b.From("nowhere", netip.Addr{})
	if !b.Allow("nowhere", 2) || b.Allow("nowhere", 1) {
		t.Error("a peer without an address has a bucket of its own")
	}
}

// A camera whose power fails twice a second says again each time what a new neighbour
// says, for minutes: that is no flood. Who says as much over one connection floods, and
// a network may do no more because its peers come again.
func TestBudgetOfAPeerThatComesAgainAndAgain(t *testing.T) {
	const greeting, rounds = 16, 1000
	for _, c := range []struct {
		comes  bool
		prefix Limit
		want   bool
	}{
		{true, Limit{1000, 100}, true},
		{false, Limit{1000, 100}, false},
		{true, Limit{100, 10}, false},
	} {
		b, now, over := testBudget(BudgetConfig{Peer: Limit{64, 16}, Prefix: c.prefix, Greeting: greeting, Peers: 4})
		allowed := true
		b.From("camera", netip.MustParseAddr("192.0.2.1"))
		for range rounds {
			if c.comes {
				b.From("camera", netip.MustParseAddr("192.0.2.1"))
			}
			for range greeting + 8 {
				allowed = b.Allow("camera", 1) && allowed
			}
			*now = now.Add(time.Second / 2)
		}
		if allowed != c.want || c.want && len(*over) != 0 {
			t.Errorf("%+v: allowed %v, over %d times", c, allowed, len(*over))
		}
	}
}
