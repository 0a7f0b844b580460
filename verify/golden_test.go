package verify_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"camswarm/verify"
)

var update = flag.Bool("update", false, "write the golden files of testdata again")

// The wire form of a release is promised for the life of a device: these files
// may only change together with the version of the format.
func TestGoldenBytes(t *testing.T) {
	m := newMaker(t)
	full := fullManifest(t)
	fullBytes, err := full.Encode()
	if err != nil {
		t.Fatal(err)
	}
	least, err := m.manifest(t, 1, []byte{1}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	one, two, _ := crews(t)
	rotation := statement(t, 2, one, two, one[0], one[1], two[2])
	statementBytes, err := rotation.Encode()
	if err != nil {
		t.Fatal(err)
	}
	leave := move(t, 1, at(0), at(1), 1, one, one[0], one[2])
	moveBytes, err := leave.Encode()
	if err != nil {
		t.Fatal(err)
	}
	moved := fullManifest(t)
	moved.Registry = at(1)
	there := turn(t, at(1), 2, one, two, one[0], one[1], two[2])
	for name, got := range map[string][]byte{
		"rotation.cbor":         statementBytes,
		"move.cbor":             moveBytes,
		"envelope-moved.cbor":   carry(t, moved, verify.History{Moves: []*verify.Move{leave}, Rotations: []*verify.Rotation{there}}, two[0], two[2]),
		"envelope-rotated.cbor": rotated(t, full, []*verify.Rotation{rotation}, two[0], two[2]),
		"manifest.cbor":         fullBytes,
		"manifest-least.cbor":   least,
		"envelope.cbor":         envelope(t, full, m.keys...),
	} {
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", name), got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want := golden(t, name)
		if !bytes.Equal(got, want) {
			t.Errorf("%s has changed:\n%s\nwant\n%s", name, hex.Dump(got), hex.Dump(want))
		}
	}

	s, err := m.verifier.CheckSigned(golden(t, "envelope.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Manifest().Version != "1.2.3" || s.Manifest().Sequence != 7 {
		t.Errorf("golden envelope is read as %+v", s.Manifest())
	}
	if _, err := device(t, one).CheckSigned(golden(t, "envelope-rotated.cbor")); err != nil {
		t.Error(err)
	}
	if s, err := device(t, one).CheckSigned(golden(t, "envelope-moved.cbor")); err != nil || s.Move() == nil || s.Move().To != at(1) {
		t.Error(err)
	}
	if _, err := verify.DecodeManifest(golden(t, "manifest-least.cbor")); err != nil {
		t.Error(err)
	}
}
