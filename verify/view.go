package verify

import "github.com/ipfs/go-cid"

// Release is what the registry contract records of one firmware release. It is
// the truth that every announcement and manifest is held against.
type Release struct {
	Product     ProductID
	Sequence    uint64   // strictly increasing by one per product, from 1
	Version     string   // for people; never compared
	ImageSize   uint64   // bytes
	ImageSHA256 [32]byte // of the whole image
	Envelope    [32]byte // SHA-256 of the encoded envelope (manifest and signatures)
	Revoked     bool
	PublishedAt uint64 // block time, seconds since 1970
}

// EnvelopeCID is the CIDv1 (raw, sha2-256) under which the release's envelope
// is served as one block.
func (r Release) EnvelopeCID() cid.Cid { return RawCID(r.Envelope) }

// Candidate is a release that the registry offers together with the rollout
// policy that applies to it in one region.
type Candidate struct {
	Release
	Rollout Rollout
}

// View is one quorum-accepted answer of the registry's check(product, region):
// everything a device needs to decide alone.
type View struct {
	Registry RegistryRef
	Product  ProductID
	Region   Region

	Rev      uint64   // counts every change that can alter an answer for this product
	RevBlock uint64   // block of the latest such change
	Digest   [32]byte // rolling digest over those changes; equal Rev means equal Digest

	Block uint64 // head block the answer was read at
	Time  uint64 // that block's time, seconds since 1970

	// Witnessed says that witnesses added to the view what the device's own quorum
	// has not confirmed. What they say is good enough to fetch and to relay by, and
	// never a reason to penalise somebody.
	Witnessed bool

	Paused       bool        // the operator stopped the whole registry: install nothing
	Latest       uint64      // newest sequence ever published, revoked ones included
	MinSequence  uint64      // anti-rollback floor set by the manufacturer
	Barrier      uint64      // a device below this sequence must install it first; 0: none
	Keys         KeySet      // the manufacturer's code-signing keys as the chain lists them
	Manufacturer DID         // the manufacturer's DID
	Candidates   []Candidate // releases on offer, newest first, at most MaxCandidates: the newest, those that are rolled out in the region, the barrier; none revoked
}

// Candidate returns the offered release with the given sequence.
func (v *View) Candidate(sequence uint64) (Candidate, bool) {
	for _, c := range v.Candidates {
		if c.Sequence == sequence {
			return c, true
		}
	}
	return Candidate{}, false
}
