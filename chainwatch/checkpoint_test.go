package chainwatch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"camswarm/chainwatch/internal/web"
	"camswarm/verify"
)

func testCheckpoint() Checkpoint {
	return Checkpoint{
		Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{0xaa, 19: 0xbb}},
		Product:  verify.ProductID{1, 31: 2}, Rev: 41, Digest: [32]byte{3, 31: 4}, Block: 1234567, Time: 1_800_000_000,
	}
}

// The bytes on flash outlive the program that wrote them.
func TestCheckpointGolden(t *testing.T) {
	const golden = "a9010102191252035" +
		"4aa000000000000000000000000000000000000bb" +
		"0458200100000000000000000000000000000000000000000000000000000000000002" +
		"051829" +
		"0658200300000000000000000000000000000000000000000000000000000000000004" +
		"071a0012d687081a6b49d200" +
		"0948"
	got := hex.EncodeToString(testCheckpoint().Encode())
	if len(got) != len(golden)+16 || got[:len(golden)] != golden {
		t.Errorf("encoding\n%s, want\n%s and 8 bytes of checksum", got, golden)
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	for _, c := range []Checkpoint{testCheckpoint(), {Rev: 1}, {Rev: maxCount, Block: maxCount, Time: web.ClockCeil, Registry: verify.RegistryRef{ChainID: math.MaxUint64}}} {
		b := c.Encode()
		if got, err := DecodeCheckpoint(b); err != nil || got != c {
			t.Errorf("%+v became %+v: %v", c, got, err)
		}
		if len(b) > maxCheckpoint {
			t.Errorf("%d bytes", len(b))
		}
	}
}

// No single flipped bit, and no cut, passes for a checkpoint.
func TestCheckpointRotIsNoticed(t *testing.T) {
	good := testCheckpoint().Encode()
	for i := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			if _, err := DecodeCheckpoint(b); !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("bit %d of byte %d flipped: error %v", bit, i, err)
			}
		}
		if _, err := DecodeCheckpoint(good[:i]); !errors.Is(err, ErrCheckpoint) {
			t.Fatalf("cut to %d bytes: error %v", i, err)
		}
	}
	for name, b := range map[string][]byte{"appended": append(bytes.Clone(good), 0), "huge": make([]byte, maxCheckpoint+1), "revision 0": Checkpoint{}.Encode(),
		"revision 2^64-1": Checkpoint{Rev: math.MaxUint64}.Encode(), "block 2^64-1": Checkpoint{Rev: 1, Block: math.MaxUint64}.Encode(), "year 2099": Checkpoint{Rev: 1, Time: 4_070_908_800}.Encode()} {
		if _, err := DecodeCheckpoint(b); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A checksum that fits proves nothing: each field has its length and limit.
func TestCheckpointFieldsAreChecked(t *testing.T) {
	encode := func(change func(w *checkpointWire)) []byte {
		c := testCheckpoint()
		w := checkpointWire{
			Version: checkpointVersion, ChainID: 4690, Registry: c.Registry.Address[:], Product: c.Product[:],
			Rev: c.Rev, Digest: c.Digest[:], Block: c.Block, Time: c.Time, Sum: []byte{},
			Doubt: &doubtWire{Rev: 40, Digest: make([]byte, 32), Since: 1_800_000_000, For: 60},
		}
		change(&w)
		sum := sha256.Sum256(must(checkpointEnc.Marshal(w)))
		w.Sum = sum[:8]
		return must(checkpointEnc.Marshal(w))
	}
	for name, c := range map[string]struct {
		change func(w *checkpointWire)
		ok     bool
	}{
		"as it is":                    {func(w *checkpointWire) {}, true},
		"version 2":                   {func(w *checkpointWire) { w.Version = 2 }, false},
		"registry short":              {func(w *checkpointWire) { w.Registry = make([]byte, 19) }, false},
		"registry long":               {func(w *checkpointWire) { w.Registry = make([]byte, 21) }, false},
		"product short":               {func(w *checkpointWire) { w.Product = make([]byte, 31) }, false},
		"product long":                {func(w *checkpointWire) { w.Product = make([]byte, 33) }, false},
		"digest short":                {func(w *checkpointWire) { w.Digest = make([]byte, 31) }, false},
		"digest long":                 {func(w *checkpointWire) { w.Digest = make([]byte, 33) }, false},
		"revision beyond":             {func(w *checkpointWire) { w.Rev = maxCount + 1 }, false},
		"block beyond":                {func(w *checkpointWire) { w.Block = maxCount + 1 }, false},
		"time beyond":                 {func(w *checkpointWire) { w.Time = web.ClockCeil + 1 }, false},
		"doubt, digest short":         {func(w *checkpointWire) { w.Doubt.Digest = make([]byte, 31) }, false},
		"doubt, digest long":          {func(w *checkpointWire) { w.Doubt.Digest = make([]byte, 33) }, false},
		"doubt that is settled":       {func(w *checkpointWire) { w.Doubt.For = seconds(refuteFor) }, true},
		"doubt, longer than may be":   {func(w *checkpointWire) { w.Doubt.For = seconds(refuteFor) + 1 }, false},
		"doubt, revision at a limit":  {func(w *checkpointWire) { w.Doubt.Rev = maxCount }, true},
		"doubt, revision beyond":      {func(w *checkpointWire) { w.Doubt.Rev = maxCount + 1 }, false},
		"doubt, beginning at a limit": {func(w *checkpointWire) { w.Doubt.Since = web.ClockCeil }, true},
		"doubt, beginning beyond":     {func(w *checkpointWire) { w.Doubt.Since = web.ClockCeil + 1 }, false},
	} {
		got, err := DecodeCheckpoint(encode(c.change))
		if (err == nil) != c.ok || !c.ok && (got != Checkpoint{} || !errors.Is(err, ErrCheckpoint)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// More than half must agree, and no more than there are.
func TestQuorumIsMoreThanHalf(t *testing.T) {
	cfg := DefaultConfig()
	cfg.ChainID, cfg.Registry = testRegistry.ChainID, testRegistry.Address.String()
	for i := range maxEndpoints {
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: fmt.Sprintf("https://%d.example", i), Operator: fmt.Sprint("operator ", i)})
	}
	for start, ok := range map[int]bool{maxEndpoints / 2: false, maxEndpoints/2 + 1: true, maxEndpoints: true, maxEndpoints + 1: false} {
		c := cfg
		if c.QuorumStart = start; (c.Validate() == nil) != ok {
			t.Errorf("%d of %d: %v", start, maxEndpoints, c.Validate())
		}
	}
	for name, c := range map[string]struct {
		change func(c *Config)
		ok     bool
	}{
		"shortest timeout": {func(c *Config) { c.Timeout = 100 * time.Millisecond }, true},
		"longest timeout":  {func(c *Config) { c.Timeout = web.CallTimeout }, true},
		"no timeout":       {func(c *Config) { c.Timeout = 100*time.Millisecond - 1 }, false},
		"longer":           {func(c *Config) { c.Timeout = web.CallTimeout + 1 }, false},
		"a minute":         {func(c *Config) { c.MaxStale = time.Minute }, true},
		"less":             {func(c *Config) { c.MaxStale = time.Minute - 1 }, false},
		"one endpoint more": {func(c *Config) {
			c.Endpoints = append(c.Endpoints[:maxEndpoints:maxEndpoints], Endpoint{URL: "https://more.example", Operator: "more"})
		}, false},
	} {
		changed := cfg
		if c.change(&changed); (changed.Validate() == nil) != c.ok {
			t.Errorf("%s: %v", name, changed.Validate())
		}
	}
}

func FuzzDecodeCheckpoint(f *testing.F) {
	f.Add(testCheckpoint().Encode())
	f.Add(Checkpoint{Rev: 1}.Encode())
	f.Add([]byte("\xa1\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCheckpoint(b)
		if err != nil {
			if c != (Checkpoint{}) || !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("%+v with error %v", c, err)
			}
			return
		}
		if !bytes.Equal(c.Encode(), b) {
			t.Fatalf("%x is not what Encode writes", b)
		}
	})
}
