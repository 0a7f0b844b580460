package node_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/files"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs/file"
	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

func newIPNSKey(t testing.TB) (crypto.PrivKey, string) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, err := p2p.IPNSName(key.GetPublic())
	if err != nil {
		t.Fatal(err)
	}
	return key, name
}

// named builds a release whose manifest names an IPNS record.
func named(t testing.TB, a *localnet.Authority, path string, seq uint64, name string) *localnet.Release {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := verify.DescribeImage(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := localnet.Sign(&verify.Manifest{
		Product: a.Product, Sequence: seq, Version: "1." + strings.Repeat("0", int(seq)), Image: info,
		Component: "firmware", Registry: a.Registry.Ref(), IPNSName: name,
	}, path, a.Signers[:a.Keys.Threshold]...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// record signs the record of a release, changed as a test wants it.
func record(t testing.TB, r *localnet.Release, key crypto.PrivKey, now time.Time, change func(*p2p.IPNSRecord)) []byte {
	t.Helper()
	rec, err := node.NewIPNSRecord(r.Manifest, r.Envelope, verify.FileRef{}, now, 7*24*time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&rec)
	}
	data, err := rec.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func ipnsState(m *localnet.Member) control.IPNSState {
	if s := m.Node.Status().Products[0].IPNS; s != nil {
		return s.State
	}
	return ""
}

func (s *swarm) untilIPNS(want control.IPNSState, members ...*localnet.Member) {
	s.t.Helper()
	for _, m := range members {
		s.until(m.Name+" says of IPNS: "+string(want), func() bool { return ipnsState(m) == want })
	}
}

// stock is a host with a stock DHT client of the project's prefix.
func (s *swarm) stock(validator interface {
	Validate(string, []byte) error
	Select(string, [][]byte) (int, error)
}) (*dht.IpfsDHT, *bitswap.Bitswap, blockstore.Blockstore) {
	s.t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	s.must(err)
	s.t.Cleanup(func() { _ = h.Close() })
	addrs, err := s.Seed.Addrs()
	s.must(err)
	for _, a := range addrs {
		info, err := peer.AddrInfoFromP2pAddr(ma.StringCast(a))
		s.must(err)
		s.must(h.Connect(s.ctx, *info))
	}
	d, err := dht.New(h, dht.ProtocolPrefix(p2p.DHTProtocolPrefix), dht.Mode(dht.ModeClient), dht.Validator(validator))
	s.must(err)
	s.t.Cleanup(func() { _ = d.Close() })
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	bs := bitswap.New(s.ctx, bsnet.NewFromIpfsHost(h), nil, store)
	s.t.Cleanup(func() { _ = bs.Close() })
	s.until("the seed is in the stock node's table", func() bool { return d.RoutingTable().Size() > 0 })
	return d, bs, store
}

// `ipfs get /ipns/NAME` works: a stock node finds the record on the DHT with its
// own validator, and reads image and envelope from the directory that it points
// to, over stock bitswap. Cameras find the record too and agree with it.
func TestStockIPFSGetsTheReleaseByItsName(t *testing.T) {
	s := startSwarm(t, 1, nil)
	key, name := newIPNSKey(t)
	r := named(t, &s.Authority, s.image(1, 1_000_000), 1, name)
	ctx := s.ctx
	good := record(t, r, key, time.Now(), nil)
	if _, err := s.Seed.Node.PublishIPNS(ctx, name, good); !errors.Is(err, control.ErrUnknownName) {
		t.Errorf("before the release: %v", err)
	}
	s.must(s.Publish(ctx, r, verify.Rollout{Mode: verify.RolloutPaused}))
	s.until("the seed holds the release", func() bool { return s.Seed.Node.Status().Products[0].IPNS != nil })

	// Only what is right in all is taken.
	other, otherName := newIPNSKey(t)
	for what, bad := range map[string][]byte{
		"empty": nil, "of another key": record(t, r, other, time.Now(), nil),
		"ended":            record(t, r, key, time.Now(), func(r *p2p.IPNSRecord) { r.Validity = time.Now().Add(-time.Hour) }),
		"of another image": record(t, r, key, time.Now(), func(r *p2p.IPNSRecord) { r.Metadata["_sha256"] = make([]byte, 32) }),
		"pointing elsewhere": record(t, r, key, time.Now(), func(r *p2p.IPNSRecord) {
			r.Value = "/ipfs/bafkqaaa"
		}),
		"of another product":  record(t, r, key, time.Now(), func(r *p2p.IPNSRecord) { r.Metadata["_product"] = "acme.example/cam-2" }),
		"of the next release": record(t, r, key, time.Now(), func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = int64(2) }),
	} {
		if out, err := s.Seed.Node.PublishIPNS(ctx, name, bad); err == nil {
			t.Errorf("a record that is %s was taken: %+v", what, out)
		}
	}
	if _, err := s.Seed.Node.PublishIPNS(ctx, otherName, record(t, r, other, time.Now(), nil)); !errors.Is(err, control.ErrUnknownName) {
		t.Errorf("another name: %v", err)
	}
	out, err := s.Seed.Node.PublishIPNS(ctx, name, good)
	s.must(err)
	if out.Release != 1 || out.Name != name || out.Sequence>>32 != 1 {
		t.Errorf("published %+v", out)
	}
	s.rollout(1, toAll)
	s.untilAllRun(1)
	s.untilIPNS(control.IPNSOK, s.Seed, s.Cameras[0])

	d, bs, store := s.stock(ipns.Validator{})
	parsed, err := ipns.NameFromString(name)
	s.must(err)
	data, err := d.GetValue(ctx, string(parsed.RoutingKey()))
	s.must(err)
	rec, err := ipns.UnmarshalRecord(data)
	s.must(err)
	value, err := rec.Value()
	s.must(err)
	root, err := cid.Decode(strings.TrimPrefix(value.String(), "/ipfs/"))
	s.must(err)
	dag := merkledag.NewDAGService(blockservice.New(store, bs))
	nd, err := dag.Get(ctx, root)
	s.must(err)
	dir, err := unixfile.NewUnixfsFile(ctx, dag, nd)
	s.must(err)
	image, err := os.ReadFile(r.Path)
	s.must(err)
	want := map[string][]byte{"image": image, "envelope.cbor": r.Envelope}
	for entries := dir.(files.Directory).Entries(); entries.Next(); {
		got, err := io.ReadAll(entries.Node().(files.File))
		if err != nil || !bytes.Equal(got, want[entries.Name()]) {
			t.Errorf("%s: %d bytes, %v", entries.Name(), len(got), err)
		}
		delete(want, entries.Name())
	}
	if len(want) > 0 {
		t.Errorf("not in the directory: %d files", len(want))
	}

	// A seed that restarts still has the record: servers forget, publishers sleep.
	s.must(s.Seed.Stop())
	s.must(s.Seed.Start(ctx))
	s.until("the seed keeps the record after a restart", func() bool {
		p := s.Seed.Node.Status().Products[0]
		return p.IPNS != nil && p.IPNS.State == control.IPNSOK && !p.IPNS.KeptUntil.IsZero()
	})

	// The next release without a renewed record is no alarm, and waits for nobody.
	second := named(t, &s.Authority, s.image(2, 300_000), 2, name)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.untilIPNS(control.IPNSBehind, s.Cameras[0])
	if alarms := s.Cameras[0].Node.Status().Alarms; len(alarms) > 0 {
		t.Errorf("alarms %+v", alarms)
	}
}

// anything is the validator of a peer that stores what it likes.
type anything struct{}

func (anything) Validate(string, []byte) error        { return nil }
func (anything) Select(string, [][]byte) (int, error) { return 0, nil }

// Somebody has the IPNS key and puts a record with the highest of all sequences,
// of a release far beyond every honest one and with an image of his own. Nobody
// can ever replace the record, and nothing comes of it: the approved release is
// installed, the attack is named, and the next release gets through with another
// name.
func TestThreatIPNSSequenceFastForward(t *testing.T) {
	s := startSwarm(t, 2, nil)
	key, name := newIPNSKey(t)
	first := named(t, &s.Authority, s.image(1, 300_000), 1, name)
	s.must(s.Publish(s.ctx, first, verify.Rollout{Mode: verify.RolloutPaused}))
	s.until("the seed knows the name", func() bool { return s.Seed.Node.Status().Products[0].IPNS != nil })

	d, _, _ := s.stock(anything{})
	parsed, err := ipns.NameFromString(name)
	s.must(err)
	rogue := record(t, first, key, time.Now(), func(r *p2p.IPNSRecord) {
		r.Sequence, r.Value = 1<<63-1, "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
		r.Metadata["_sequence"], r.Metadata["_sha256"] = int64(1)<<62, make([]byte, 32)
	})
	s.must(d.PutValue(s.ctx, string(parsed.RoutingKey()), rogue))

	s.rollout(1, toAll)
	s.untilAllRun(1)
	for _, c := range s.Cameras {
		s.untilIPNS(control.IPNSMismatch, c)
		s.slotIs(c, first)
		if n := s.metric(c.Name, "camswarm_pipeline_refusals_total", "ipns", "ipns_sequence_fast_forward"); n == 0 {
			t.Errorf("%s: no metric names the attack", c.Name)
		}
		alarms := c.Node.Status().Alarms
		if len(alarms) != 1 || alarms[0].Name != "ipns_mismatch" || !strings.Contains(alarms[0].Message, name) {
			t.Errorf("%s: alarms %+v", c.Name, alarms)
		}
	}
	// The honest record cannot replace it on the DHT, which the publisher is told.
	out, err := s.Seed.Node.PublishIPNS(s.ctx, name, record(t, first, key, time.Now(), nil))
	if err != nil || out.OnDHT || out.Note == "" {
		t.Errorf("published %+v, %v", out, err)
	}

	key2, name2 := newIPNSKey(t)
	second := named(t, &s.Authority, s.image(2, 300_000), 2, name2)
	s.must(s.Publish(s.ctx, second, verify.Rollout{Mode: verify.RolloutPaused}))
	s.until("the seed holds release 2", func() bool {
		p := s.Seed.Node.Status().Products[0]
		return p.IPNS != nil && p.IPNS.Release == 2
	})
	_, err = s.Seed.Node.PublishIPNS(s.ctx, name2, record(t, second, key2, time.Now(), nil))
	s.must(err)
	s.must(s.SetRollout(s.ctx, 2, toAll))
	s.must(s.Announce(s.ctx, second))
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.untilIPNS(control.IPNSOK, c)
		s.slotIs(c, second)
		if alarms := c.Node.Status().Alarms; len(alarms) > 0 {
			t.Errorf("%s: alarms remain: %+v", c.Name, alarms)
		}
	}
}

// Records whose facts and times are of every kind, against one release.
func TestCheckIPNS(t *testing.T) {
	const now = 1_800_000_000
	image, err := verify.DescribeImage(strings.NewReader(strings.Repeat("firmware", 10_000)), verify.MinBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	m := &verify.Manifest{Product: verify.Product{Vendor: "acme.example", Name: "cam-1"}, Sequence: 7, Image: image}
	envelope := []byte("the envelope")
	document := verify.FileRef{SHA256: [32]byte{1}, Size: 500}
	for what, c := range map[string]struct {
		change func(*p2p.IPNSRecord)
		want   control.IPNSState
		attack string
	}{
		"right":                 {nil, control.IPNSOK, ""},
		"points to the image":   {func(r *p2p.IPNSRecord) { r.Value = "/ipfs/" + image.Root.String() }, control.IPNSOK, ""},
		"ended a second ago":    {func(r *p2p.IPNSRecord) { r.Validity = time.Unix(now-1, 0) }, control.IPNSExpired, ""},
		"ends now":              {func(r *p2p.IPNSRecord) { r.Validity = time.Unix(now, 0) }, control.IPNSOK, ""},
		"ended in year 0":       {func(r *p2p.IPNSRecord) { r.Validity = time.Time{} }, control.IPNSExpired, ""},
		"older release":         {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = int64(6) }, control.IPNSBehind, ""},
		"older release, ended":  {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"], r.Validity = int64(6), time.Unix(1, 0) }, control.IPNSExpired, ""},
		"next release":          {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = int64(8) }, control.IPNSAhead, ""},
		"far release":           {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = int64(7 + verify.MaxLead + 1) }, control.IPNSMismatch, "ipns_sequence_fast_forward"},
		"sequence of the far":   {func(r *p2p.IPNSRecord) { r.Sequence = 1<<63 - 1 }, control.IPNSMismatch, "ipns_sequence_fast_forward"},
		"no metadata":           {func(r *p2p.IPNSRecord) { r.Metadata = nil }, control.IPNSMismatch, "ipns_mismatch"},
		"negative release":      {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = int64(-1) }, control.IPNSMismatch, "ipns_mismatch"},
		"release as text":       {func(r *p2p.IPNSRecord) { r.Metadata["_sequence"] = "7" }, control.IPNSMismatch, "ipns_mismatch"},
		"other product":         {func(r *p2p.IPNSRecord) { r.Metadata["_product"] = "acme.example/cam-2" }, control.IPNSMismatch, "ipns_mismatch"},
		"other envelope":        {func(r *p2p.IPNSRecord) { r.Metadata["_envelope"] = make([]byte, 32) }, control.IPNSMismatch, "ipns_mismatch"},
		"short envelope":        {func(r *p2p.IPNSRecord) { r.Metadata["_envelope"] = []byte{1} }, control.IPNSMismatch, "ipns_mismatch"},
		"other image":           {func(r *p2p.IPNSRecord) { r.Metadata["_sha256"] = make([]byte, 32) }, control.IPNSMismatch, "ipns_mismatch"},
		"other image and ended": {func(r *p2p.IPNSRecord) { r.Metadata["_sha256"], r.Validity = make([]byte, 32), time.Unix(1, 0) }, control.IPNSMismatch, "ipns_mismatch"},
		"points elsewhere":      {func(r *p2p.IPNSRecord) { r.Value = "/ipfs/bafkqaaa" }, control.IPNSMismatch, "ipns_mismatch"},
		"other document":        {func(r *p2p.IPNSRecord) { r.Metadata["_document"] = make([]byte, 32) }, control.IPNSMismatch, "ipns_mismatch"},
		"document without size": {func(r *p2p.IPNSRecord) { delete(r.Metadata, "_documentSize") }, control.IPNSMismatch, "ipns_mismatch"},
		"document of 4 GB":      {func(r *p2p.IPNSRecord) { r.Metadata["_documentSize"] = int64(4 << 30) }, control.IPNSMismatch, "ipns_mismatch"},
	} {
		r, err := node.NewIPNSRecord(m, envelope, document, time.Unix(now, 0), time.Hour, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(&r)
		}
		got, err := node.CheckIPNS(m, envelope, &r, now)
		if got != c.want || (err == nil) != (got == control.IPNSOK) || verify.AttackName(err) != c.attack {
			t.Errorf("%s: %s, %v; want %s", what, got, err, c.want)
		}
	}
	if _, err := node.NewIPNSRecord(m, envelope, document, time.Unix(-5, 0), time.Hour, time.Minute); err == nil {
		t.Error("a record was made before 1970")
	}
	later, _ := node.IPNSSequence(7, time.Unix(now+1, 0))
	sooner, _ := node.IPNSSequence(7, time.Unix(now, 0))
	next, _ := node.IPNSSequence(8, time.Unix(1, 0))
	if !(sooner < later && later < next) {
		t.Errorf("sequences %d, %d, %d do not rise", sooner, later, next)
	}
}

