package chainwatch

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/sign"

	"github.com/ethereum/go-ethereum/accounts/abi"
)

const word = 32

// The constant selector and both encoders belong to the committed contract.
func TestCallDataMatchesTheArtefact(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("contracts", "FirmwareRegistry.json"))
	if err != nil {
		t.Fatal(err)
	}
	var artefact struct {
		Contracts map[string]struct {
			ABI abi.ABI `json:"abi"`
		} `json:"contracts"`
	}
	if err := json.Unmarshal(raw, &artefact); err != nil {
		t.Fatal(err)
	}
	parsed := artefact.Contracts["FirmwareRegistry.sol:FirmwareRegistry"].ABI
	if got := parsed.Methods["check"].ID; string(got) != checkSelector {
		t.Errorf("selector %x, the artefact says %x", checkSelector, got)
	}
	want, err := parsed.Pack("check", [32]byte(testProduct), testRegion.Bytes32())
	if err != nil {
		t.Fatal(err)
	}
	if got := EncodeCheck(testProduct, testRegion); !bytes.Equal(got, want) {
		t.Errorf("call data\n%x, want\n%x", got, want)
	}
}

func decode(b []byte) (verify.View, error) {
	return DecodeView(b, testRegistry, testProduct, testRegion)
}

// testKeys are the manufacturer's, one of each kind.
func testKeys(t testing.TB) verify.KeySet {
	t.Helper()
	s := verify.KeySet{Threshold: 2}
	for i, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K} {
		k, err := sign.New(alg, bytes.Repeat([]byte{byte(i + 1)}, 32))
		if err != nil {
			t.Fatal(err)
		}
		s.Keys = append(s.Keys, k.Public())
	}
	return s
}

// fullView uses every member and every limit.
func fullView(t testing.TB) verify.View {
	v := viewAt(99, worldEpoch, release(105), release(104), release(103), release(102), release(101), release(100), release(99), release(7))
	v.Keys, v.Manufacturer = testKeys(t), "did:io:0x00000000000000000000000000000000000000aa"
	v.Barrier, v.MinSequence, v.Paused = 7, 3, true
	for i := range v.Candidates {
		r := &v.Candidates[i].Rollout
		r.Mode, r.NotBefore, r.Start, r.Duration, r.StartBps, r.EndBps = verify.RolloutPercent, 1, 2, 1<<32-1, 100, 10000
		r.Label, r.Halted = strings.Repeat("l", 32), i%2 == 0
		for j := range verify.MaxCanaries {
			r.Canaries = append(r.Canaries, [32]byte{byte(i), byte(j), 0xff})
		}
		v.Candidates[i].Version = strings.Repeat("v", verify.MaxText-i)
	}
	return v
}

func TestDecodeViewReadsWhatTheContractWrites(t *testing.T) {
	for name, v := range map[string]verify.View{
		"empty":    viewAt(1, worldEpoch),
		"one":      viewAt(2, worldEpoch, release(1)),
		"at limit": fullView(t),
	} {
		t.Run(name, func(t *testing.T) {
			b := encodeView(v)
			got, err := decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, v) {
				t.Errorf("got  %+v\nwant %+v", got, v)
			}
			if size := len(`{"jsonrpc":"2.0","id":18446744073709551615,"result":"0x"}`) + 2*len(b); size > maxAnswer {
				t.Errorf("an honest answer takes %d bytes, over the limit of %d", size, maxAnswer)
			}
		})
	}
}

