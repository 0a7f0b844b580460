package sign_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"camswarm/verify"
	"camswarm/verify/sign"
)

var passphrase = []byte("correct horse battery")

// saveProtected writes a protected key that is cheap to open.
func saveProtected(t *testing.T, alg verify.Algorithm) (*sign.Key, string) {
	t.Helper()
	k, path := generate(t, alg), filepath.Join(t.TempDir(), "signer.key")
	if err := k.SaveProtected(path, passphrase, sign.MinWorkFactor); err != nil {
		t.Fatal(err)
	}
	return k, path
}

func TestThreatKeyExposure_ProtectedFilesHoldNoSecret(t *testing.T) {
	for _, alg := range algorithms {
		k, path := saveProtected(t, alg)
		plain := filepath.Join(t.TempDir(), "plain")
		if err := k.Save(plain); err != nil {
			t.Fatal(err)
		}
		secret, err := os.ReadFile(plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := sign.Protect(plain, passphrase, sign.MinWorkFactor); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, plain} {
			b, err := os.ReadFile(p)
			if err != nil || bytes.Contains(b, bytes.TrimSpace(secret)) || bytes.Contains(b, k.Bytes()) {
				t.Fatalf("%v: the protected file holds the secret, or cannot be read: %v", alg, err)
			}
			info, err := os.Stat(p)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v: mode %v, %v", alg, info.Mode(), err)
			}
			if _, err := sign.Load(p); !errors.Is(err, sign.ErrProtected) {
				t.Errorf("%v: loaded without a passphrase: %v", alg, err)
			}
			got, err := sign.LoadProtected(p, passphrase)
			if err != nil || got.Public() != k.Public() {
				t.Errorf("%v: %v", alg, err)
			}
			// The age tool opens it too: it is the standard format.
			id, err := age.NewScryptIdentity(string(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			r, err := age.Decrypt(armor.NewReader(bytes.NewReader(b)), id)
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := io.ReadAll(r); err != nil || !bytes.Equal(opened, secret) {
				t.Errorf("%v: decrypts to other bytes: %v", alg, err)
			}
			if entries, _ := os.ReadDir(filepath.Dir(p)); len(entries) != 2 {
				t.Errorf("%v: files are left beside the key: %v", alg, entries)
			}
		}
		if err := sign.Protect(plain, passphrase, sign.MinWorkFactor); !errors.Is(err, sign.ErrProtected) {
			t.Errorf("protected twice: %v", err)
		}
		if err := sign.Unprotect(plain, []byte("wrong")); !errors.Is(err, sign.ErrPassphrase) {
			t.Errorf("wrong passphrase: %v", err)
		}
		if err := sign.Unprotect(plain, passphrase); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(plain); err != nil || !bytes.Equal(b, secret) {
			t.Errorf("%v: another key comes back: %v", alg, err)
		}
		if err := sign.Unprotect(plain, passphrase); !errors.Is(err, sign.ErrUnprotected) {
			t.Errorf("unprotected twice: %v", err)
		}
	}
}

func TestThreatKeyExposure_PassphrasesAndTheirCost(t *testing.T) {
	k, path := saveProtected(t, verify.EdDSA)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(workFactor int, content string) []byte {
		r, err := age.NewScryptRecipient(string(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		r.SetWorkFactor(workFactor)
		var b bytes.Buffer
		w, err := age.Encrypt(&b, r)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var toKey bytes.Buffer
	w, err := age.Encrypt(&toKey, other.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	weak := sealed(sign.MinWorkFactor-1, "x")
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"wrong work factor, too small": {weak, "could be guessed"},
		"too large":                    {bytes.Replace(weak, []byte(" 13\n"), []byte(" 21\n"), 1), "at most 20"},
		"far too large":                {bytes.Replace(weak, []byte(" 13\n"), []byte(" 99999\n"), 1), "at most 20"},
		"no number":                    {bytes.Replace(weak, []byte(" 13\n"), []byte(" x\n"), 1), "no number"},
		"to a key":                     {toKey.Bytes(), "not with a passphrase"},
		"cut":                          {good[:len(good)/2], "damaged"},
		"header alone":                 {[]byte("age-encryption.org/v1\n"), "cut off"},
		"no key inside":                {sealed(sign.MinWorkFactor, "hello\n"), "not a secret Multikey"},
		"endless inside":               {sealed(sign.MinWorkFactor, strings.Repeat("z", 1000)), "one line"},
		"endless":                      {append(bytes.Clone(good), make([]byte, 8<<10)...), "longer than any key file"},
	} {
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sign.LoadProtected(path, passphrase)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), string(passphrase)) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
	for _, wrong := range []string{"", "correct horse", "correct horse battery "} {
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.LoadProtected(path, []byte(wrong)); !errors.Is(err, sign.ErrPassphrase) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.LoadProtected(path, passphrase); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a protected file that others may read: %v", err)
	}

	if err := k.SaveProtected(filepath.Join(t.TempDir(), "key"), []byte("12345678"), sign.MinWorkFactor); err != nil {
		t.Errorf("eight bytes: %v", err)
	}
	// What would protect badly is refused before anything is written.
	dir := t.TempDir()
	for name, err := range map[string]error{
		"short passphrase": k.SaveProtected(filepath.Join(dir, "a"), []byte("1234567"), sign.MinWorkFactor),
		"cheap":            k.SaveProtected(filepath.Join(dir, "b"), passphrase, sign.MinWorkFactor-1),
		"dear":             k.SaveProtected(filepath.Join(dir, "c"), passphrase, sign.MaxWorkFactor+1),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("refused, and yet written: %v", entries)
	}
	// The key behind a link is not replaced by a file.
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := k.Save(real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := sign.Protect(link, passphrase, sign.MinWorkFactor); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("through a link: %v", err)
	}
	if _, err := sign.Load(real); err != nil {
		t.Error(err)
	}
}

func TestPassphraseFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		says    string // "": it is taken
	}{
		"a line":             {"several words here\n", 0o600, ""},
		"no line end":        {"several words here", 0o400, ""},
		"of Windows":         {"several words here\r\n", 0o600, ""},
		"others may read":    {"several words here\n", 0o644, "chmod 600"},
		"empty":              {"\n", 0o600, "is empty"},
		"two lines":          {"several\nwords\n", 0o600, "one line"},
		"longer than it may": {strings.Repeat("w", 5000), 0o600, "longer than"},
	} {
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := sign.ReadPassphrase(path)
		switch {
		case c.says == "" && (err != nil || string(got) != "several words here"):
			t.Errorf("%s: %q, %v", name, got, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}