// Whatever a record says, only one that says exactly what the release is passes.
func FuzzCheckIPNS(f *testing.F) {
	const now = 1_800_000_000
	image, err := verify.DescribeImage(strings.NewReader("firmware"), 0)
	if err != nil {
		f.Fatal(err)
	}
	m := &verify.Manifest{Product: verify.Product{Vendor: "acme.example", Name: "cam-1"}, Sequence: 7, Image: image}
	envelope := []byte("the envelope")
	good, err := node.NewIPNSRecord(m, envelope, verify.FileRef{}, time.Unix(now, 0), time.Hour, 0)
	if err != nil {
		f.Fatal(err)
	}
	digest, sum := good.Metadata["_envelope"].([]byte), good.Metadata["_sha256"].([]byte)
	f.Add(good.Value, good.Sequence, int64(now), "acme.example/cam-1", int64(7), digest, sum, []byte(nil), int64(0))
	f.Add(good.Value, uint64(1)<<63, int64(-1)<<62, "", int64(-1)<<63, []byte{1}, sum, digest, int64(1)<<40)
	f.Fuzz(func(t *testing.T, value string, sequence uint64, validity int64, product string, release int64, env, img, doc []byte, size int64) {
		r := p2p.IPNSRecord{Value: value, Sequence: sequence, Validity: time.Unix(validity, 0), Metadata: map[string]any{
			"_product": product, "_sequence": release, "_envelope": env, "_sha256": img,
		}}
		if len(doc) > 0 {
			r.Metadata["_document"], r.Metadata["_documentSize"] = doc, size
		}
		state, err := node.CheckIPNS(m, envelope, &r, now)
		if (state == control.IPNSOK) != (err == nil) {
			t.Errorf("%s with %v", state, err)
		}
		if state == control.IPNSOK && (release != 7 || !bytes.Equal(env, digest) || !bytes.Equal(img, sum) || validity < now || product != m.Product.String() ||
			sequence>>32 > 7+verify.MaxLead || len(doc) == 0 && value != good.Value && value != "/ipfs/"+image.Root.String()) {
			t.Errorf("passed: %+v", r)
		}
	})
}
