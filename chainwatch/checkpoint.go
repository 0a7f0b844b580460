package chainwatch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"camswarm/chainwatch/internal/web"
	"camswarm/verify"

	"github.com/fxamacker/cbor/v2"
)

// Checkpoint is the highest revision of one product that a device ever
// accepted. It is saved before the view is handed out, so that no restart makes
// the device believe something older.
//
// It holds no candidates on purpose: after a restart a device acts only on what
// a quorum says now.
type Checkpoint struct {
	Registry verify.RegistryRef
	Product  verify.ProductID
	Rev      uint64   // 0: nothing was accepted yet
	Digest   [32]byte // the chain's digest at Rev
	Block    uint64   // head block at the time
	Time     uint64   // that block's time, seconds since 1970
}

// CheckpointStore keeps one encoded checkpoint. Load returns (nil, nil) when
// nothing was saved yet. Save must be atomic and durable when it returns.
type CheckpointStore interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, checkpoint []byte) error
}

// ErrCheckpoint is wrapped by every error of [DecodeCheckpoint].
var ErrCheckpoint = errors.New("chain checkpoint is unreadable")

const checkpointVersion = 1

// checkpointWire is the encoded form: a CBOR map with integer keys in
// deterministic encoding (RFC 8949 section 4.2).
type checkpointWire struct {
	Version  uint64 `cbor:"1,keyasint"`
	ChainID  uint64 `cbor:"2,keyasint"`
	Registry []byte `cbor:"3,keyasint"` // 20 bytes
	Product  []byte `cbor:"4,keyasint"` // 32 bytes
	Rev      uint64 `cbor:"5,keyasint"`
	Digest   []byte `cbor:"6,keyasint"` // 32 bytes
	Block    uint64 `cbor:"7,keyasint"`
	Time     uint64 `cbor:"8,keyasint"`
	// Sum is the start of the SHA-256 of the encoding with Sum empty: a flipped
	// bit in Rev would otherwise look like a far higher revision and freeze the
	// device.
	Sum []byte `cbor:"9,keyasint"` // 8 bytes
}

var (
	checkpointEnc = must(cbor.CoreDetEncOptions().EncMode())
	checkpointDec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   4,
		MaxArrayElements:  16,
		MaxMapPairs:       16,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constant options
	}
	return v
}

// Encode returns the form that [DecodeCheckpoint] reads.
func (c Checkpoint) Encode() []byte {
	w := checkpointWire{
		Version: checkpointVersion,
		ChainID: c.Registry.ChainID, Registry: c.Registry.Address[:], Product: c.Product[:],
		Rev: c.Rev, Digest: c.Digest[:], Block: c.Block, Time: c.Time, Sum: []byte{},
	}
	sum := sha256.Sum256(must(checkpointEnc.Marshal(w)))
	w.Sum = sum[:8]
	return must(checkpointEnc.Marshal(w))
}

// DecodeCheckpoint decodes strictly: only what Encode returns is accepted.
func DecodeCheckpoint(b []byte) (Checkpoint, error) {
	var c Checkpoint
	var w checkpointWire
	if len(b) > maxCheckpoint {
		return c, fmt.Errorf("%w: %d bytes, over the limit of %d", ErrCheckpoint, len(b), maxCheckpoint)
	}
	if err := checkpointDec.Unmarshal(b, &w); err != nil {
		return c, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if w.Version != checkpointVersion {
		return c, fmt.Errorf("%w: version %d, this program knows %d", ErrCheckpoint, w.Version, checkpointVersion)
	}
	if len(w.Registry) != len(c.Registry.Address) || len(w.Product) != len(c.Product) || len(w.Digest) != len(c.Digest) || w.Rev == 0 {
		return c, fmt.Errorf("%w: a field is missing or has the wrong length", ErrCheckpoint)
	}
	// Such a mark would make every honest answer a rollback, or stale, for ever.
	if w.Rev > maxCount || w.Block > maxCount || w.Time > web.ClockCeil {
		return c, fmt.Errorf("%w: no chain is at revision %d, block %d or time %d", ErrCheckpoint, w.Rev, w.Block, w.Time)
	}
	c = Checkpoint{
		Registry: verify.RegistryRef{ChainID: w.ChainID, Address: verify.Address(w.Registry)},
		Product:  verify.ProductID(w.Product),
		Rev:      w.Rev, Digest: [32]byte(w.Digest), Block: w.Block, Time: w.Time,
	}
	if !bytes.Equal(c.Encode(), b) {
		return Checkpoint{}, fmt.Errorf("%w: its bytes were changed", ErrCheckpoint)
	}
	return c, nil
}