// Random views within the limits are read the same by both decoders.
func TestDecodersAgree(t *testing.T) {
	keys := testKeys(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		v := viewAt(1+r.Uint64N(1<<40), worldEpoch)
		v.Latest = 10 + r.Uint64N(1<<20)
		v.MinSequence, v.Barrier = r.Uint64N(10), r.Uint64N(10)
		v.Paused, v.Keys, v.Manufacturer = r.IntN(2) == 0, keys, "did:io:0x00000000000000000000000000000000000000aa"
		for seq := v.Latest; seq > 0 && len(v.Candidates) < r.IntN(verify.MaxCandidates+1); seq -= min(seq, 1+r.Uint64N(3)) {
			c := release(seq)
			c.Version = strings.Repeat("x", 1+r.IntN(verify.MaxText))
			c.Rollout.Mode, c.Rollout.Label = verify.RolloutMode(r.IntN(4)), strings.Repeat("y", r.IntN(33))
			c.Rollout.EndBps = uint16(r.IntN(10001))
			for range r.IntN(verify.MaxCanaries + 1) {
				c.Rollout.Canaries = append(c.Rollout.Canaries, [32]byte{byte(r.Uint32())})
			}
			v.Candidates = append(v.Candidates, c)
		}
		b := encodeView(v)
		ours, err := decode(b)
		if err != nil {
			t.Fatalf("%+v: %v", v, err)
		}
		theirs, err := registry.DecodeView(b, testRegistry, testProduct, testRegion)
		if err != nil {
			t.Fatal(err)
		}
		if !sameView(ours, theirs) || !sameView(ours, v) {
			t.Fatalf("ours   %+v\ntheirs %+v\nwant   %+v", ours, theirs, v)
		}
	}
}

