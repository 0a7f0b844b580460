package sign_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"camswarm/verify"
	"camswarm/verify/sign"
)

func TestKeyFilesComeBack(t *testing.T) {
	for _, alg := range algorithms {
		k := generate(t, alg)
		path := filepath.Join(t.TempDir(), "signer.key")
		if err := k.Save(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v: secret key file has mode %v, %v", alg, info.Mode(), err)
		}
		got, err := sign.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), k.Bytes()) || got.Public() != k.Public() || got.Algorithm() != alg {
			t.Errorf("%v: another key comes back", alg)
		}
		pub, err := sign.LoadPublic(path + sign.PublicSuffix)
		if err != nil || pub != k.Public() {
			t.Errorf("%v: public half %v, %v", alg, pub, err)
		}
		secret, _ := os.ReadFile(path)
		if n := bytes.Count(secret, []byte("\n")); n != 1 || secret[0] != 'z' {
			t.Errorf("%v: key file is not one line of Multikey: %q…", alg, secret[:4])
		}
	}
}

// secretMultikeys pins the key file format: secrets 01…01 of each kind.
var secretMultikeys = map[verify.Algorithm]string{
	verify.EdDSA:  "z3u2RHj5hRUAqd2AGVStkvCty1KjGWyk5SeUkBjfVp51Wh3e",
	verify.ES256:  "z42thxEN747cJ7eWPAEVgStE83Lq75QAM75hcQu9Yhyvjm7N",
	verify.ES256K: "z3vLU4oxmMuk5hntHbupuqenVWfFEwiUniigZDvuqdPViY4G",
}

func TestKeyFilesOfTheFormatAreRead(t *testing.T) {
	for alg, text := range secretMultikeys {
		path := filepath.Join(t.TempDir(), "k")
		for _, content := range []string{text + "\n", text, text + "\r\n"} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := sign.Load(path)
			if err != nil {
				t.Errorf("%v: %v", alg, err)
				continue
			}
			if k.Algorithm() != alg || !bytes.Equal(k.Bytes(), bytes.Repeat([]byte{1}, 32)) {
				t.Errorf("%v: read as %v", alg, k.Algorithm())
			}
		}
	}
}

func TestThreatKeyExposure_SecretsThatOthersMayReadAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signer.key")
	if err := generate(t, verify.EdDSA).Save(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v, want a refusal that says what to do", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.Load(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

// Whoever names the public half is told so, and not to close a file that is
// meant to be open.
func TestPublicHalfIsNoSecretKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.key")
	if err := generate(t, verify.ES256K).Save(path); err != nil {
		t.Fatal(err)
	}
	_, err := sign.Load(path + sign.PublicSuffix)
	if !errors.Is(err, sign.ErrPublicHalf) || strings.Contains(err.Error(), "chmod") || !strings.HasSuffix(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestSaveNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "signer.key")
	first := generate(t, verify.EdDSA)
	if err := first.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := generate(t, verify.EdDSA).Save(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second save: %v", err)
	}
	if k, err := sign.Load(path); err != nil || k.Public() != first.Public() {
		t.Errorf("the first key is gone: %v", err)
	}
	if pub, err := sign.LoadPublic(path + sign.PublicSuffix); err != nil || pub != first.Public() {
		t.Errorf("the first public key is gone: %v", err)
	}

	// A public file that is in the way leaves no secret behind.
	other := filepath.Join(dir, "other.key")
	if err := os.WriteFile(other+sign.PublicSuffix, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := first.Save(other); !errors.Is(err, fs.ErrExist) {
		t.Errorf("public file in the way: %v", err)
	}
	if _, err := os.Stat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a failed save leaves a secret key file")
	}
	if err := first.Save(filepath.Join(dir, "missing", "k")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}

func TestFilesThatAreNoKeysAreRefusedWithoutShowingThem(t *testing.T) {
	good := secretMultikeys[verify.EdDSA]
	for name, content := range map[string]string{
		"empty":           "",
		"two lines":       good + "\n" + good + "\n",
		"mistyped":        strings.Replace(good, "u", "v", 1) + "0",
		"cut":             good[:len(good)-3],
		"longer":          good + "11",
		"hex":             strings.Repeat("ab", 32),
		"public Multikey": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
		"one base58 byte": "z2",
		"endless":         strings.Repeat("z", 1<<20),
	} {
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sign.Load(path)
		if err == nil {
			t.Errorf("%s: read as a key", name)
			continue
		}
		if len(content) > 8 && strings.Contains(err.Error(), content[1:8]) {
			t.Errorf("%s: the error shows the file: %v", name, err)
		}
		if _, err := sign.LoadPublic(path); err == nil && name != "public Multikey" {
			t.Errorf("%s: read as a public key", name)
		}
	}
	if _, err := sign.Load(t.TempDir()); err == nil {
		t.Error("a directory is read as a key")
	}
	if _, err := sign.Load(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}
