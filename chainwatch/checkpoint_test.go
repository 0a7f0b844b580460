package chainwatch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"

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
