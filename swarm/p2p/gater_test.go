package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// memoryBlob is a BlobStore.
type memoryBlob struct {
	mu   sync.Mutex
	data []byte
	err  error
}

func (m *memoryBlob) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.data), m.err
}

func (m *memoryBlob) Save(_ context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = bytes.Clone(data)
	return m.err
}

func TestBanClosesAndRefusesBothWays(t *testing.T) {
	a, b := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, a, b); err != nil {
		t.Fatal(err)
	}
	a.Ban(b.Host().ID(), time.Hour, "wrong bytes")
	await(t, "the connection to close", func() bool { return !linked(a, b) && !linked(b, a) })
	if err := connectNets(t, a, b); err == nil {
		t.Error("a banned peer was dialled")
	}
	_ = connectNets(t, b, a) // may be told only after its handshake
	await(t, "the banned peer to be gone", func() bool { return !linked(a, b) && !linked(b, a) })
	if bans := a.Bans(); len(bans) != 1 || bans[0].Peer != b.Host().ID() || bans[0].Reason != "wrong bytes" {
		t.Errorf("bans are %+v", bans)
	}
	a.Unban(b.Host().ID())
	if err := connectNets(t, a, b); err != nil {
		t.Errorf("after the ban was lifted: %v", err)
	}
}

func TestThreatPoisonedPeer_BansSurviveARestartAndEnd(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	advance := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	store := &memoryBlob{}
	bad := newID(t)

	first := newNet(t, netConfig(RoleCamera), Options{Bans: store, Now: clock})
	stop := runNet(t, first)
	first.Ban(bad, time.Hour, "poisoned_peer")
	stop() // the end of Run writes what has not been written

	second := newNet(t, netConfig(RoleCamera), Options{Bans: store, Now: clock})
	if bans := second.Bans(); len(bans) != 1 || bans[0].Peer != bad || bans[0].Reason != "poisoned_peer" {
		t.Fatalf("bans after a restart: %+v", bans)
	}
	if second.gater.InterceptPeerDial(bad) {
		t.Error("a banned peer may be dialled after a restart")
	}
	advance(59 * time.Minute)
	if second.gater.InterceptPeerDial(bad) {
		t.Error("the ban ended early")
	}
	advance(2 * time.Minute)
	if !second.gater.InterceptPeerDial(bad) || len(second.Bans()) != 0 {
		t.Error("the ban did not end")
	}
}

