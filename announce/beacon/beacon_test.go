package beacon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

var (
	start   = time.Unix(1_800_000_000, 0)
	product = verify.Product{Vendor: "acme.example", Name: "cam-1"}
	home    = netip.MustParseAddr("192.0.2.7")
)

type identity struct {
	key crypto.PrivKey
	id  peer.ID
}

// someone is an identity that is the same each time.
func someone(t testing.TB, name string) identity {
	t.Helper()
	seed := [32]byte{}
	copy(seed[:], name)
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, id}
}

func good() Beacon {
	return Beacon{Product: product.ID(), Hour: hourOf(uint64(start.Unix())), Running: 1, Release: 2, State: StateFetching, Region: "eu-west", Label: "early"}
}

// Golden bytes hold FORMAT.md to the code.
func TestBeaconOnTheWire(t *testing.T) {
	camera, seed := someone(t, "camera"), someone(t, "seed")
	data, err := good().Sign(camera.key, seed.id)
	if err != nil {
		t.Fatal(err)
	}
	id := product.ID()
	want := "01" + hex.EncodeToString(id[:]) + "0007a120" + "0000000000000001" + "0000000000000002" + "01" +
		"07" + hex.EncodeToString([]byte("eu-west")) + "05" + hex.EncodeToString([]byte("early"))
	if got := hex.EncodeToString(data[:len(data)-64]); got != want {
		t.Errorf("a beacon is\n%s, want\n%s", got, want)
	}
	if b, err := Open(data, camera.id, seed.id); err != nil || b != good() {
		t.Errorf("%+v, %v", b, err)
	}
	long := good()
	long.Region, long.Label = verify.Region(strings.Repeat("r", 31)), strings.Repeat("l", 31)
	if data, err := long.Sign(camera.key, seed.id); err != nil || len(data) != MaxBytes {
		t.Errorf("the longest beacon has %d bytes, not %d: %v", len(data), MaxBytes, err)
	}
}

