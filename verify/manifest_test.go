package verify_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipfs/go-cid"

	"camswarm/verify"
)

func fullManifest(t testing.TB) *verify.Manifest {
	m := newMaker(t).manifest(t, 7, testImage(3*verify.MinBlockSize+1))
	m.Hardware = []string{"rev B", "rev-A", "ревизия"}
	m.MinSequence = 5
	m.Expires = 1_900_000_000
	m.IPNSName = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8"
	m.Origins = []verify.Origin{{URL: "https://fw.acme.example/cam-1/{sequence}.bin"}, {Region: "eu", URL: "https://eu.acme.example/{sha256}"}}
	m.Seeds = []verify.Seed{{Addr: "/dns4/seed.acme.example/tcp/4417" + seedID}, {Region: "eu", Addr: "/ip6/2001:db8::1/udp/4417/quic-v1" + seedID}}
	return m
}

const seedID = "/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"

func TestManifestComesBackWhole(t *testing.T) {
	for name, m := range map[string]*verify.Manifest{
		"every field":    fullManifest(t),
		"least manifest": newMaker(t).manifest(t, 1, []byte{1}),
	} {
		b, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := verify.DecodeManifest(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%s: comes back as %+v, want %+v", name, got, m)
		}
	}
}

// Every field is checked when a manifest is made and when it is read, here by
// changing one field of the encoded map.
func TestManifestFieldsAreChecked(t *testing.T) {
	good, err := fullManifest(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", verify.MaxText+1)
	manyRevisions := make([]string, verify.MaxHardware+1)
	for i := range manyRevisions {
		manyRevisions[i] = strings.Repeat("r", i+1)
	}
	one := bytes.Repeat([]byte{1}, 32)
	for name, c := range map[string]struct {
		key    int
		value  any // nil: the key is absent
		attack string
	}{
		"format absent":             {1, nil, "malformed"},
		"format 0":                  {1, 0, "malformed"},
		"format 2":                  {1, 2, "malformed"},
		"vendor upper case":         {2, "Tenvis.com", "malformed"},
		"vendor absent":             {2, nil, "malformed"},
		"name with slash":           {3, "a/b", "malformed"},
		"hardware empty list":       {4, []string{}, "malformed"},
		"hardware twice":            {4, []string{"a", "b", "a"}, "malformed"},
		"hardware empty text":       {4, []string{""}, "malformed"},
		"hardware too long":         {4, []string{long}, "malformed"},
		"hardware too many":         {4, manyRevisions, "malformed"},
		"hardware is a text":        {4, "rev B", "malformed"},
		"sequence 0":                {5, 0, "malformed"},
		"sequence negative":         {5, -1, "malformed"},
		"sequence float":            {5, 7.0, "malformed"},
		"sequence null":             {5, cbor.RawMessage{0xf6}, "malformed"},
		"sequence in long form":     {5, cbor.RawMessage{0x18, 0x07}, "malformed"},
		"sequence text":             {5, "7", "malformed"},
		"sequence bignum":           {5, cbor.RawMessage{0xc2, 0x41, 0x07}, "malformed"},
		"version empty":             {6, "", "malformed"},
		"version too long":          {6, long, "malformed"},
		"version newline":           {6, "1.0\nHALT", "malformed"},
		"version escape":            {6, "1.0\x1b[2J", "malformed"},
		"version right-to-left":     {6, "1.0\u202e", "malformed"},
		"version zero-width":        {6, "1\u200b.0", "malformed"},
		"version not UTF-8":         {6, cbor.RawMessage{0x62, 0xc3, 0x28}, "malformed"},
		"version bytes":             {6, []byte("1.0"), "malformed"},
		"minimum over own sequence": {7, 8, "malformed"},
		"minimum is own sequence":   {7, 7, "malformed"},
		"minimum 0 written out":     {7, 0, "malformed"},
		"size 0":                    {8, 0, "malformed"},
		"size over the limit":       {8, uint64(verify.MaxImageSize + 1), "malformed"},
		"size huge":                 {8, uint64(1<<64 - 1), "malformed"},
		"size of one block less":    {8, 3 * verify.MinBlockSize, "malformed"},
		"size of one block more":    {8, 5 * verify.MinBlockSize, "malformed"},
		"size of other last block":  {8, 3*verify.MinBlockSize + 2, "unixfs_bomb"},
		"sha256 short":              {9, one[:31], "malformed"},
		"sha256 long":               {9, append(one, 0), "malformed"},
		"sha256 absent":             {9, nil, "malformed"},
		"block size 0":              {10, 0, "malformed"},
		"block size odd":            {10, verify.MinBlockSize + 1, "malformed"},
		"block size below minimum":  {10, verify.MinBlockSize / 2, "malformed"},
		"block size over maximum":   {10, verify.MaxBlockSize * 2, "malformed"},
		"block size over 32 bits":   {10, uint64(1 << 40), "malformed"},
		"blocks ragged":             {11, bytes.Repeat(one, 4)[1:], "malformed"},
		"blocks absent":             {11, nil, "malformed"},
		"blocks one less":           {11, bytes.Repeat(one, 3), "malformed"},
		"blocks one more":           {11, bytes.Repeat(one, 5), "malformed"},
		"root no CID":               {12, []byte{1, 2, 3}, "malformed"},
		"root absent":               {12, nil, "malformed"},
		"component empty":           {13, "", "malformed"},
		"component a path":          {13, "../firmware", "malformed"},
		"expires 0 written out":     {14, 0, "malformed"},
		"chain id 0":                {15, 0, "malformed"},
		"registry zero":             {16, make([]byte, 20), "malformed"},
		"registry short":            {16, one[:19], "malformed"},
		"registry as text":          {16, "0xab", "malformed"},
		"IPNS name empty":           {17, "", "malformed"},
		"IPNS name too long":        {17, long, "malformed"},
		"origins a text":            {18, "https://a.example/x", "malformed"},
		"origins empty":             {18, []any{}, "malformed"},
		"origin of one part":        {18, []any{[]any{"https://a.example/x"}}, "malformed"},
		"origin of three parts":     {18, []any{[]any{"", "https://a.example/x", ""}}, "malformed"},
		"origin not encrypted":      {18, []any{[]any{"", "http://a.example/x"}}, "malformed"},
		"origin with a blank":       {18, []any{[]any{"", "https://a.example/ x"}}, "malformed"},
		"origin with a bad region":  {18, []any{[]any{"e u", "https://a.example/x"}}, "malformed"},
		"origin too long":           {18, []any{[]any{"", "https://a.example/" + strings.Repeat("x", verify.MaxOriginURL)}}, "malformed"},
		"origin twice":              {18, []any{[]any{"", "https://a.example/x"}, []any{"", "https://a.example/x"}}, "malformed"},
		"origins too many":          {18, nineOrigins(), "malformed"},
		"seeds a text":              {19, "/ip4/192.0.2.1/tcp/1" + seedID, "malformed"},
		"seeds empty":               {19, []any{}, "malformed"},
		"seed of one part":          {19, []any{[]any{"/ip4/192.0.2.1/tcp/1" + seedID}}, "malformed"},
		"seed without a peer id":    {19, []any{[]any{"", "/ip4/192.0.2.1/tcp/1"}}, "malformed"},
		"seed that is no address":   {19, []any{[]any{"", "192.0.2.1:1" + seedID}}, "malformed"},
		"seed with a blank":         {19, []any{[]any{"", "/ip4/192.0.2.1/tcp/1 " + seedID}}, "malformed"},
		"seed with a bad region":    {19, []any{[]any{"e u", "/ip4/192.0.2.1/tcp/1" + seedID}}, "malformed"},
		"seed twice":                {19, []any{[]any{"", "/ip4/192.0.2.1/tcp/1" + seedID}, []any{"", "/ip4/192.0.2.1/tcp/1" + seedID}}, "malformed"},
		"unknown field":             {20, 1, "malformed"},
		"negative key":              {-1, 1, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := withField(t, good, c.key, c.value)
			_, err := verify.DecodeManifest(b)
			wantRefusal(t, err, c.attack, true)
		})
	}
}

