package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mr-tron/base58"
)

// DID is a decentralised identifier, did:key or did:io, in normal form (hex
// lower-cased: did:io:0xAB… and did:io:0xab… are one identity).
type DID string

const (
	didKey = "did:key:"
	didIO  = "did:io:"
)

// ParseDID checks and normalises a DID: did:key with a Multikey public key;
// did:io with 0x and 40 hexadecimal digits (the first registries and ioID v1)
// or with the base58 form of 32 bytes (ioID v2). A DID URL with a path, query
// or fragment is refused.
func ParseDID(s string) (DID, error) {
	switch {
	case strings.HasPrefix(s, didKey):
		k, err := ParsePublicKey(s[len(didKey):])
		if err != nil {
			return "", fmt.Errorf("DID %q: %w", clip(s), err)
		}
		return DIDKey(k), nil
	case strings.HasPrefix(s, didIO+"0x"):
		id := strings.ToLower(s[len(didIO)+2:])
		if _, err := hex.DecodeString(id); err != nil || len(id) != 40 {
			return "", fmt.Errorf("DID %q must have 40 hexadecimal digits after 0x", clip(s))
		}
		return DID(didIO + "0x" + id), nil
	case strings.HasPrefix(s, didIO):
		id := s[len(didIO):]
		if len(id) > maxKeyText {
			return "", fmt.Errorf("DID %q is too long", clip(s))
		}
		if b, err := base58.Decode(id); err != nil || len(b) != 32 {
			return "", fmt.Errorf("DID %q must have 0x and 40 hexadecimal digits, or the base58 form of 32 bytes", clip(s))
		}
		return DID(s), nil
	}
	return "", errors.New("DID must start with did:key: or did:io:")
}

// DIDKey returns the did:key of a public key.
func DIDKey(k PublicKey) DID { return DID(didKey + k.String()) }

// Hash returns the SHA-256 of the DID's text, the form in which canary lists
// name devices on chain.
func (d DID) Hash() [32]byte { return sha256.Sum256([]byte(d)) }

// MarshalText returns the DID's text.
func (d DID) MarshalText() ([]byte, error) { return []byte(d), nil }

// UnmarshalText is [ParseDID]; an empty text is no DID.
func (d *DID) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = ""
		return nil
	}
	*d, err = ParseDID(string(b))
	return err
}

// Region is a provisioned region code: lower-case letters, digits and '-', at
// most MaxRegion bytes; "" is the default region.
type Region string

// ParseRegion checks a region code.
func ParseRegion(s string) (Region, error) {
	if s != "" && (len(s) > MaxRegion || !isLabel(s)) {
		return "", fmt.Errorf("region %q must be at most %d lower-case letters, digits and inner '-', such as eu-west", clip(s), MaxRegion)
	}
	return Region(s), nil
}

// CheckLabel refuses a canary label that no device can carry: more than MaxRegion
// bytes, or anything but printable characters without blanks.
func CheckLabel(label string) error {
	if len(label) > MaxRegion || !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }) {
		return fmt.Errorf("label %q: at most %d bytes, all printable and no blanks", clip(label), MaxRegion)
	}
	return nil
}

// Bytes32 returns the code left-aligned in 32 bytes, as the contract keys it.
func (r Region) Bytes32() [32]byte {
	var b [32]byte
	copy(b[:], r)
	return b
}

// RegionFromBytes32 reads a code that is left-aligned and filled with zeros.
func RegionFromBytes32(b [32]byte) (Region, error) {
	return ParseRegion(strings.TrimRight(string(b[:]), "\x00"))
}

// MarshalText returns the code.
func (r Region) MarshalText() ([]byte, error) { return []byte(r), nil }

// UnmarshalText is [ParseRegion].
func (r *Region) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRegion(string(b))
	return err
}
