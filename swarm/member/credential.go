package member

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Errors of this package.
var (
	// ErrMalformed is wrapped by every error about bytes that are not a
	// credential, a certificate or a list in their one valid form.
	ErrMalformed = errors.New("malformed membership")
	// ErrNotMember is wrapped by every refusal of a peer.
	ErrNotMember = errors.New("not a member of this swarm")
	// ErrOlderList refuses a list that is not newer than the one in force.
	ErrOlderList = errors.New("the revocation list is not newer than the one in force")
	// ErrFleet refuses what another fleet's key signed, or nobody's.
	ErrFleet = errors.New("not signed by this fleet's key")
)

// Sizes of the formats, see docs/FORMAT.md, Membership. Integers are big-endian.
const (
	formatVersion = 1
	signatureSize = ed25519.SignatureSize
	secretSize    = 32
	nameSize      = 16
	certHead      = 1 + 2*ed25519.PublicKeySize + 4       // version, fleet, member, epoch
	certSize      = certHead + signatureSize              // 133
	listHead      = 1 + ed25519.PublicKeySize + 8 + 4 + 4 // version, fleet, number, epoch, count
	textPrefix    = "camswarm-member-1:"                  // of a credential's text form
	certContext   = "camswarm/member/certificate/1\x00"   // signed before the bytes
	listContext   = "camswarm/member/revocations/1\x00"   // the same
	secretContext = "camswarm/member/secret/1"            // of HKDF
	maxText       = len(textPrefix) + (certSize+secretSize)*4/3 + 4
)

// A Name stands for a member in a revocation list: the first 16 bytes of the
// SHA-256 of its Ed25519 network key.
type Name [nameSize]byte

// String returns the name in hexadecimal.
func (n Name) String() string { return hex.EncodeToString(n[:]) }

// NameOf returns the name of the member with a peer id, which must be that of an
// Ed25519 key.
func NameOf(p peer.ID) (Name, error) {
	key, err := ed25519Of(p)
	if err != nil {
		return Name{}, err
	}
	return nameOf(key), nil
}

func nameOf(key ed25519.PublicKey) Name {
	sum := sha256.Sum256(key)
	return Name(sum[:nameSize])
}

// ed25519Of reads the public key in a peer id; ids of Ed25519 keys contain it.
func ed25519Of(p peer.ID) (ed25519.PublicKey, error) {
	pub, err := p.ExtractPublicKey()
	if err != nil {
		return nil, fmt.Errorf("peer id %s: %w; members have Ed25519 identities", p, err)
	}
	if pub.Type() != crypto.Ed25519 {
		return nil, fmt.Errorf("peer id %s is not of an Ed25519 key; members have Ed25519 identities", p)
	}
	return pub.Raw()
}

// A Certificate says that a network identity is a member of a fleet.
type Certificate struct {
	Fleet  ed25519.PublicKey // of the key that signed it
	Member ed25519.PublicKey // the member's network key, the one in its peer id
	// Epoch is the fleet's at the time. Raising a list's epoch puts out all
	// certificates of former ones at once.
	Epoch     uint32
	signature []byte
}

func (c *Certificate) head() []byte {
	b := make([]byte, 0, certSize)
	b = append(b, formatVersion)
	b = append(b, c.Fleet...)
	b = append(b, c.Member...)
	return binary.BigEndian.AppendUint32(b, c.Epoch)
}

func (c *Certificate) encode() []byte { return append(c.head(), c.signature...) }

// decodeCertificate reads a certificate and checks the signature by the key that
// it names itself.
func decodeCertificate(b []byte) (*Certificate, error) {
	if len(b) != certSize || b[0] != formatVersion {
		return nil, fmt.Errorf("%w: not a certificate of version %d", ErrMalformed, formatVersion)
	}
	b = bytes.Clone(b)
	c := &Certificate{Fleet: b[1:33], Member: b[33:65], Epoch: binary.BigEndian.Uint32(b[65:69]), signature: b[certHead:]}
	if !ed25519.Verify(c.Fleet, append([]byte(certContext), b[:certHead]...), c.signature) {
		return nil, fmt.Errorf("certificate: %w", ErrFleet)
	}
	return c, nil
}

// A Credential is what a member holds: its certificate and the fleet's secret.
// It is kept in a file of mode 0600: whoever has it knows where the swarm meets,
// and together with the member's identity key is that member.
type Credential struct {
	Certificate Certificate
	Secret      [secretSize]byte
}

// Issue makes the credential of a member in an epoch of the fleet, 0 for the first.
func Issue(fleet ed25519.PrivateKey, member peer.ID, epoch uint32) (*Credential, error) {
	key, err := ed25519Of(member)
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, fleet.Seed(), nil, secretContext, secretSize)
	if err != nil {
		return nil, err
	}
	c := Certificate{Fleet: fleet.Public().(ed25519.PublicKey), Member: key, Epoch: epoch}
	c.signature = ed25519.Sign(fleet, append([]byte(certContext), c.head()...))
	return &Credential{Certificate: c, Secret: [secretSize]byte(secret)}, nil
}

// Text returns the one line of a credential's file.
func (c *Credential) Text() string {
	return textPrefix + base64.RawURLEncoding.EncodeToString(append(c.Certificate.encode(), c.Secret[:]...))
}