// What stands at a limit is honest.
func TestManifestAtItsLimits(t *testing.T) {
	m := fullManifest(t)
	m.Origins, m.Seeds = nil, nil
	for i := range verify.MaxOrigins {
		url := fmt.Sprintf("https://a.example/~%d", i)
		m.Origins = append(m.Origins, verify.Origin{URL: url + strings.Repeat("~", verify.MaxOriginURL-len(url))})
	}
	addr := "/dns4/~" + strings.Repeat("a", verify.MaxSeedAddr-len("/dns4/~/tcp/1"+seedID)) + "/tcp/1" + seedID
	m.Seeds = []verify.Seed{{Addr: addr}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := verify.DecodeManifest(b); err != nil || len(again.Origins) != verify.MaxOrigins || again.Seeds[0].Addr != addr {
		t.Errorf("comes back as %+v, %v", again, err)
	}
}

// withField replaces one field of an encoded manifest; nil leaves it out.
func withField(t *testing.T, good []byte, key int, value any) []byte {
	t.Helper()
	var fields map[int]cbor.RawMessage
	if err := cbor.Unmarshal(good, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, key)
	if value != nil {
		raw, err := cbor.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fields[key] = raw
	}
	b, err := sorted.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(b, good) {
		t.Fatal("the test changes nothing")
	}
	return b
}

// A root under which more, or something else, hangs than the listed blocks: it
// is computed, never walked.
func TestThreatUnixFSBomb(t *testing.T) {
	good, err := fullManifest(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key   int
		value any
	}{
		"other blocks":  {11, bytes.Repeat(make([]byte, 32), 4)},
		"other root":    {12, verify.RawCID([32]byte{1}).Bytes()},
		"identity root": {12, cid.NewCidV1(cid.DagProtobuf, append([]byte{0, 4}, 1, 2, 3, 4)).Bytes()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.DecodeManifest(withField(t, good, c.key, c.value))
			wantRefusal(t, err, verify.AttackUnixFSBomb, true)
		})
	}
}

