package p2p

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	offline "github.com/ipfs/boxo/routing/offline"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/routing"
)

// ipnsKey is a key made of one byte, the same in every run.
func ipnsKey(t testing.TB, b byte) (crypto.PrivKey, string) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	name, err := IPNSName(key.GetPublic())
	if err != nil {
		t.Fatal(err)
	}
	return key, name
}

func ipnsRecord(sequence uint64) IPNSRecord {
	return IPNSRecord{
		Value: "/ipfs/" + testCID("release").String(), Sequence: sequence, TTL: time.Hour,
		Validity: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Metadata: map[string]any{"_product": "acme.example/cam-1", "_sequence": int64(3), "_envelope": bytes.Repeat([]byte{7}, 32)},
	}
}

func signIPNS(t testing.TB, r IPNSRecord, key crypto.PrivKey) []byte {
	t.Helper()
	data, err := r.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestIPNSRecordComesBack(t *testing.T) {
	key, name := ipnsKey(t, 1)
	want := ipnsRecord(1<<63 - 1)
	data := signIPNS(t, want, key)
	got, err := OpenIPNS(name, data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Value != want.Value || got.Sequence != want.Sequence || got.TTL != want.TTL || !got.Validity.Equal(want.Validity) ||
		len(got.Metadata) != 3 || got.Metadata["_sequence"] != int64(3) || !bytes.Equal(got.Metadata["_envelope"].([]byte), bytes.Repeat([]byte{7}, 32)) {
		t.Errorf("got %+v", got)
	}
	if again := signIPNS(t, want, key); !bytes.Equal(again, data) {
		t.Error("one record has two encodings")
	}
	if !strings.HasPrefix(name, "k51qzi5uqu5d") || len(name) != 62 {
		t.Errorf("name %s", name)
	}
	for _, form := range []string{name, "/ipns/" + name} {
		if got, err := ParseIPNSName(form); err != nil || got != name {
			t.Errorf("%s: %s, %v", form, got, err)
		}
	}
}

// What stock IPFS resolves is what we sign: its own router stores the record
// under its own validator and reads the value from it. And what stock IPFS signs (version 1 beside 2) is opened here.
func TestStockIPNSResolvesTheRecord(t *testing.T) {
	key, name := ipnsKey(t, 1)
	parsed, err := ipns.NameFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	want := ipnsRecord(5)
	want.Validity = time.Now().Add(time.Hour)
	router := offline.NewOfflineRouter(dssync.MutexWrap(datastore.NewMapDatastore()), ipns.Validator{})
	if err := router.PutValue(t.Context(), string(parsed.RoutingKey()), signIPNS(t, want, key)); err != nil {
		t.Fatal(err)
	}
	found, err := router.GetValue(t.Context(), string(parsed.RoutingKey()))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := ipns.UnmarshalRecord(found)
	if err != nil {
		t.Fatal(err)
	}
	if to, err := rec.Value(); err != nil || to.String() != want.Value {
		t.Errorf("resolved to %v, %v", to, err)
	}

	value, err := path.NewPath(want.Value)
	if err != nil {
		t.Fatal(err)
	}
	stock, err := ipns.NewRecord(key, value, 6, want.Validity, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ipns.MarshalRecord(stock)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenIPNS(name, data); err != nil || got.Sequence != 6 || got.Value != want.Value {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestIPNSRecordsThatAreNotGenuineAreRefused(t *testing.T) {
	key, name := ipnsKey(t, 1)
	_, other := ipnsKey(t, 2)
	good := signIPNS(t, ipnsRecord(3), key)
	expired := ipnsRecord(3)
	expired.Validity = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	past := signIPNS(t, expired, key)
	if _, err := OpenIPNS(name, past); err != nil {
		t.Errorf("a record whose end has passed by this machine's clock: %v", err)
	}
	flip := func(data []byte, at int) []byte {
		out := bytes.Clone(data)
		out[at] ^= 1
		return out
	}
	many := ipnsRecord(3)
	many.Metadata = map[string]any{}
	for i := range maxIPNSMetadata + 1 {
		many.Metadata[strings.Repeat("x", i+1)] = true
	}
	stock := func(seq uint64, opts ...ipns.Option) []byte {
		value, _ := path.NewPath("/ipfs/" + testCID("x").String())
		rec, err := ipns.NewRecord(key, value, seq, expired.Validity, time.Hour, opts...)
		if err != nil {
			t.Fatal(err)
		}
		data, err := ipns.MarshalRecord(rec)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for what, c := range map[string]struct {
		name string
		data []byte
	}{
		"another name":                  {other, good},
		"empty":                         {name, nil},
		"truncated":                     {name, good[:len(good)-1]},
		"value changed":                 {name, flip(good, bytes.Index(good, []byte("/ipfs/"))+8)},
		"past, and the signature wrong": {name, flip(past, len(past)-1)},
		"sequence 2^64-1":               {name, stock(1<<64-1, ipns.WithV1Compatibility(false))},
		"too much metadata":             {name, stock(3, ipns.WithV1Compatibility(false), ipns.WithMetadata(many.Metadata))},
		"over 10 KiB":                   {name, append(bytes.Clone(good), make([]byte, 11<<10)...)},
		"a name that is no key":         {"k51qzi5uqu5d", good},
		"a name without end":            {strings.Repeat("k", 1<<20), good},
	} {
		if r, err := OpenIPNS(c.name, c.data); !errors.Is(err, ErrIPNS) {
			t.Errorf("%s: got %+v, %v", what, r, err)
		}
	}
	if _, err := (IPNSRecord{Value: "/ipfs/nothing"}).Sign(key); !errors.Is(err, ErrIPNS) {
		t.Errorf("a value that is no path was signed: %v", err)
	}
	rsa, _, err := crypto.GenerateKeyPair(crypto.Secp256k1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ipnsRecord(1).Sign(rsa); !errors.Is(err, ErrIPNS) {
		t.Errorf("signed with another kind of key: %v", err)
	}
}

// The newest record wins whatever the order of the answers, and what is not
// genuine does not hide what is.
func TestIPNSSelect(t *testing.T) {
	key, name := ipnsKey(t, 1)
	thief, _ := ipnsKey(t, 2)
	later := ipnsRecord(2)
	later.Validity = later.Validity.Add(time.Hour)
	best := signIPNS(t, later, key)
	values := [][]byte{
		signIPNS(t, ipnsRecord(1), key), best, signIPNS(t, ipnsRecord(2), key), nil, []byte("rubbish"),
	}
	value, err := path.NewPath(later.Value)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := ipns.NewRecord(thief, value, 1<<62, later.Validity, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ipns.MarshalRecord(forged)
	if err != nil {
		t.Fatal(err)
	}
	values = append(values, data)
	var names ipnsNames
	n := &Network{}
	if err := n.SetIPNSNames([]string{name}); err != nil {
		t.Fatal(err)
	}
	names.keys = n.ipns.keys
	v := ipnsValidator{&names}
	parsed, _ := ipns.NameFromString(name)
	routingKey := string(parsed.RoutingKey())
	for range len(values) {
		i, err := v.Select(routingKey, values)
		if err != nil || !bytes.Equal(values[i], best) {
			t.Fatalf("selected %d, %v", i, err)
		}
		values = append(values[1:], values[0])
	}
	if _, err := v.Select(routingKey, [][]byte{data}); !errors.Is(err, ErrNoIPNS) {
		t.Errorf("a forged record alone: %v", err)
	}
}

// DHT record floods of values: a server keeps the records of names that releases
// name, one each, and nothing else; denial_of_service.
func TestThreatDenialOfService_IPNSRecordFlood(t *testing.T) {
	seed := newNet(t, dhtConfig(RoleSeed))
	runNet(t, seed)
	key, name := ipnsKey(t, 1)
	if err := seed.SetIPNSNames([]string{name}); err != nil {
		t.Fatal(err)
	}

	// The flooder is a stock DHT node of the project's prefix that lets anything pass.
	cfg := netConfig(RoleCamera)
	flooder := newNet(t, cfg)
	if err := connectNets(t, flooder, seed); err != nil {
		t.Fatal(err)
	}
	d, err := dht.New(flooder.Host(), dht.ProtocolPrefix(DHTProtocolPrefix), dht.Mode(dht.ModeClient), dht.Validator(anyValue{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	await(t, "the seed in the flooder's table", func() bool { return d.RoutingTable().Size() == 1 })
	var flood []string
	put := func(key string, value []byte) {
		if err := d.PutValue(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		k, other := ipnsKey(t, byte(10+i))
		parsed, _ := ipns.NameFromString(other)
		unasked := string(parsed.RoutingKey())
		put(unasked, signIPNS(t, ipnsRecord(1), k))
		put("/ipns/"+strings.Repeat("x", i+1), make([]byte, 10<<10))
		put("/anything/"+strings.Repeat("x", i+1), make([]byte, 10<<10))
		flood = append(flood, unasked, "/ipns/"+strings.Repeat("x", i+1), "/anything/"+strings.Repeat("x", i+1))
	}
	mine, _ := ipns.NameFromString(name)
	put(string(mine.RoutingKey()), make([]byte, 10<<10))

	// An honest record still gets through, and is all that the seed has.
	cfg = dhtConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	camera := newNet(t, cfg)
	if err := camera.SetIPNSNames([]string{name}); err != nil {
		t.Fatal(err)
	}
	if _, err := camera.FindIPNS(t.Context(), name); !errors.Is(err, ErrNoDHT) {
		t.Errorf("before Run: %v", err)
	}
	runNet(t, camera)
	await(t, "the seed in the camera's table", func() bool { return camera.Status().DHTServers == 1 })
	if _, err := camera.FindIPNS(t.Context(), name); !errors.Is(err, ErrNoIPNS) {
		t.Errorf("before it was put: %v", err)
	}
	_ = seed.PutIPNS(t.Context(), name, signIPNS(t, ipnsRecord(4), key)) // no other server is there to keep it
	if got, err := camera.FindIPNS(t.Context(), name); err != nil || got.Sequence != 4 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := camera.PutIPNS(t.Context(), name, signIPNS(t, ipnsRecord(5), key)); err != nil {
		t.Error(err)
	}
	if got, err := camera.FindIPNS(t.Context(), name); err != nil || got.Sequence != 5 {
		t.Errorf("renewed: got %+v, %v", got, err)
	}

	// Of the flood nothing is there.
	asker := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, asker, seed); err != nil {
		t.Fatal(err)
	}
	d2, err := dht.New(asker.Host(), dht.ProtocolPrefix(DHTProtocolPrefix), dht.Mode(dht.ModeClient), dht.Validator(anyValue{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d2.Close() }()
	await(t, "the seed in the asker's table", func() bool { return d2.RoutingTable().Size() == 1 })
	for _, key := range flood {
		if got, err := d2.GetValue(t.Context(), key); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("the seed keeps %q: %d bytes, %v", key, len(got), err)
		}
	}
	if _, err := d2.GetValue(t.Context(), string(mine.RoutingKey())); err != nil {
		t.Errorf("a stock node does not find the honest record: %v", err)
	}
}

type anyValue struct{}

func (anyValue) Validate(string, []byte) error        { return nil }
func (anyValue) Select(string, [][]byte) (int, error) { return 0, nil }

func FuzzOpenIPNS(f *testing.F) {
	key, name := ipnsKey(f, 1)
	f.Add(signIPNS(f, ipnsRecord(3), key))
	value, _ := path.NewPath("/ipfs/" + testCID("x").String())
	if rec, err := ipns.NewRecord(key, value, 1, ipnsRecord(1).Validity, time.Hour, ipns.WithPublicKey(true)); err == nil {
		if data, err := ipns.MarshalRecord(rec); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte{})
	genuine := signIPNS(f, ipnsRecord(3), key)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := OpenIPNS(name, data)
		if err != nil {
			if !errors.Is(err, ErrIPNS) || r != nil {
				t.Errorf("got %+v, %v", r, err)
			}
			return
		}
		if r.Sequence>>63 != 0 || len(r.Metadata) > maxIPNSMetadata || r.Validity.IsZero() || len(data) > 10<<10 {
			t.Errorf("accepted %+v", r)
		}
		// Without the key nobody makes another record than those that were seeds.
		if want, _ := OpenIPNS(name, genuine); r.Sequence == want.Sequence && r.Value != want.Value {
			t.Errorf("forged: %+v", r)
		}
	})
}
