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

// The key and DID are the first test vector of the did:key method specification
// for Ed25519.
func TestDIDOfIsDidKey(t *testing.T) {
	const want = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
	did, err := verify.ParseDID(want)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := verify.ParsePublicKey(strings.TrimPrefix(want, "did:key:"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := crypto.UnmarshalEd25519PublicKey(parsed.Bytes()[2:])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DIDOf(pub); err != nil || got != did {
		t.Errorf("got %s, %v", got, err)
	}
	_, secp, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DIDOf(secp); !errors.Is(err, ErrIdentity) {
		t.Errorf("secp256k1: %v", err)
	}
}
