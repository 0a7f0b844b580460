package sign

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"camswarm/verify"
)

// PublicSuffix is appended to a secret key file's path to name the file of its
// public half.
const PublicSuffix = ".pub"

// ErrPublicHalf says that a file holds a public key where a secret one is needed.
var ErrPublicHalf = errors.New("this is the public half of a key, which cannot sign")

// maxKeyFile bounds a key file in bytes: one line of a Multikey.
const maxKeyFile = 256

// Load reads a secret key file; it refuses one that others may read.
func Load(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("secret key %s is not a regular file", path)
	}
	line, err := readLine(f)
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	if _, err := verify.ParsePublicKey(line); err == nil {
		return nil, fmt.Errorf("secret key %s: %w: name the file of the secret key, most likely %s", path, ErrPublicHalf, strings.TrimSuffix(path, PublicSuffix))
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		return nil, fmt.Errorf("secret key %s has mode %04o, others may read it: run chmod 600 %s, and replace the key if others had access", path, perm, path)
	}
	k, err := parseSecret(line)
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return k, nil
}

// LoadPublic reads the file of a public key, one line, as [Key.Save] writes it
// beside the secret key.
func LoadPublic(path string) (verify.PublicKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key: %w", err)
	}
	defer f.Close()
	line, err := readLine(f)
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	k, err := verify.ParsePublicKey(line)
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	return k, nil
}

// readLine reads the one line of a key file.
func readLine(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(b), "\r\n")
	if len(b) > maxKeyFile || strings.ContainsAny(line, "\r\n") {
		return "", errors.New("a key file holds one line and no more")
	}
	return line, nil
}

// Save writes a new secret key file with mode 0600 and its public half beside
// it at path+".pub"; it never overwrites. When it fails it leaves neither.
func (k *Key) Save(path string) (err error) {
	if err := writeNew(path, k.secretText(), 0o600); err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if err := writeNew(path+PublicSuffix, k.public.String(), 0o644); err != nil {
		os.Remove(path)
		return fmt.Errorf("public key: %w", err)
	}
	return nil
}

// writeNew creates a file that does not exist yet and makes it durable.
func writeNew(path, line string, mode os.FileMode) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(path)
		}
	}()
	_, err = f.WriteString(line + "\n")
	if err == nil {
		err = f.Chmod(mode) // whatever the umask
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	return d.Sync()
}
