package beacon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

// State is what became of the release that a beacon speaks of.
type State uint8

// The states. Their numbers are those of the format.
const (
	StateNone       State = iota // nothing is under way, and nothing was installed yet
	StateFetching                // its blocks are being fetched
	StateHeld                    // it is here, whole, and not installed
	StateInstalled               // it was installed and is not confirmed yet
	StateConfirmed               // it runs
	StateFailed                  // it could not be installed
	StateRolledBack              // it was installed, did not come up, and the one before runs again
	stateWithdrawn               // count this camera no more: it tells another seed
	states
)

var stateNames = [states]string{"none", "fetching", "held", "installed", "confirmed", "failed", "rolled back", "withdrawn"}

// String returns the state's word.
func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return fmt.Sprintf("unknown state (%d)", uint8(s))
}

// MarshalText returns the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *State) UnmarshalText(b []byte) error {
	i := slices.Index(stateNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("no such state: %.20q", b)
	}
	*s = State(i)
	return nil
}

// Beacon is what a camera tells. There is no address, serial number, DID or exact time
// in it.
type Beacon struct {
	Product verify.ProductID
	Hour    uint32 // of the telling, in hours since 1970, by the camera's trusted time
	Running uint64 // sequence that is confirmed to run; 0: none but the factory's
	Release uint64 // sequence that State is about; 0: none
	State   State
	Region  verify.Region
	Label   string
}

// Errors about a beacon. All but ErrRoom are the camera's fault or its clock's.
var (
	ErrMalformed = errors.New("beacon: malformed")
	ErrForged    = errors.New("beacon: not signed by who tells it, for this seed")
	ErrStale     = errors.New("beacon: not of this hour")
	ErrProduct   = errors.New("beacon: of a product that is not followed here")
	ErrRoom      = errors.New("beacon: too many cameras are counted")
)

const (
	headBytes      = 1 + 32 + 4 + 8 + 8 + 1
	signatureBytes = 64
	version        = 1
	signContext    = "camswarm/beacon/1\x00"
)

// body returns the bytes of a beacon without its signature.
func (b Beacon) body() []byte {
	out := append([]byte{version}, b.Product[:]...)
	out = binary.BigEndian.AppendUint32(out, b.Hour)
	out = binary.BigEndian.AppendUint64(out, b.Running)
	out = binary.BigEndian.AppendUint64(out, b.Release)
	out = append(out, byte(b.State), byte(len(b.Region)))
	out = append(out, b.Region...)
	return append(append(out, byte(len(b.Label))), b.Label...)
}

// signed is what the signature of a beacon is over: for one seed only, so that it is
// worth nothing at another.
func signed(seed peer.ID, body []byte) []byte {
	out := append([]byte(signContext), byte(len(seed)))
	return append(append(out, seed...), body...)
}

// Sign returns the bytes of a beacon for a seed, signed with the Ed25519 identity by
// which the camera is connected.
func (b Beacon) Sign(key crypto.PrivKey, seed peer.ID) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	body := b.body()
	sig, err := key.Sign(signed(seed, body))
	if err != nil {
		return nil, err
	}
	if len(sig) != signatureBytes {
		return nil, errors.New("beacon: only Ed25519 identities sign beacons")
	}
	return append(body, sig...), nil
}

// Open decodes what a peer told this seed. The error wraps ErrMalformed or ErrForged.
func Open(data []byte, from, seed peer.ID) (Beacon, error) {
	b, err := decode(data)
	if err != nil {
		return Beacon{}, err
	}
	key, err := from.ExtractPublicKey()
	if err != nil || key.Type() != crypto.Ed25519 {
		return Beacon{}, fmt.Errorf("%w: the peer's identity is no Ed25519 key", ErrForged)
	}
	at := len(data) - signatureBytes
	if ok, err := key.Verify(signed(seed, data[:at]), data[at:]); err != nil || !ok {
		return Beacon{}, ErrForged
	}
	return b, nil
}

func decode(data []byte) (b Beacon, err error) {
	if len(data) > MaxBytes || len(data) < headBytes+2+signatureBytes {
		return b, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	if data[0] != version {
		return b, fmt.Errorf("%w: version %d", ErrMalformed, data[0])
	}
	b.Product = verify.ProductID(data[1:33])
	b.Hour = binary.BigEndian.Uint32(data[33:])
	b.Running, b.Release = binary.BigEndian.Uint64(data[37:]), binary.BigEndian.Uint64(data[45:])
	b.State = State(data[53])
	rest := data[headBytes : len(data)-signatureBytes]
	text := func() (s string, ok bool) {
		if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
			return "", false
		}
		s, rest = string(rest[1:1+rest[0]]), rest[1+rest[0]:]
		return s, true
	}
	region, ok := text()
	label, more := text()
	if !ok || !more || len(rest) > 0 {
		return Beacon{}, fmt.Errorf("%w: its texts do not fit", ErrMalformed)
	}
	b.Region, b.Label = verify.Region(region), label
	if err := b.check(); err != nil {
		return Beacon{}, err
	}
	return b, nil
}

// check holds a beacon to its limits. The error wraps ErrMalformed.
func (b Beacon) check() error {
	if _, err := verify.ParseRegion(string(b.Region)); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := verify.CheckLabel(b.Label); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch {
	case b.State >= states:
		return fmt.Errorf("%w: %s", ErrMalformed, b.State)
	case b.Running > maxSequence || b.Release > maxSequence:
		return fmt.Errorf("%w: no product has so many releases", ErrMalformed)
	case b.State == stateWithdrawn && (b.Release != 0 || b.Running != 0),
		b.State != stateWithdrawn && (b.State == StateNone) != (b.Release == 0),
		b.State == StateConfirmed && b.Running != b.Release:
		return fmt.Errorf("%w: %s of release %d while %d runs", ErrMalformed, b.State, b.Release, b.Running)
	}
	return nil
}

// hourOf is the hour of a time in seconds since 1970.
func hourOf(seconds uint64) uint32 { return uint32(min(seconds/3600, 1<<32-1)) }

// fresh reports whether a beacon's hour is about that of a seed.
func (b Beacon) fresh(now uint32) bool { return max(b.Hour, now)-min(b.Hour, now) <= maxSkew }
