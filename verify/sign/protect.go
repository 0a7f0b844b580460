package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"camswarm/verify"
)

// Errors of key files that a passphrase protects.
var (
	ErrProtected   = errors.New("protected by a passphrase")
	ErrUnprotected = errors.New("not protected by a passphrase")
	ErrPassphrase  = errors.New("wrong passphrase")
)

// The work factor of scrypt is the binary logarithm of its N: each step doubles
// time and memory, which are 1 KiB times N.
const (
	DefaultWorkFactor = 18 // 256 MiB and about a second, as the age tool
	MinWorkFactor     = 14 // 16 MiB; less would be guessed too fast
	MaxWorkFactor     = 20 // 1 GiB; a file that asks for more is not opened
)

const (
	// minPassphrase is the least number of bytes of a new passphrase.
	minPassphrase = 8
	// maxProtectedFile bounds a protected key file in bytes; ours have about 450.
	maxProtectedFile = 4 << 10

	ageHeader   = "age-encryption.org/v1\n"
	armorHeader = armor.Header
)

// protected reports whether the bytes begin like a protected key file.
func protected(b []byte) bool {
	return bytes.HasPrefix(b, []byte(ageHeader)) || bytes.HasPrefix(b, []byte(armorHeader))
}

// LoadProtected reads a secret key file that a passphrase protects, and one that
// none protects like [Load]. It wraps [ErrPassphrase] if the passphrase is wrong.
func LoadProtected(path string, passphrase []byte) (*Key, error) {
	b, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	if !protected(b) {
		return loadPlain(path, b)
	}
	k, err := open(b, passphrase)
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return k, nil
}

// SaveProtected is [Key.Save] with the secret encrypted with a passphrase, in the
// age format (age-encryption.org/v1) with scrypt and ASCII armour, which the age
// tool decrypts too.
func (k *Key) SaveProtected(path string, passphrase []byte, workFactor int) error {
	sealed, err := k.seal(passphrase, workFactor)
	if err != nil {
		return err
	}
	return k.save(path, sealed)
}

// Protect encrypts a secret key file with a passphrase, in its place: the file is
// the old or the new one whenever the computer stops. The old bytes may stay on
// the medium, unreferenced; a key that must never lie there in the clear is made
// by [Key.SaveProtected].
func Protect(path string, passphrase []byte, workFactor int) error {
	k, err := Load(path)
	if errors.Is(err, ErrProtected) {
		return fmt.Errorf("%w already; take that passphrase away first", err)
	}
	if err != nil {
		return err
	}
	sealed, err := k.seal(passphrase, workFactor)
	if err != nil {
		return err
	}
	return replace(path, sealed)
}

// Unprotect decrypts a secret key file that a passphrase protects, in its place.
func Unprotect(path string, passphrase []byte) error {
	b, err := readSecret(path)
	if err != nil {
		return err
	}
	if !protected(b) {
		return fmt.Errorf("secret key %s is %w", path, ErrUnprotected)
	}
	k, err := open(b, passphrase)
	if err != nil {
		return fmt.Errorf("secret key %s: %w", path, err)
	}
	return replace(path, k.secretText()+"\n")
}

// replace puts a secret into the place of a key file that exists.
func replace(path, content string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if info.Mode().Type() == fs.ModeSymlink {
		return fmt.Errorf("secret key %s is a symbolic link; name the file itself", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	err = finish(f, content, 0o600)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("secret key: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// seal encrypts the secret; nothing but the result is ever written.
func (k *Key) seal(passphrase []byte, workFactor int) (string, error) {
	if len(passphrase) < minPassphrase {
		return "", fmt.Errorf("the passphrase has %d bytes; it must have %d or more, and several words are better", len(passphrase), minPassphrase)
	}
	if workFactor < MinWorkFactor || workFactor > MaxWorkFactor {
		return "", fmt.Errorf("work factor %d must be %d to %d", workFactor, MinWorkFactor, MaxWorkFactor)
	}
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return "", err
	}
	recipient.SetWorkFactor(workFactor)
	var out strings.Builder
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, recipient)
	if err == nil {
		_, err = io.WriteString(w, k.secretText()+"\n")
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = text.Close()
	}
	return out.String(), err
}

// open decrypts what seal or the age tool encrypted. Its errors hold nothing of
// the secret or the passphrase.
func open(b, passphrase []byte) (*Key, error) {
	if bytes.HasPrefix(b, []byte(armorHeader)) {
		plain, err := io.ReadAll(armor.NewReader(bytes.NewReader(b)))
		if err != nil {
			return nil, errors.New("its ASCII armour is damaged")
		}
		b = plain
	}
	if err := checkWork(b); err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, ErrPassphrase // it is empty
	}
	identity.SetMaxWorkFactor(MaxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(b), identity)
	if mismatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &mismatch) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	line, err := readLine(r)
	if err != nil {
		return nil, fmt.Errorf("damaged, or no key: %w", err)
	}
	return parseSecret(line)
}

// checkWork bounds what opening a file costs, before it is paid.
func checkWork(b []byte) error {
	lines := strings.SplitN(string(b[:min(len(b), 512)]), "\n", 3)
	if len(lines) < 3 || lines[0]+"\n" != ageHeader {
		return errors.New("not in the age format, or cut off")
	}
	fields := strings.Fields(lines[1])
	if len(fields) != 4 || fields[0] != "->" || fields[1] != "scrypt" {
		return errors.New("encrypted to a key and not with a passphrase; decrypt it with the tool that made it")
	}
	n, err := strconv.Atoi(fields[3])
	switch {
	case err != nil:
		return errors.New("its work factor is no number")
	case n > MaxWorkFactor:
		return fmt.Errorf("its work factor is %d, at most %d is taken: opening it would need %d GiB of memory or more; protect the key anew on the computer that made it", n, MaxWorkFactor, 2<<(MaxWorkFactor-20))
	case n < MinWorkFactor:
		return fmt.Errorf("its work factor is %d, at least %d is taken: its passphrase could be guessed; protect the key anew with the age tool", n, MinWorkFactor)
	}
	return nil
}

// ReadPassphrase reads a passphrase file: one line, in a regular file that nobody
// else may read.
func ReadPassphrase(path string) ([]byte, error) { return ReadLine(path, "passphrase") }

// ReadLine is ReadPassphrase for a secret of another kind, which errors call what.
func ReadLine(path, what string) ([]byte, error) {
	const most = 1024 // bytes
	b, err := readPrivate(path, what, most)
	if err != nil {
		return nil, err
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case len(b) > most:
		return nil, fmt.Errorf("%s %s is longer than %d bytes", what, path, most)
	case line == "":
		return nil, fmt.Errorf("%s %s is empty", what, path)
	case strings.ContainsAny(line, "\r\n"):
		return nil, fmt.Errorf("%s %s must be one line", what, path)
	}
	return []byte(line), nil
}

// publicNamed reports whether a line is a public key, for a better error.
func publicNamed(line string) bool {
	_, err := verify.ParsePublicKey(line)
	return err == nil
}