// sameView compares views, an empty list being the same as none.
func sameView(a, b verify.View) bool {
	for _, v := range []*verify.View{&a, &b} {
		if len(v.Candidates) == 0 {
			v.Candidates = nil
		}
		v.Candidates = append([]verify.Candidate(nil), v.Candidates...)
		for i := range v.Candidates {
			if len(v.Candidates[i].Rollout.Canaries) == 0 {
				v.Candidates[i].Rollout.Canaries = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func TestDecodeViewRefuses(t *testing.T) {
	good := encodeView(viewAt(5, worldEpoch, release(2), release(1)))
	patch := func(word int, value byte, at int) []byte {
		b := bytes.Clone(good)
		b[word*32+at] = value
		return b
	}
	change := func(f func(v *verify.View)) []byte {
		v := viewAt(5, worldEpoch, release(2), release(1))
		f(&v)
		return encodeView(v)
	}
	many := func(n int) (list []verify.Candidate) {
		for i := range n {
			list = append(list, release(uint64(100-i)))
		}
		return list
	}
	for name, b := range map[string][]byte{
		"nothing":              nil,
		"one word":             good[:32],
		"half a word":          good[:len(good)-16],
		"cut short":            good[:len(good)-32],
		"appended":             append(bytes.Clone(good), make([]byte, 32)...),
		"outer offset":         patch(0, 0x40, 31),
		"huge outer offset":    patch(0, 0xff, 0),
		"chain id of 256 bits": patch(1, 1, 0),
		"time of 65 bits":      patch(3, 1, 23),
		"truth value 2":        patch(7, 2, 31),
		"overlapping members":  patch(13, 0xa0, 31),
		"negative offset":      patch(14, 0xff, 24),
		"threshold of 9 bits":  patch(12, 1, 30),
		"huge list":            patch(17, 0xff, 24),
		"revision 0":           change(func(v *verify.View) { v.Rev = 0 }),
		"change after head":    change(func(v *verify.View) { v.RevBlock = v.Block + 1 }),
		"floor above latest":   change(func(v *verify.View) { v.MinSequence = v.Latest + 1 }),
		"barrier above latest": change(func(v *verify.View) { v.Barrier = v.Latest + 1 }),
		"sequence 0":           change(func(v *verify.View) { v.Candidates[1].Sequence = 0 }),
		"sequence twice":       change(func(v *verify.View) { v.Candidates[1].Sequence = 2 }),
		"ascending":            change(func(v *verify.View) { v.Candidates[0].Sequence, v.Candidates[1].Sequence = 1, 2 }),
		"above latest":         change(func(v *verify.View) { v.Candidates[0].Sequence = 3 }),
		"empty image":          change(func(v *verify.View) { v.Candidates[0].ImageSize = 0 }),
		"endless image":        change(func(v *verify.View) { v.Candidates[0].ImageSize = verify.MaxImageSize + 1 }),
		"mode 4":               change(func(v *verify.View) { v.Candidates[0].Rollout.Mode = 4 }),
		"over 100 percent":     change(func(v *verify.View) { v.Candidates[0].Rollout.EndBps = 10001 }),
		"shrinking ramp":       change(func(v *verify.View) { v.Candidates[0].Rollout.StartBps = 1 }),
		"too many candidates":  change(func(v *verify.View) { v.Latest, v.Candidates = 100, many(verify.MaxCandidates+1) }),
		"long version":         change(func(v *verify.View) { v.Candidates[0].Version = strings.Repeat("v", 129) }),
		"long label":           change(func(v *verify.View) { v.Candidates[0].Rollout.Label = strings.Repeat("v", 129) }),
		"65 canaries":          change(func(v *verify.View) { v.Candidates[0].Rollout.Canaries = make([][32]byte, 65) }),
		"17 keys":              encodeView(viewAt(5, worldEpoch), make([][]byte, 17)...),
		"long key":             encodeView(viewAt(5, worldEpoch), make([]byte, 41)),
		"dirty padding": func() []byte {
			b := bytes.Clone(encodeView(viewAt(5, worldEpoch), []byte{1}))
			b[len(b)-33]++
			return b
		}(),
	} {
		if _, err := decode(b); !errors.Is(err, ErrABI) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := DecodeView(good, verify.RegistryRef{ChainID: 1}, testProduct, ""); !errors.Is(err, ErrWrongChain) {
		t.Errorf("wrong chain: error %v", err)
	}
}

// A key set that this program cannot use approves nothing, but a pause beside it
// still arrives.
func TestUnknownKeysDoNotHideAPause(t *testing.T) {
	keys := testKeys(t)
	for name, raw := range map[string][][]byte{
		"unknown kind": {{0x99, 0x01, 2, 3}},
		"twice":        {keys.Keys[0].Bytes(), keys.Keys[0].Bytes()},
		"none":         nil,
	} {
		v := paused(viewAt(5, worldEpoch, release(1)))
		v.Keys, v.Manufacturer = verify.KeySet{Threshold: 1}, "no DID at all"
		got, err := decode(encodeView(v, raw...))
		if err != nil || !got.Paused || !reflect.DeepEqual(got.Keys, verify.KeySet{}) || got.Manufacturer != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Equal but for the head block and its time means equal content, and nothing
// else does.
func TestContentDigestIgnoresOnlyTheHead(t *testing.T) {
	v := fullView(t)
	base := contentDigest(encodeView(v))
	w := v
	w.Block, w.Time = w.Block+1000, w.Time+2500
	if contentDigest(encodeView(w)) != base {
		t.Error("the head counts as content")
	}
	b := encodeView(v)
	for i := 0; i < len(b); i += 7 {
		if i/word == 1+viewBlockNumber || i/word == 1+viewBlockTime {
			continue
		}
		c := bytes.Clone(b)
		c[i] ^= 1
		if contentDigest(c) == base {
			t.Fatalf("byte %d does not count as content", i)
		}
	}
}

// holdToGoEthereum compares the decoder with go-ethereum's: what ours accepts,
// theirs reads the same, and theirs writes back the very bytes. So no two
// encodings of one answer exist, and a digest over bytes is one over values. It
// reports whether ours accepted.
func holdToGoEthereum(t *testing.T, b []byte) bool {
	t.Helper()
	v, err := decode(b)
	if err != nil {
		if !reflect.DeepEqual(v, verify.View{}) || !errors.Is(err, ErrABI) && !errors.Is(err, ErrWrongChain) {
			t.Fatalf("%+v with error %v", v, err)
		}
		return false
	}
	values, err := registryABI.Methods["check"].Outputs.Unpack(b)
	if err != nil {
		t.Fatalf("go-ethereum does not read it: %v", err)
	}
	again, err := registryABI.Methods["check"].Outputs.Pack(values...)
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("not canonical: %v\n%x\n%x", err, b, again)
	}
	if len(v.Keys.Keys) == 0 || v.Manufacturer == "" {
		return true // theirs refuses what ours makes harmless
	}
	theirs, err := registry.DecodeView(b, testRegistry, testProduct, testRegion)
	if err != nil || !sameView(v, theirs) {
		t.Fatalf("ours   %+v\ntheirs %+v\n%v", v, theirs, err)
	}
	return true
}

// Damaged answers, in the ways that matter to a decoder of offsets and lengths.
func TestDamagedViewsAreHeldToGoEthereum(t *testing.T) {
	seeds := [][]byte{
		encodeView(viewAt(1, worldEpoch)),
		encodeView(viewAt(5, worldEpoch, release(2), release(1))),
		encodeView(fullView(t)),
		encodeView(viewAt(5, worldEpoch), []byte{1}, make([]byte, 40), nil),
	}
	r := rand.New(rand.NewPCG(5, 6))
	accepted := 0
	for range 20_000 {
		b := bytes.Clone(seeds[r.IntN(len(seeds))])
		for range 1 + r.IntN(3) {
			if len(b) < 2*word {
				break
			}
			at := r.IntN(len(b)/word) * word
			if r.IntN(2) == 0 {
				at = min(at, r.IntN(40)*word) // heads
			}
			switch r.IntN(6) {
			case 0: // another offset or length
				copy(b[at:], make([]byte, word-2))
				n := r.IntN(len(b) + 64)
				b[at+word-2], b[at+word-1] = byte(n>>8), byte(n)
			case 1:
				b[at+r.IntN(word)] ^= 1 << r.IntN(8)
			case 2:
				b = b[:r.IntN(len(b)+1)]
			case 3: // a word gone
				b = append(b[:at:at], b[at+word:]...)
			case 4: // a word twice
				b = append(b[:at+word:at+word], b[at:]...)
			case 5:
				copy(b[at:at+word], bytes.Repeat([]byte{0xff}, word))
			}
		}
		if holdToGoEthereum(t, b) {
			accepted++
		}
	}
	if accepted < 100 {
		t.Errorf("only %d damaged views were still acceptable: the test compares nothing", accepted)
	}
}

func FuzzDecodeView(f *testing.F) {
	f.Add(encodeView(viewAt(1, worldEpoch)))
	f.Add(encodeView(viewAt(5, worldEpoch, release(2), release(1))))
	f.Add(encodeView(fullView(f)))
	f.Add(encodeView(viewAt(5, worldEpoch), []byte{1}, make([]byte, 40), nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) { holdToGoEthereum(t, b) })
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":7,"result":"0x1"}`,
		`{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"no"}}`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"slow down","data":{}}}`,
		`{"id":7,"jsonrpc":"2.0","result":{"a":[1,2,3]},"x":null}`,
		`[{"jsonrpc":"2.0","id":7,"result":"0x1"}]`,
		`{"jsonrpc":"2.0","id":7,"result":"0x1"} {}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, err := decodeAnswer(b, 7)
		if err != nil {
			if verify.AttackName(err) == "" || verify.IsHard(err) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var whole map[string]json.RawMessage
		if json.Unmarshal(b, &whole) != nil || !json.Valid(raw) {
			t.Fatalf("accepted %q", b)
		}
		if data, err := parseData(raw); err == nil && len(data) > 0 {
			if again := hexJSON(data); !strings.EqualFold(string(again), string(raw)) && !strings.Contains(string(raw), `\`) {
				t.Fatalf("%s became %s", raw, again)
			}
		}
		if n, err := ParseQuantity(raw); err == nil {
			var s string
			_ = json.Unmarshal(raw, &s)
			if h := strings.TrimLeft(strings.ToLower(s[2:]), "0"); h != strings.TrimLeft(hex.EncodeToString([]byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), "0") {
				t.Fatalf("%s became %d", raw, n)
			}
		}
	})
}