// ParseCredential reads a credential's file: one line, with or without its end.
func ParseCredential(text string) (*Credential, error) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(text, "\n"), textPrefix)
	if !ok || len(text) > maxText+1 || strings.ContainsAny(rest, "\r\n") { // the decoder would pass over those
		return nil, fmt.Errorf("%w: a credential is one line that begins with %q, as 'camswarm provision --fleet' writes it", ErrMalformed, textPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || len(data) != certSize+secretSize {
		return nil, fmt.Errorf("%w: the credential is cut off or damaged; provision it again", ErrMalformed)
	}
	cert, err := decodeCertificate(data[:certSize])
	if err != nil {
		return nil, err
	}
	return &Credential{Certificate: *cert, Secret: [secretSize]byte(data[certSize:])}, nil
}

// Derive returns 32 bytes that only members can compute, for a purpose.
func (c *Credential) Derive(purpose string) [32]byte {
	mac := hmac.New(sha256.New, c.Secret[:])
	mac.Write([]byte("camswarm/member/derive/1\x00" + purpose))
	return [32]byte(mac.Sum(nil))
}

// Revocations puts members out of a fleet. A list replaces the one before it, so
// each names all that are out in its epoch.
type Revocations struct {
	Fleet   ed25519.PublicKey
	Number  uint64 // 1, 2, 3 …: the higher one is in force
	Epoch   uint32 // certificates of lower epochs are out
	Revoked []Name // sorted, without repeats, at most MaxRevoked
	signed  []byte // all of it
}

// Revoke makes the list that follows last: with the names besides those that it
// has, and, if epoch is higher than last's, without the names, which the epoch
// puts out. last is nil for the first list.
func Revoke(fleet ed25519.PrivateKey, last *Revocations, epoch uint32, names ...Name) (*Revocations, error) {
	r := &Revocations{Fleet: fleet.Public().(ed25519.PublicKey), Number: 1, Epoch: epoch}
	if last != nil {
		switch {
		case !last.Fleet.Equal(r.Fleet):
			return nil, fmt.Errorf("the list before: %w", ErrFleet)
		case epoch < last.Epoch:
			return nil, fmt.Errorf("epoch %d is lower than that of the list before, %d: members that are out would come back", epoch, last.Epoch)
		case epoch == last.Epoch:
			r.Revoked = slices.Clone(last.Revoked)
		}
		r.Number = last.Number + 1
	}
	r.Revoked = append(r.Revoked, names...)
	slices.SortFunc(r.Revoked, func(a, b Name) int { return bytes.Compare(a[:], b[:]) })
	r.Revoked = slices.Compact(r.Revoked)
	if len(r.Revoked) > MaxRevoked {
		return nil, fmt.Errorf("%d members are revoked, a list takes %d: give the members that stay credentials of epoch %d and revoke with that epoch", len(r.Revoked), MaxRevoked, epoch+1)
	}
	b := []byte{formatVersion}
	b = append(b, r.Fleet...)
	b = binary.BigEndian.AppendUint64(b, r.Number)
	b = binary.BigEndian.AppendUint32(b, r.Epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Revoked)))
	for _, n := range r.Revoked {
		b = append(b, n[:]...)
	}
	r.signed = append(b, ed25519.Sign(fleet, append([]byte(listContext), b...))...)
	return r, nil
}

// Bytes returns the list as it is kept in files and handed on.
func (r *Revocations) Bytes() []byte { return bytes.Clone(r.signed) }

// ParseRevocations reads a list and checks the signature by the fleet that it
// names itself; [Gate.Update] holds that against its own.
func ParseRevocations(b []byte) (*Revocations, error) {
	if len(b) < listHead+signatureSize || len(b) > MaxRevocationsSize || b[0] != formatVersion {
		return nil, fmt.Errorf("%w: not a revocation list of version %d", ErrMalformed, formatVersion)
	}
	b = bytes.Clone(b)
	r := &Revocations{
		Fleet: b[1:33], Number: binary.BigEndian.Uint64(b[33:41]), Epoch: binary.BigEndian.Uint32(b[41:45]), signed: b,
	}
	count := binary.BigEndian.Uint32(b[45:49])
	if count > MaxRevoked || len(b) != listHead+int(count)*nameSize+signatureSize || r.Number == 0 {
		return nil, fmt.Errorf("%w: a revocation list of a wrong length", ErrMalformed)
	}
	for i := range int(count) {
		n := Name(b[listHead+i*nameSize:][:nameSize])
		if i > 0 && bytes.Compare(r.Revoked[i-1][:], n[:]) >= 0 {
			return nil, fmt.Errorf("%w: a revocation list out of order", ErrMalformed)
		}
		r.Revoked = append(r.Revoked, n)
	}
	body := b[:len(b)-signatureSize]
	if !ed25519.Verify(r.Fleet, append([]byte(listContext), body...), b[len(body):]) {
		return nil, fmt.Errorf("revocation list: %w", ErrFleet)
	}
	return r, nil
}

// number is 0 for no list.
func (r *Revocations) number() uint64 {
	if r == nil {
		return 0
	}
	return r.Number
}

// out says why the list puts a certificate out, "" if it does not. A nil list
// puts nobody out.
func (r *Revocations) out(c *Certificate) string {
	if r == nil {
		return ""
	}
	if c.Epoch < r.Epoch {
		return fmt.Sprintf("its certificate is of epoch %d, the fleet is in %d", c.Epoch, r.Epoch)
	}
	name := nameOf(c.Member)
	if _, found := slices.BinarySearchFunc(r.Revoked, name, func(a, b Name) int { return bytes.Compare(a[:], b[:]) }); found {
		return "its certificate was revoked"
	}
	return ""
}
