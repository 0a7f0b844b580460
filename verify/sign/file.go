package sign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"camswarm/verify"
)

// PublicSuffix is appended to a secret key file's path to name the file of its
// public half.
const PublicSuffix = ".pub"

// ErrPublicHalf says that a file holds a public key where a secret one is needed.
var ErrPublicHalf = errors.New("this is the public half of a key, which cannot sign")

// maxKeyFile bounds a key file in bytes: one line of a Multikey.
const maxKeyFile = 256

// Load reads a secret key file; it refuses one that others may read, and wraps
// [ErrProtected] for one that a passphrase protects, which [LoadProtected] reads.
func Load(path string) (*Key, error) {
	b, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	if protected(b) {
		return nil, fmt.Errorf("secret key %s is %w", path, ErrProtected)
	}
	return loadPlain(path, b)
}

// readSecret reads what is no more than a secret key file, protected or not.
func readSecret(path string) ([]byte, error) {
	b, err := readPrivate(path, "secret key", maxProtectedFile)
	if err == nil && len(b) > maxProtectedFile {
		err = fmt.Errorf("secret key %s: longer than any key file", path)
	}
	return b, err
}

// readPrivate reads a regular file that others may not read, and at most one byte
// more than most.
func readPrivate(path, what string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %s is not a regular file", what, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, path, err)
	}
	if publicNamed(strings.TrimRight(string(b), "\r\n")) {
		return nil, fmt.Errorf("%s %s: %w: name the file of the secret key, most likely %s", what, path, ErrPublicHalf, strings.TrimSuffix(path, PublicSuffix))
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		return nil, fmt.Errorf("%s %s has mode %04o, others may read it: run chmod 600 %s, and replace it if others had access", what, path, perm, path)
	}
	return b, nil
}

// loadPlain makes a key of the content of its file.
func loadPlain(path string, b []byte) (*Key, error) {
	line, err := readLine(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	k, err := parseSecret(line)
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return k, nil
}

// LoadPublic reads the file of a public key: one line, as [Key.Save] writes it
// beside the secret key, or the PEM ("PUBLIC KEY") that security modules and
// openssl export.
func LoadPublic(path string) (verify.PublicKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEMFile+1))
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	var k verify.PublicKey
	if strings.HasPrefix(string(b), pemBegin) {
		k, err = parsePEM(b)
	} else {
		var line string
		if line, err = readLine(bytes.NewReader(b)); err == nil {
			k, err = verify.ParsePublicKey(line)
		}
	}
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	return k, nil
}

// maxPEMFile bounds the PEM of a public key in bytes; one with the parameters of
// its curve written out has about 500.
const maxPEMFile = 2 << 10

const pemBegin = "-----BEGIN "

// parsePEM reads a SubjectPublicKeyInfo (RFC 5280 section 4.1) of Ed25519 (RFC
// 8410), or of a named curve (RFC 5480), compressed or not. The standard library
// does not know secp256k1.
func parsePEM(b []byte) (verify.PublicKey, error) {
	none := verify.PublicKey{}
	if len(b) > maxPEMFile {
		return none, fmt.Errorf("longer than %d bytes", maxPEMFile)
	}
	block, rest := pem.Decode(b)
	switch {
	case block == nil:
		return none, errors.New("not PEM")
	case block.Type != "PUBLIC KEY":
		return none, fmt.Errorf("PEM of type %q; export the public key alone, of type \"PUBLIC KEY\"", block.Type)
	case strings.TrimSpace(string(rest)) != "":
		return none, errors.New("something follows the PEM block")
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(block.Bytes, &info); err != nil || len(rest) > 0 {
		return none, errors.New("not a SubjectPublicKeyInfo in DER")
	}
	if info.Key.BitLength%8 != 0 {
		return none, errors.New("the key is not a whole number of bytes")
	}
	var curve asn1.ObjectIdentifier
	switch {
	case info.Algorithm.Algorithm.Equal(asn1.ObjectIdentifier{1, 3, 101, 112}):
		return verify.NewPublicKey(verify.EdDSA, info.Key.Bytes)
	case !info.Algorithm.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}):
		return none, fmt.Errorf("a key of kind %s; Ed25519, P-256 and secp256k1 sign releases", info.Algorithm.Algorithm)
	}
	if rest, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err != nil || len(rest) > 0 {
		return none, errors.New("an elliptic key whose curve is not named; export it with a named curve")
	}
	alg := verify.ES256
	switch {
	case curve.Equal(asn1.ObjectIdentifier{1, 3, 132, 0, 10}):
		alg = verify.ES256K
	case !curve.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}):
		return none, fmt.Errorf("a key on curve %s; P-256 and secp256k1 sign releases", curve)
	}
	point := info.Key.Bytes
	if len(point) != 65 || point[0] != 4 {
		return verify.NewPublicKey(alg, point)
	}
	k, err := verify.NewPublicKey(alg, append([]byte{2 + point[64]&1}, point[1:33]...))
	if err == nil && !onCurve(alg, point) {
		err = errors.New("the key is not a point on its curve")
	}
	return k, err
}

// onCurve reports whether an uncompressed point is on the curve.
func onCurve(alg verify.Algorithm, point []byte) bool {
	if alg == verify.ES256K {
		_, err := secp256k1.ParsePubKey(point)
		return err == nil
	}
	_, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	return err == nil
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
func (k *Key) Save(path string) error { return k.save(path, k.secretText()+"\n") }

func (k *Key) save(path, secret string) error {
	if k.remote != nil {
		return fmt.Errorf("the secret of %s is %w", k.public, ErrElsewhere)
	}
	if err := writeNew(path, secret, 0o600); err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if err := writeNew(path+PublicSuffix, k.public.String()+"\n", 0o644); err != nil {
		os.Remove(path)
		return fmt.Errorf("public key: %w", err)
	}
	return nil
}

// writeNew creates a file that does not exist yet and makes it durable.
func writeNew(path, content string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = finish(f, content, mode)
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// finish writes all of a new file and closes it.
func finish(f *os.File, content string, mode os.FileMode) error {
	_, err := f.WriteString(content)
	if err == nil {
		err = f.Chmod(mode) // whatever the umask
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