func TestBeaconsThatSayNonsenseAreRefused(t *testing.T) {
	camera, seed := someone(t, "camera"), someone(t, "seed")
	for name, spoil := range map[string]func(*Beacon){
		"region":                     func(b *Beacon) { b.Region = "EU" },
		"label":                      func(b *Beacon) { b.Label = "a b" },
		"state":                      func(b *Beacon) { b.State = states },
		"sequence":                   func(b *Beacon) { b.Release = maxSequence + 1 },
		"state of nothing":           func(b *Beacon) { b.Release = 0 },
		"no state":                   func(b *Beacon) { b.State = StateNone },
		"confirmed, another runs":    func(b *Beacon) { b.State = StateConfirmed },
		"withdrawn, with a release":  func(b *Beacon) { b.State = stateWithdrawn },
		"running beyond any release": func(b *Beacon) { b.Running = 1 << 40 },
	} {
		b := good()
		spoil(&b)
		if _, err := b.Sign(camera.key, seed.id); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: signed: %v", name, err)
		}
		body := b.body()
		sig, err := camera.key.Sign(signed(seed.id, body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(append(body, sig...), camera.id, seed.id); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
}

// beacon_forged: nobody is counted in another's name, and no byte can be changed.
func TestThreatBeaconForged(t *testing.T) {
	camera, thief, seed := someone(t, "camera"), someone(t, "thief"), someone(t, "seed")
	data, err := good().Sign(camera.key, seed.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(data, thief.id, seed.id); !errors.Is(err, ErrForged) {
		t.Errorf("under another's name: %v", err)
	}
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 1
		if b, err := Open(bad, camera.id, seed.id); err == nil {
			t.Errorf("byte %d changed: %+v", i, b)
		}
	}
}

// beacon_replayed: what was told one seed is worth nothing at another, and nothing
// later.
func TestThreatBeaconReplayed(t *testing.T) {
	camera, seed, other := someone(t, "camera"), someone(t, "seed"), someone(t, "other")
	data, err := good().Sign(camera.key, seed.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(data, camera.id, other.id); !errors.Is(err, ErrForged) {
		t.Errorf("at another seed: %v", err)
	}
}

// beacon_stale: what is old does not count, whether it comes late or was not renewed.
func TestThreatBeaconStale(t *testing.T) {
	cfg := DefaultConfig(true)
	table, camera := NewTable(cfg), someone(t, "camera")
	for _, by := range []time.Duration{-(maxSkew + 1) * time.Hour, (maxSkew + 1) * time.Hour} {
		if err := table.Put(camera.id, home, good(), start.Add(by)); !errors.Is(err, ErrStale) {
			t.Errorf("a beacon that is %v off: %v", by, err)
		}
	}
	if err := table.Put(camera.id, home, good(), start); err != nil {
		t.Fatal(err)
	}
	if n := table.Report(product.ID(), 0, start.Add(cfg.Keep-1)).Cameras; n != 1 {
		t.Errorf("%d cameras until it is forgotten, want 1", n)
	}
	if n := table.Report(product.ID(), 0, start.Add(cfg.Keep)).Cameras; n != 0 || len(table.networks) != 0 {
		t.Errorf("%d cameras and %d networks after it was forgotten, want none", n, len(table.networks))
	}
}

// beacon_sybils: one identity counts once, one network so often, and whoever comes
// later pushes nobody out.
func TestThreatBeaconSybils(t *testing.T) {
	cfg := DefaultConfig(true)
	cfg.PerNetwork = 10
	table, honest := NewTable(cfg), someone(t, "honest")
	lie := good()
	lie.State = StateFailed
	put := func(who peer.ID, at string, b Beacon) error { return table.Put(who, netip.MustParseAddr(at), b, start) }
	if err := put(honest.id, "198.51.100.9", good()); err != nil {
		t.Fatal(err)
	}
	one := someone(t, "liar")
	for range 50 {
		if err := put(one.id, "192.0.2.1", lie); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		err := put(peer.ID(fmt.Sprintf("liar %d", i)), fmt.Sprintf("192.0.2.%d", i), lie)
		if want := i >= 9; errors.Is(err, ErrRoom) != want {
			t.Errorf("identity %d of one network: %v", i+2, err)
		}
	}
	for i := range 50 {
		_ = put(peer.ID(fmt.Sprintf("liar six %d", i)), fmt.Sprintf("2001:db8:0:%x::1", i), lie)
	}
	r := table.Report(good().Product, 0, start)
	if c := r.Of(2); c.States[StateFailed] != 20 || c.States[StateFetching] != 1 || r.Cameras != 21 {
		t.Errorf("counted %v of %d cameras, want 20 liars and the honest one", c.States, r.Cameras)
	}
	if r.TurnedAway != 81 {
		t.Errorf("%d were turned away, want 81: it must show", r.TurnedAway)
	}
	if err := put(honest.id, "192.0.2.200", good()); !errors.Is(err, ErrRoom) {
		t.Errorf("who moves into the liars' network: %v", err)
	}
}

func TestACameraThatTellsAnotherSeedIsNotCountedTwice(t *testing.T) {
	table, camera := NewTable(DefaultConfig(true)), someone(t, "camera")
	gone := Beacon{Product: good().Product, Hour: good().Hour, State: stateWithdrawn}
	if err := errors.Join(table.Put(camera.id, home, good(), start), table.Put(camera.id, home, gone, start)); err != nil {
		t.Fatal(err)
	}
	if r := table.Report(good().Product, 0, start); r.Cameras != 0 || len(r.Rows) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestInstalledAndNotConfirmedIsOverdue(t *testing.T) {
	cfg := DefaultConfig(true)
	table, camera := NewTable(cfg), someone(t, "camera")
	b := good()
	b.State = StateInstalled
	at := func(now time.Time) ReleaseCount { return table.Report(b.Product, 0, now).Of(2) }
	put := func(now time.Time) {
		b.Hour = hourOf(uint64(now.Unix()))
		if err := table.Put(camera.id, home, b, now); err != nil {
			t.Fatal(err)
		}
	}
	put(start)
	put(start.Add(cfg.Overdue / 2)) // saying it again does not make it younger
	if c := at(start.Add(cfg.Overdue - 1)); c.Overdue != 0 || c.Tried() != 0 {
		t.Errorf("in time: %+v", c)
	}
	if c := at(start.Add(cfg.Overdue)); c.Overdue != 1 || c.Failed() != 1 || c.Tried() != 1 {
		t.Errorf("too late: %+v", c)
	}
	b.State, b.Running = StateConfirmed, 2
	put(start.Add(cfg.Overdue))
	if c := at(start.Add(cfg.Overdue)); c.Failed() != 0 || c.Tried() != 1 || c.Running != 1 {
		t.Errorf("confirmed after all: %+v", c)
	}
}

func TestACameraThatIsLostStaysCounted(t *testing.T) {
	cfg := DefaultConfig(true)
	cfg.PerNetwork = 3
	table, now := NewTable(cfg), start
	put := func(name string, state State) error {
		b := good()
		b.State, b.Hour = state, hourOf(uint64(now.Unix()))
		return table.Put(someone(t, name).id, home, b, now)
	}
	count := func() ReleaseCount { return table.Report(good().Product, 0, now).Of(2) }
	if err := errors.Join(put("lost", StateInstalled), put("gone", StateFetching)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(lostFor - time.Minute)
	if c := count(); c.Overdue != 1 || c.Failed() != 1 || c.States[StateFetching] != 0 {
		t.Errorf("within %v: %+v", lostFor, c)
	}
	if c := table.Report(good().Product, 0, now.Add(time.Minute)).Of(2); len(c.States) != 0 {
		t.Errorf("after %v: %+v", lostFor, c)
	}
	if err := put("lost", StateInstalled); err != nil {
		t.Fatal(err)
	}
	if err := put("lost", StateRolledBack); err != nil || count().Overdue != 0 || count().Failed() != 1 {
		t.Errorf("it speaks again: %+v, %v", count(), err)
	}
	// They take no room for ever: who speaks now goes before.
	if err := errors.Join(put("lost", StateInstalled), put("b", StateInstalled), put("c", StateInstalled)); err != nil {
		t.Fatal(err)
	}
	if err := put("d", StateHeld); !errors.Is(err, ErrRoom) {
		t.Errorf("those that installed it just now are displaced: %v", err)
	}
	now = now.Add(cfg.Keep)
	if err := errors.Join(put("d", StateHeld), put("e", StateHeld)); err != nil {
		t.Errorf("the lost leave no room: %v", err)
	}
	if c := count(); c.Overdue != 1 || c.States[StateHeld] != 2 {
		t.Errorf("only as many give way as must: %+v", c)
	}
}

// elsewhere is an address in a network of its own.
func elsewhere(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, byte(i), 7}) }

// beacon_listing: no group has cameras of fewer than MinGroup networks, those of no name
// among them, and nothing is lost from the sums.
func TestThreatBeaconListing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		cfg := DefaultConfig(true)
		cfg.MinGroup, cfg.PerNetwork = 1+rng.IntN(8), maxDevices
		table, cameras := NewTable(cfg), rng.IntN(60)
		want := map[State]int{}
		for i := range cameras {
			b := good()
			b.Region, b.Label = verify.Region([]string{"", "eu", "us", "asia"}[rng.IntN(4)]), []string{"", "early", "lab"}[rng.IntN(3)]
			b.State = []State{StateFetching, StateHeld, StateFailed}[rng.IntN(3)]
			want[b.State]++
			if err := table.Put(peer.ID(fmt.Sprint(i)), elsewhere(i), b, start); err != nil {
				t.Fatal(err)
			}
		}
		r := table.Report(good().Product, 0, start)
		groups, sum := map[[2]string]int{}, 0
		for _, row := range r.Rows {
			groups[[2]string{row.Region, row.Label}] += row.Cameras
			sum += row.Cameras
		}
		for g, n := range groups {
			if n < cfg.MinGroup && (len(groups) > 1 || g != [2]string{Others, Others}) {
				t.Fatalf("round %d: %q has %d cameras, with min_group = %d", round, g, n, cfg.MinGroup)
			}
		}
		if got := r.Of(2).States; sum != cameras || r.Cameras != cameras || !maps.Equal(got, want) {
			t.Fatalf("round %d: %v of %d cameras, want %v of %d", round, got, sum, want, cameras)
		}
	}
}

// beacon_listing: who makes up cameras to keep a lone home company needs as many networks
// as MinGroup says. On the seed's own network, where no home is, each camera counts.
func TestThreatBeaconListing_Company(t *testing.T) {
	cfg := DefaultConfig(true)
	table := NewTable(cfg)
	put := func(name string, label string, at netip.Addr) {
		t.Helper()
		b := good()
		b.Label = label
		if err := table.Put(peer.ID(name), at, b, start); err != nil {
			t.Fatal(err)
		}
	}
	named := func(label string) (n int) {
		for _, row := range table.Report(good().Product, 0, start).Rows {
			if row.Label == label {
				n += row.Cameras
			}
		}
		return n
	}
	put("the lone one", "lab", home)
	for i := range 40 {
		put(fmt.Sprint("another ", i), "", elsewhere(100+i%8))
		put(fmt.Sprint("made up ", i), "lab", elsewhere(i%(cfg.MinGroup-3)))
		put(fmt.Sprint("relayed ", i), "lab", netip.Addr{})
		put(fmt.Sprint("near ", i), "desk", netip.MustParseAddr("192.168.1.7"))
	}
	if n := named("lab"); n != 0 {
		t.Errorf("%d cameras of %d networks are named, min_group = %d", n, cfg.MinGroup-1, cfg.MinGroup)
	}
	if n := named("desk"); n != 40 {
		t.Errorf("%d of 40 cameras on the seed's own network are named", n)
	}
	put("one more", "lab", elsewhere(50))
	if n := named("lab"); n != 82 {
		t.Errorf("%d of 82 cameras from %d networks are named", n, cfg.MinGroup)
	}
}

// beacon_sybils: releases that the chain does not know are one, for people and metrics,
// so that whoever makes them up hides none that is.
func TestThreatBeaconSybils_Releases(t *testing.T) {
	table := NewTable(DefaultConfig(true))
	for i := range 200 {
		b := good()
		if b.Label = ""; i >= 20 {
			b.Release = maxSequence - uint64(i)
		}
		if err := table.Put(peer.ID(fmt.Sprint(i)), elsewhere(i), b, start); err != nil {
			t.Fatal(err)
		}
	}
	all := table.Report(good().Product, 2, start)
	if r := all.Known(); len(r.Rows) != 2 || r.Of(2).States[StateFetching] != 20 || r.Of(Unknown).States[StateFetching] != 180 {
		t.Errorf("%d rows, %+v", len(r.Rows), r.Rows)
	}
	if all.Of(maxSequence - 50).States[StateFetching] != 1 {
		t.Error("who asks for the release itself is not told of it: a seed's chain may be behind")
	}
}

func TestReportsAddUp(t *testing.T) {
	a := Report{Product: verify.ProductID{1}, At: start, Cameras: 3, MinGroup: 5, Rows: []Row{
		{Region: "eu", Release: 2, Running: 1, State: StateHeld, Cameras: 2}, {Region: "eu", Release: 2, Running: 1, State: StateInstalled, Cameras: 1, Overdue: 1}}}
	b := Report{Product: verify.ProductID{1}, At: start.Add(-time.Minute), Cameras: 4, MinGroup: 3, TurnedAway: 2, Rows: []Row{{Region: "eu", Release: 2, Running: 1, State: StateHeld, Cameras: 4}}}
	m, err := Merge(a, b)
	if err != nil || m.Cameras != 7 || m.At != b.At || m.MinGroup != 3 || m.TurnedAway != 2 || len(m.Rows) != 2 || m.Of(2).States[StateHeld] != 6 || m.Of(2).Overdue != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	if !m.Since.IsZero() {
		t.Errorf("seeds that do not say since when they count, since %v", m.Since)
	}
	a.Since, b.Since = start.Add(-time.Hour), start.Add(-2*time.Hour)
	if m, _ := Merge(b, a); m.Since != a.Since {
		t.Errorf("together they count since %v, want that of the younger", m.Since)
	}
	b.Product = verify.ProductID{2}
	if _, err := Merge(a, b); !errors.Is(err, ErrMixed) {
		t.Errorf("two products: %v", err)
	}
}

func FuzzBeacon(f *testing.F) {
	camera, seed := someone(f, "camera"), someone(f, "seed")
	data, err := good().Sign(camera.key, seed.id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(append(slices.Clone(data), 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		if !bytes.Equal(b.body(), data[:len(data)-signatureBytes]) {
			t.Errorf("%x is decoded as %+v and encoded as %x", data, b, b.body())
		}
	})
}
