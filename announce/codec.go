package announce

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"camswarm/verify"
)

// Announcement is the news that the registry's answer for a product changed.
// Every field but the envelope is an unsigned claim by whoever sent it: only
// the chain's own view makes it worth acting on.
type Announcement struct {
	Product  verify.ProductID
	Sequence uint64 // the release announced; in a bare hint a number without meaning, at random in one that is published
	Rev      uint64 // registry rev from which the claim holds, at least 1
	Block    uint64 // block of that rev, for people and logs
	// Envelope is the encoded envelope (verify.Envelope), at most
	// verify.MaxEnvelopeSize bytes. Empty: a bare hint that policy, halt,
	// revocation or a floor changed.
	Envelope []byte
}

// Bare reports whether the announcement carries no envelope: a hint to look at
// the chain and nothing more.
func (a *Announcement) Bare() bool { return len(a.Envelope) == 0 }

// version is the format's version, the first field of every announcement.
const version = 1

// wire is the encoded form: a CBOR array of six items,
//
//	[1, product: bstr .size 32, sequence: uint, rev: uint, block: uint, envelope: bstr]
//
// in core deterministic encoding (RFC 8949 section 4.2.1).
type wire struct {
	_        struct{} `cbor:",toarray"`
	Version  uint64
	Product  []byte
	Sequence uint64
	Rev      uint64
	Block    uint64
	Envelope []byte
}

var (
	encMode = must(func() cbor.EncOptions {
		o := cbor.CoreDetEncOptions()
		o.NilContainers = cbor.NilContainerAsEmpty
		return o
	}().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		IntDec:            cbor.IntDecConvertNone,
		MaxNestedLevels:   4,
		MaxArrayElements:  16,
		MaxMapPairs:       16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constant options: only a programming error gets here
	}
	return v
}

// Encode returns the deterministic encoding. It fails when a field is out of
// range: rev 0, an envelope over verify.MaxEnvelopeSize, or an envelope without
// a sequence.
func (a *Announcement) Encode() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("announce: encode: %w", err)
	}
	return encMode.Marshal(wire{
		Version: version, Product: a.Product[:], Sequence: a.Sequence,
		Rev: a.Rev, Block: a.Block, Envelope: a.Envelope,
	})
}

// Decode decodes strictly: trailing bytes, other versions, missing or extra
// fields, values out of range and any encoding but the deterministic one are
// refused with a hard *verify.Error, since no honest node sends them. The
// envelope inside is not looked at.
func Decode(b []byte) (*Announcement, error) {
	if len(b) > MaxAnnouncementSize {
		return nil, verify.Hard(verify.AttackEndlessData, "announcement of %d bytes, the limit is %d", len(b), MaxAnnouncementSize)
	}
	var w wire
	if err := decMode.Unmarshal(b, &w); err != nil {
		return nil, verify.Hard(verify.AttackMalformed, "announcement: %w", err)
	}
	if w.Version != version {
		return nil, verify.Hard(verify.AttackMalformed, "announcement version %d, this node speaks %d: update it", w.Version, version)
	}
	a := &Announcement{Sequence: w.Sequence, Rev: w.Rev, Block: w.Block, Envelope: w.Envelope}
	if len(w.Product) != len(a.Product) {
		return nil, verify.Hard(verify.AttackMalformed, "product id of %d bytes, want %d", len(w.Product), len(a.Product))
	}
	copy(a.Product[:], w.Product)
	if err := a.check(); err != nil {
		return nil, verify.Hard(verify.AttackMalformed, "%w", err)
	}
	// The decoder accepts longer forms of integers and lengths; one value has
	// one encoding here, or a replay could be dressed as a new message.
	if again, err := encMode.Marshal(w); err != nil || !bytes.Equal(again, b) {
		return nil, verify.Hard(verify.AttackMalformed, "announcement is not in deterministic encoding")
	}
	return a, nil
}

func (a *Announcement) check() error {
	switch {
	case a.Rev == 0:
		return errors.New("rev 0: a product that is registered has a rev of at least 1")
	case len(a.Envelope) > verify.MaxEnvelopeSize:
		return fmt.Errorf("envelope of %d bytes, the limit is %d", len(a.Envelope), verify.MaxEnvelopeSize)
	case !a.Bare() && a.Sequence == 0:
		return errors.New("sequence 0 with an envelope: releases count from 1")
	}
	return nil
}
