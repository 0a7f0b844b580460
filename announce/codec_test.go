package announce

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"camswarm/verify"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden are the wire bytes that docs/FORMAT.md shows.
var golden = map[string]Announcement{
	"release": {
		Product: verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}.ID(), Sequence: 7, Rev: 300, Block: 28_000_000,
		Envelope: []byte("envelope"),
	},
	"hint": {Product: verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}.ID(), Rev: 1},
}

func TestGoldenBytes(t *testing.T) {
	for name, a := range golden {
		file := filepath.Join("testdata", name+".hex")
		got := encode(t, a)
		if *update {
			if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSpace(string(text)); hex.EncodeToString(got) != want {
			t.Errorf("%s: encodes to %x, want %s", name, got, want)
		}
		back, err := Decode(got)
		if err != nil {
			t.Fatal(err)
		}
		if back.Product != a.Product || back.Sequence != a.Sequence || back.Rev != a.Rev || back.Block != a.Block || !bytes.Equal(back.Envelope, a.Envelope) {
			t.Errorf("%s: decodes to %+v", name, back)
		}
	}
}

func TestDecodeIsStrict(t *testing.T) {
	good := encode(t, golden["hint"]) // 86 01 5820 <32> 00 01 00 40
	if len(good) != 40 {
		t.Fatalf("a hint has %d bytes", len(good))
	}
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for name, b := range map[string][]byte{
		"empty":             {},
		"trailing byte":     append(bytes.Clone(good), 0),
		"cut short":         good[:39],
		"version 2":         change(func(b []byte) []byte { b[1] = 2; return b }),
		"five items":        change(func(b []byte) []byte { b[0] = 0x85; return b[:39] }),
		"seven items":       change(func(b []byte) []byte { b[0] = 0x87; return append(b, 0) }),
		"a map":             change(func(b []byte) []byte { b[0] = 0xa6; return b }),
		"endless array":     change(func(b []byte) []byte { b[0] = 0x9f; return append(b, 0xff) }),
		"tagged":            append([]byte{0xd9, 0xd9, 0xf7}, good...),
		"product of 31":     change(func(b []byte) []byte { b[3] = 31; return append(b[:4], b[5:]...) }),
		"product of 33":     change(func(b []byte) []byte { b[3] = 33; return append(b[:4], append([]byte{1}, b[4:]...)...) }),
		"product as text":   change(func(b []byte) []byte { b[2] = 0x78; clear(b[4:36]); return b }),
		"rev 0":             change(func(b []byte) []byte { b[37] = 0; return b }),
		"negative rev":      change(func(b []byte) []byte { b[37] = 0x20; return b }),
		"rev as float":      change(func(b []byte) []byte { return append(b[:37], 0xf9, 0x3c, 0x00, 0x00, 0x40) }),
		"long integer":      change(func(b []byte) []byte { return append(b[:37], 0x18, 1, 0, 0x40) }),
		"long length":       change(func(b []byte) []byte { return append(b[:39], 0x58, 0) }),
		"null envelope":     change(func(b []byte) []byte { b[39] = 0xf6; return b }),
		"chunked envelope":  change(func(b []byte) []byte { return append(b[:39], 0x5f, 0xff) }),
		"envelope of seq 0": change(func(b []byte) []byte { return append(b[:39], 0x41, 0) }),
		"deep nesting":      bytes.Repeat([]byte{0x81}, 1000),
	} {
		a, err := Decode(b)
		if err == nil {
			t.Errorf("%s: decoded to %+v", name, a)
		} else if !verify.IsHard(err) || verify.AttackName(err) != verify.AttackMalformed {
			t.Errorf("%s: %v is not hard and malformed", name, err)
		}
	}
	if _, err := Decode(make([]byte, MaxAnnouncementSize+1)); verify.AttackName(err) != verify.AttackEndlessData {
		t.Errorf("over the limit: %v", err)
	}
}

func TestLargestAnnouncementFitsItsLimit(t *testing.T) {
	a := Announcement{Sequence: 1<<64 - 1, Rev: 1<<64 - 1, Block: 1<<64 - 1, Envelope: make([]byte, verify.MaxEnvelopeSize)}
	b := encode(t, a)
	if len(b) > MaxAnnouncementSize {
		t.Errorf("%d bytes, the limit is %d", len(b), MaxAnnouncementSize)
	}
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
	a.Envelope = append(a.Envelope, 0)
	if _, err := a.Encode(); err == nil {
		t.Error("an envelope over the limit was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, a := range golden {
		f.Add(encode(f, a))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Decode(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft error: %v", err)
			}
			return
		}
		again, err := a.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to what encodes as %x, %v", b, again, err)
		}
	})
}
