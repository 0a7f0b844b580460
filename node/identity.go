package node

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/node/statedir"
	"camswarm/verify"
)

// identityFile is the identity's name in the state directory.
const identityFile = "identity.key"

// maxIdentityBytes bounds an identity file; an Ed25519 key has 68 bytes.
const maxIdentityBytes = 1024

// ErrIdentity is wrapped by every error about an identity file.
var ErrIdentity = errors.New("identity")

// LoadOrCreateIdentity reads the node's libp2p identity, an Ed25519 private key
// in libp2p's protobuf form, or makes one if there is no file. The file has
// mode 0600 and looser ones are refused. A file that cannot be used is an
// error and never replaced: the identity is what peers know the node by, and
// on a camera it may be registered. The error wraps ErrIdentity.
func LoadOrCreateIdentity(path string) (crypto.PrivKey, error) {
	key, err := loadIdentity(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = createIdentity(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return key, nil
}

func loadIdentity(path string) (crypto.PrivKey, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file; move it away", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %#o, so that others can read the key; run: chmod 600 %s", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxIdentityBytes+1))
	if err != nil {
		return nil, err
	}
	const advice = "restore it from a backup, or move it away and start again to get a new identity"
	if len(data) > maxIdentityBytes {
		return nil, fmt.Errorf("%s is longer than a key; %s", path, advice)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s (%d bytes) holds no key; %s: %w", path, len(data), advice, err)
	}
	if key.Type() != crypto.Ed25519 {
		return nil, fmt.Errorf("%s holds a key of type %s, not Ed25519; %s", path, key.Type(), advice)
	}
	return key, nil
}

func createIdentity(path string) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := statedir.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return key, nil
}

// ed25519Multicodec is the multicodec prefix of an Ed25519 public key, 0xed as
// an unsigned varint (did:key method specification).
var ed25519Multicodec = []byte{0xed, 0x01}

// didPurpose is the info of HKDF that takes a device's rollout key out of its
// network key.
const didPurpose = "camswarm/did/1"

// DIDOf returns the DID by which rollouts know the device with a libp2p identity:
// the did:key of a second Ed25519 key, HKDF-SHA256 of the first one's seed. It says
// nothing of the first, so that whoever sees a device in the network does not find
// it in a list of canaries. Only Ed25519 identities have one; others are an error
// that wraps ErrIdentity.
func DIDOf(identity crypto.PrivKey) (verify.DID, error) {
	if identity.Type() != crypto.Ed25519 {
		return "", fmt.Errorf("%w: a key of type %s has no DID here, only Ed25519 has", ErrIdentity, identity.Type())
	}
	raw, err := identity.Raw() // seed, public key
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	seed, err := hkdf.Key(sha256.New, raw[:ed25519.SeedSize], nil, didPurpose, ed25519.SeedSize)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	key, err := verify.PublicKeyFromBytes(append(slices.Clone(ed25519Multicodec), public...))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return verify.DIDKey(key), nil
}
