//go:build !camera

package node

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/node/control"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// The names under which contradictions are reported.
const (
	attackIPNSMismatch    = "ipns_mismatch"
	attackIPNSFastForward = "ipns_sequence_fast_forward"
)

// The keys of a record's metadata; the underscore keeps them apart from what the
// IPNS specification may come to define.
const (
	ipnsProduct      = "_product"      // string, vendor/name
	ipnsSequence     = "_sequence"     // int, of the release
	ipnsEnvelope     = "_envelope"     // bytes, SHA-256 of the encoded envelope
	ipnsImage        = "_sha256"       // bytes, of the whole image
	ipnsDocument     = "_document"     // bytes, SHA-256 of did.json; absent without one
	ipnsDocumentSize = "_documentSize" // int, its bytes
)

// IPNSSequence is the sequence of a record that is signed at a time: the
// release's in the upper half, seconds since 1970 in the lower. A record of a
// newer release thus replaces every one of an older, and a renewal the one that
// it renews, without a counter that the publisher could lose.
func IPNSSequence(release uint64, at time.Time) (uint64, error) {
	if release == 0 || release > math.MaxInt32 || at.Unix() <= 0 || at.Unix() > math.MaxUint32 {
		return 0, fmt.Errorf("release %d at %s has no IPNS sequence: releases go up to %d, times from 1970 to 2106", release, at.UTC().Format(time.RFC3339), math.MaxInt32)
	}
	return release<<32 | uint64(at.Unix()), nil
}

// NewIPNSRecord describes a release in an IPNS record whose value is the
// release directory. document is the DID document in it, if there is one. The
// record is in force from now for validity.
func NewIPNSRecord(m *verify.Manifest, envelope []byte, document verify.FileRef, now time.Time, validity, ttl time.Duration) (p2p.IPNSRecord, error) {
	sequence, err := IPNSSequence(m.Sequence, now)
	if err != nil {
		return p2p.IPNSRecord{}, err
	}
	digest := sha256.Sum256(envelope)
	r := p2p.IPNSRecord{
		Value:    "/ipfs/" + verify.Directory(m.Image, envelope, document).CID.String(),
		Sequence: sequence, Validity: now.Add(validity).UTC(), TTL: ttl,
		Metadata: map[string]any{
			ipnsProduct: m.Product.String(), ipnsSequence: int64(m.Sequence),
			ipnsEnvelope: digest[:], ipnsImage: m.Image.SHA256[:],
		},
	}
	if document.Size > 0 {
		r.Metadata[ipnsDocument], r.Metadata[ipnsDocumentSize] = document.SHA256[:], int64(document.Size)
	}
	return r, nil
}

// CheckIPNS compares a record, whose signature has been checked, with a release
// that was approved; now is the trusted time in seconds since 1970. The error
// says what is wrong unless the state is IPNSOK; for IPNSMismatch it is a
// *verify.Error. A contradiction outweighs an end that has passed.
func CheckIPNS(m *verify.Manifest, envelope []byte, r *p2p.IPNSRecord, now uint64) (control.IPNSState, error) {
	mismatch := func(attack, format string, args ...any) (control.IPNSState, error) {
		return control.IPNSMismatch, &verify.Error{Attack: attack, Err: fmt.Errorf(format, args...)}
	}
	product, _ := r.Metadata[ipnsProduct].(string)
	signed, _ := r.Metadata[ipnsSequence].(int64)
	digest, _ := r.Metadata[ipnsEnvelope].([]byte)
	image, _ := r.Metadata[ipnsImage].([]byte)
	sequence := uint64(max(signed, 0))
	if sequence == 0 || len(digest) != sha256.Size || len(image) != sha256.Size {
		return mismatch(attackIPNSMismatch, "the record does not say of which release it is")
	}
	if product != m.Product.String() {
		return mismatch(attackIPNSMismatch, "the record is of product %.130q, not of %s", product, m.Product)
	}
	// Renewals of honest releases could never replace such a record.
	if lead := m.Sequence + verify.MaxLead; sequence > lead || r.Sequence>>32 > lead {
		return mismatch(attackIPNSFastForward, "the record (of release %d, sequence %#x) is far beyond release %d: the next release needs another IPNS key", sequence, r.Sequence, m.Sequence)
	}
	if sequence == m.Sequence {
		if own := sha256.Sum256(envelope); !bytes.Equal(digest, own[:]) || !bytes.Equal(image, m.Image.SHA256[:]) {
			return mismatch(attackIPNSMismatch, "the record has another envelope or image for release %d than the registry", sequence)
		}
		document, err := ipnsDocumentRef(r)
		if err != nil {
			return mismatch(attackIPNSMismatch, "the record's document: %w", err)
		}
		directory := verify.Directory(m.Image, envelope, document).CID
		if !ipnsPointsTo(r, directory, m.Image.Root) {
			return mismatch(attackIPNSMismatch, "the record points to %.130q, the directory of release %d is %s", r.Value, sequence, directory)
		}
	}
	switch {
	case r.Validity.Unix() < int64(min(now, math.MaxInt64)):
		return control.IPNSExpired, fmt.Errorf("the record ended at %s; the publisher renews it with 'camswarm ipns publish'", r.Validity.UTC().Format(time.RFC3339))
	case sequence < m.Sequence:
		return control.IPNSBehind, fmt.Errorf("the record is still of release %d", sequence)
	case sequence > m.Sequence:
		return control.IPNSAhead, fmt.Errorf("the record is of release %d already", sequence)
	}
	return control.IPNSOK, nil
}

func ipnsDocumentRef(r *p2p.IPNSRecord) (ref verify.FileRef, err error) {
	digest, has := r.Metadata[ipnsDocument]
	if !has {
		return ref, nil
	}
	b, _ := digest.([]byte)
	size, _ := r.Metadata[ipnsDocumentSize].(int64)
	if len(b) != sha256.Size || size < 1 || size > verify.MaxDocumentSize {
		return ref, fmt.Errorf("a digest of 32 bytes and a size up to %d are needed", verify.MaxDocumentSize)
	}
	return verify.FileRef{SHA256: [32]byte(b), Size: uint64(size)}, nil
}

func ipnsPointsTo(r *p2p.IPNSRecord, roots ...cid.Cid) bool {
	for _, c := range roots {
		if r.Value == "/ipfs/"+c.String() {
			return true
		}
	}
	return false
}