func TestManifestHasOneEncoding(t *testing.T) {
	good, err := fullManifest(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if good[0] != 0xa0|19 || good[1] != 1 || good[2] != 1 || good[3] != 2 {
		t.Fatalf("manifest begins %x, this test expects a map of 19 pairs", good[:4])
	}
	for name, b := range map[string][]byte{
		"trailing byte":        append(bytes.Clone(good), 0),
		"cut":                  good[:len(good)-1],
		"empty":                {},
		"null":                 {0xf6},
		"array":                {0x80},
		"indefinite map":       slices.Concat([]byte{0xbf}, good[1:], []byte{0xff}),
		"long form of the map": slices.Concat([]byte{0xb8, 19}, good[1:]),
		"long form of a key":   slices.Concat(good[:1], []byte{0x18, 1}, good[2:]),
		"key twice":            slices.Concat([]byte{0xa0 | 20}, []byte{1, 1}, good[1:]),
		"keys out of order":    slices.Concat(good[:1], good[3:], good[1:3]),
		"tagged":               append([]byte{0xd9, 0xd9, 0xf7}, good...),
		"text key":             slices.Concat(good[:1], []byte{0x61, '1'}, good[2:]),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.DecodeManifest(b)
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
	_, err = verify.DecodeManifest(make([]byte, verify.MaxManifestSize+1))
	wantRefusal(t, err, verify.AttackEndlessData, true)
}

func TestManifestThatWouldBeRefusedIsNotMade(t *testing.T) {
	for name, spoil := range map[string]func(*verify.Manifest){
		"zero manifest": func(m *verify.Manifest) { *m = verify.Manifest{} },
		"no version":    func(m *verify.Manifest) { m.Version = "" },
		"no component":  func(m *verify.Manifest) { m.Component = "" },
		"no root":       func(m *verify.Manifest) { m.Image.Root = cid.Undef },
		"other block":   func(m *verify.Manifest) { m.Image.Blocks[0][0] ^= 1 },
		"no blocks":     func(m *verify.Manifest) { m.Image.Blocks = nil },
	} {
		m := fullManifest(t)
		spoil(m)
		if _, err := m.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// TestThreatSeedListHuge: a list that would fill a camera's connections, memory or
// flash is refused with its manifest, also when it is signed.
func TestThreatSeedListHuge(t *testing.T) {
	good, err := fullManifest(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	seeds := func(n, size int) (out []any) {
		for i := range n {
			addr := fmt.Sprintf("/dns4/%d", i)
			out = append(out, []any{"", addr + strings.Repeat("x", size-len(addr)-len(seedID)) + seedID})
		}
		return out
	}
	most := withField(t, good, 19, seeds(verify.MaxSeeds, verify.MaxSeedAddr))
	if m, err := verify.DecodeManifest(most); err != nil || len(m.Seeds) != verify.MaxSeeds {
		t.Errorf("the longest list: %v", err)
	}
	m := fullManifest(t)
	m.Seeds = nil
	for i := range verify.MaxSeeds + 1 {
		m.Seeds = append(m.Seeds, verify.Seed{Addr: fmt.Sprintf("/dns4/%d", i) + seedID})
	}
	if _, err := m.Encode(); err == nil {
		t.Error("a list that no device reads was encoded")
	}
	for name, list := range map[string][]any{"many": seeds(verify.MaxSeeds+1, 100), "long": seeds(1, verify.MaxSeedAddr+1)} {
		_, err := verify.DecodeManifest(withField(t, good, 19, list))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		wantRefusal(t, err, "malformed", true)
	}
}

func nineOrigins() (out []any) {
	for i := range verify.MaxOrigins + 1 {
		out = append(out, []any{"", fmt.Sprintf("https://a.example/%d", i)})
	}
	return out
}