func TestUnreadableBansAreAWarningAndAFailingStoreAnError(t *testing.T) {
	n := newNet(t, netConfig(RoleCamera), Options{Bans: &memoryBlob{data: []byte("not JSON")}})
	if len(n.Bans()) != 0 {
		t.Error("bans out of nothing")
	}
	broken := errors.New("disk")
	if _, err := New(netConfig(RoleCamera), testKey(t), Options{Bans: &memoryBlob{err: broken}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestBanListRules(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	id := func(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }

	t.Run("a longer ban stays", func(t *testing.T) {
		var l refusals
		l.add(id(1), now, time.Hour, "long")
		l.add(id(1), now, time.Minute, "short")
		if !l.holds(id(1), now.Add(59*time.Minute)) || l.holds(id(1), now.Add(time.Hour)) {
			t.Error("the end moved")
		}
	})
	t.Run("a flood is bounded and drops the shortest", func(t *testing.T) {
		var l refusals
		l.add(id(0), now, 24*time.Hour, "long")
		for i := 1; i < 3*maxBans; i++ {
			l.add(id(i), now, time.Duration(i)*time.Second, "")
		}
		if got := len(l.list(now)); got != maxBans {
			t.Errorf("%d bans", got)
		}
		if !l.holds(id(0), now) || !l.holds(id(3*maxBans-1), now) {
			t.Error("a long ban made room for a short one")
		}
	})
	t.Run("a full list with the longest reasons can be read back", func(t *testing.T) {
		var l, back refusals
		for i := range maxBans {
			l.add(id(i), now, time.Hour, strings.Repeat("<", 1000))
		}
		data, err := l.encode(now)
		if err != nil {
			t.Fatal(err)
		}
		if err := back.decode(data, now); err != nil {
			t.Fatal(err)
		}
		if got := len(back.list(now)); got != maxBans {
			t.Errorf("%d bans", got)
		}
	})
	t.Run("a clock that went back does not prolong", func(t *testing.T) {
		var l, back refusals
		l.add(id(1), now, time.Hour, "")
		data, err := l.encode(now)
		if err != nil {
			t.Fatal(err)
		}
		y1970 := time.Unix(100, 0)
		if err := back.decode(data, y1970); err != nil {
			t.Fatal(err)
		}
		if !back.holds(id(1), y1970.Add(59*time.Minute)) || back.holds(id(1), y1970.Add(time.Hour+time.Second)) {
			t.Error("the ban does not last its own span")
		}
	})
	t.Run("bad data is refused", func(t *testing.T) {
		for _, data := range []string{"{", `{"peer":1}`, `[{"peer":"x","until":9}]`, strings.Repeat(" ", maxBanBytes+1)} {
			var l refusals
			if err := l.decode([]byte(data), now); !errors.Is(err, errSavedBans) {
				t.Errorf("%.20q: %v", data, err)
			}
		}
	})
}

type admit map[peer.ID]bool

func (a admit) Admit(p peer.ID, _ ma.Multiaddr) bool { return a[p] }

func TestOnlyMembersAreAdmitted(t *testing.T) {
	key := testKey(t)
	stranger, member := newNet(t, netConfig(RoleCamera)), newNetWithKey(t, netConfig(RoleCamera), key)
	closed := newNet(t, netConfig(RoleSeed), Options{Admitter: admit{member.Host().ID(): true}})
	if err := connectNets(t, closed, stranger); err == nil {
		t.Error("a stranger was dialled")
	}
	_ = connectNets(t, stranger, closed)
	await(t, "the stranger to be gone", func() bool { return !linked(closed, stranger) && !linked(stranger, closed) })
	if err := connectNets(t, member, closed); err != nil {
		t.Errorf("a member was refused: %v", err)
	}
}

func TestLANOnlyKnowsPrivateAddresses(t *testing.T) {
	g := &gater{lanOnly: true, now: time.Now, refused: func(string) {}}
	p := newID(t)
	for addr, want := range map[string]bool{
		"/ip4/192.168.1.2/tcp/1":             true,
		"/ip4/10.0.0.1/udp/1/quic-v1":        true,
		"/ip4/172.16.0.1/tcp/1":              true,
		"/ip4/169.254.3.4/tcp/1":             true,
		"/ip4/127.0.0.1/tcp/1":               true,
		"/ip6/fd00::1/tcp/1":                 true,
		"/ip6/fe80::1/tcp/1":                 true,
		"/ip6/::1/tcp/1":                     true,
		"/ip4/198.51.100.1/tcp/1":            false,
		"/ip4/8.8.8.8/udp/1/quic-v1":         false,
		"/ip6/2606:4700::1/tcp/1":            false,
		"/ip4/172.32.0.1/tcp/1":              false,
		"/ip4/10.0.0.1/tcp/1/p2p-circuit":    false,
		"/dns4/seed.example/tcp/1":           false,
		"/ip4/192.168.1.2/tcp/1/p2p-circuit": false,
	} {
		a := ma.StringCast(addr)
		if got := g.InterceptAddrDial(p, a); got != want {
			t.Errorf("%s: dial %v", addr, got)
		}
		if got := g.InterceptAccept(addrs{remote: a}); got != want {
			t.Errorf("%s: accept %v", addr, got)
		}
	}
}

// addrs is a network.ConnMultiaddrs.
type addrs struct{ local, remote ma.Multiaddr }

func (a addrs) LocalMultiaddr() ma.Multiaddr  { return a.local }
func (a addrs) RemoteMultiaddr() ma.Multiaddr { return a.remote }
