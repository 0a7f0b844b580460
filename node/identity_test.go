package node

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/verify"
)

func TestIdentityIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", identityFile)
	first, err := LoadOrCreateIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second, err := LoadOrCreateIdentity(path)
	if err != nil || !first.Equals(second) || first.Type() != crypto.Ed25519 {
		t.Errorf("the identity changed: %v", err)
	}
}

func TestUnusableIdentityIsRefusedAndNeverReplaced(t *testing.T) {
	rsa, _, err := crypto.GenerateRSAKeyPair(2048, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaBytes, err := crypto.MarshalPrivateKey(rsa)
	if err != nil {
		t.Fatal(err)
	}
	secp, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secpBytes, err := crypto.MarshalPrivateKey(secp)
	if err != nil {
		t.Fatal(err)
	}
	good, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	goodBytes, err := crypto.MarshalPrivateKey(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		want string
	}{
		"empty":             {nil, 0o600, "backup"},
		"cut":               {goodBytes[:40], 0o600, "backup"},
		"garbage":           {bytes.Repeat([]byte{0xff}, 68), 0o600, "backup"},
		"endless":           {make([]byte, 1<<20), 0o600, "longer"},
		"rsa":               {rsaBytes, 0o600, ""},
		"secp256k1":         {secpBytes, 0o600, "Ed25519"},
		"readable by group": {goodBytes, 0o640, "chmod 600"},
		"readable by all":   {goodBytes, 0o604, "chmod 600"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), identityFile)
			if err := os.WriteFile(path, c.data, c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreateIdentity(path)
			if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.data) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		if _, err := LoadOrCreateIdentity(t.TempDir()); !errors.Is(err, ErrIdentity) {
			t.Errorf("got %v", err)
		}
	})
}

// The DID of a known identity, computed apart: HKDF-SHA256 without salt of 32 bytes
// of 1, then the Ed25519 key of that seed.
func TestThreatFleetListing_DIDIsNotThePeerID(t *testing.T) {
	identity, pub, err := crypto.GenerateEd25519Key(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "did:key:z6Mknwzuz3rKCHm686BPVEHs3dggDSTeny7AuJYywBwo5Fw3"
	did, err := DIDOf(identity)
	if err != nil || string(did) != want {
		t.Errorf("got %s, %v", did, err)
	}
	// What the network shows of the device leads to another DID.
	raw, err := pub.Raw()
	if err != nil {
		t.Fatal(err)
	}
	shown, err := verify.PublicKeyFromBytes(append([]byte{0xed, 0x01}, raw...))
	if err != nil {
		t.Fatal(err)
	}
	if verify.DIDKey(shown) == did {
		t.Error("the DID can be told from the peer id")
	}
	secp, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DIDOf(secp); !errors.Is(err, ErrIdentity) {
		t.Errorf("secp256k1: %v", err)
	}
}
