package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	"github.com/libp2p/go-libp2p-kad-dht/records"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-base32"
	"github.com/multiformats/go-multihash"
)

func dhtConfig(role string) Config {
	c := netConfig(role)
	c.DHT = true
	return c
}

func testCID(s string) cid.Cid {
	sum := sha256.Sum256([]byte(s))
	mh, err := multihash.Encode(sum[:], multihash.SHA2_256)
	if err != nil {
		panic(err)
	}
	return cid.NewCidV1(cid.Raw, mh)
}

// Three nodes: a seed serves the DHT, two cameras are clients that know only it.
func TestDHTProvidesAndFinds(t *testing.T) {
	seed := newNet(t, dhtConfig(RoleSeed))
	runNet(t, seed)
	cfg := dhtConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	a, b := newNet(t, cfg), newNet(t, cfg)
	root := testCID("an image")
	if err := a.Provide(t.Context(), root); !errors.Is(err, ErrNoDHT) {
		t.Errorf("before Run: %v", err)
	}
	for _, n := range []*Network{a, b} {
		runNet(t, n)
		await(t, "the seed in the routing table", func() bool { return n.Status().DHTServers == 1 })
	}
	if err := a.Provide(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	await(t, "the provider to be found", func() bool { // a server does not acknowledge a record
		found, err := b.FindProviders(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(found, func(p peer.AddrInfo) bool { return p.ID == a.Host().ID() })
		return i >= 0 && len(found[i].Addrs) > 0
	})
	if servers := seed.Status().DHTServers; servers != 0 {
		t.Errorf("%d cameras serve the DHT", servers)
	}
	if got, err := a.FindProviders(t.Context(), root); err != nil || slices.ContainsFunc(got, func(p peer.AddrInfo) bool { return p.ID == a.Host().ID() }) {
		t.Errorf("a node found itself: %v, %v", got, err)
	}
	// What is found is dialled.
	if err := b.Seek(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	await(t, "the provider to be connected", func() bool { return linked(b, a) })
	for _, p := range seed.Host().Mux().Protocols() {
		if string(p) == "/ipfs/kad/1.0.0" {
			t.Error("the seed speaks the public DHT's protocol")
		}
	}
}

func TestMembersOfANamespaceFindEachOther(t *testing.T) {
	seed := newNet(t, dhtConfig(RoleSeed))
	runNet(t, seed)
	cfg := dhtConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	a, b, other := newNet(t, cfg), newNet(t, cfg), newNet(t, cfg)
	for n, namespace := range map[*Network]string{a: "cam-1", b: "cam-1", other: "cam-2"} {
		if err := n.Join(namespace); err != nil {
			t.Fatal(err)
		}
		if err := n.Join(namespace); err != nil {
			t.Errorf("joining twice: %v", err)
		}
		runNet(t, n)
	}
	await(t, "the two members to meet", func() bool { return linked(a, b) })
	if linked(a, other) || linked(b, other) {
		t.Error("a node outside the namespace was connected")
	}
	if err := a.Join(""); err == nil {
		t.Error("a namespace without a name was joined")
	}
	// Joining while running works too.
	if err := other.Join("cam-1"); err != nil {
		t.Fatal(err)
	}
	await(t, "the late member", func() bool { return linked(other, a) && linked(other, b) })
}

// DHT record floods: denial_of_service.
func TestThreatDenialOfService_DHTRecords(t *testing.T) {
	ctx := t.Context()
	count := func(b *boundedRecords) int {
		r, err := b.Query(ctx, query.Query{KeysOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.Rest()
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	put := func(b *boundedRecords, record, by string) {
		batch, err := b.Batch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Put(ctx, datastore.NewKey("/providers/"+record+"/"+by), []byte("t")); err != nil {
			t.Fatal(err)
		}
		if err := batch.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	static := peer.ID("\x00\x04seed")
	b := newBoundedRecords(func(p peer.ID) bool { return p == static })
	for i := range 3 * maxDHTRecordsPerPeer {
		put(b, fmt.Sprint(i), "flooder")
	}
	if got := count(b); got != maxDHTRecordsPerPeer {
		t.Errorf("one provider has %d records", got)
	}
	put(b, "0", "flooder") // a refresh is not a new record
	put(b, "image", "honest")
	if ok, err := b.Has(ctx, datastore.NewKey("/providers/image/honest")); err != nil || !ok {
		t.Errorf("an honest record was refused: %v", err)
	}
	if err := b.Delete(ctx, datastore.NewKey("/providers/0/flooder")); err != nil {
		t.Fatal(err)
	}
	put(b, "later", "flooder")
	if got := count(b); got != maxDHTRecordsPerPeer+1 {
		t.Errorf("%d records after one made room", got)
	}
	for i := 0; len(b.keys) < maxDHTRecords && i < 2*maxDHTRecords; i++ {
		put(b, fmt.Sprint("sybils-", i/maxProviders), fmt.Sprint(i))
	}
	put(b, "one", "more")
	if got := count(b); got != maxDHTRecords {
		t.Errorf("%d records, at most %d", got, maxDHTRecords)
	}
	put(b, "one", base32.RawStdEncoding.EncodeToString([]byte(static)))
	if got := count(b); got != maxDHTRecords+1 {
		t.Error("a flood keeps a static peer's record out")
	}
}

// A key with many providers, genuine or not, is answered with a few, and seeds that
// are known are among them however late they come.
func TestThreatDenialOfService_ProvidersOfOneKey(t *testing.T) {
	ctx := t.Context()
	static := peer.ID("\x00\x04seed")
	var listed atomic.Bool // which it is later, by a release
	b := newBoundedRecords(func(p peer.ID) bool { return listed.Load() && p == static })
	manager, err := records.NewProviderManager("\x00\x04self", newNet(t, netConfig(RoleSeed)).Host().Peerstore(), b, records.Cache(noCache{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = manager.Close() }()
	key := []byte(testCID("a namespace").Hash())
	add := func(p peer.ID) {
		if err := manager.AddProvider(ctx, key, peer.AddrInfo{ID: p}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1024 {
		add(peer.ID(fmt.Sprintf("\x00\x08%08d", i)))
	}
	listed.Store(true)
	add(static)
	for i := range 256 { // so that all of this is written
		add(peer.ID(fmt.Sprintf("\x00\x08%08d", i)))
	}
	found, err := manager.GetProviders(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	// What is not written yet, 256 at most, comes on top.
	if len(found) == 0 || len(found) > providersNamed+256 {
		t.Errorf("%d providers are named", len(found))
	}
	if !slices.ContainsFunc(found, func(i peer.AddrInfo) bool { return i.ID == static }) {
		t.Error("the seed that is known is not among them")
	}
	if got := b.key["/providers/"+base32.RawStdEncoding.EncodeToString(key)]; got > maxProviders+1 {
		t.Errorf("%d records of one key are kept", got)
	}
}

func TestWithoutDHT(t *testing.T) {
	n := newNet(t, netConfig(RoleCamera))
	runNet(t, n)
	if _, err := n.FindProviders(context.Background(), testCID("x")); !errors.Is(err, ErrNoDHT) {
		t.Errorf("got %v", err)
	}
}
