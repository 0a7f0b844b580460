package verify

import "io"

// Verifier holds what was provisioned on a device, the root of its trust.
type Verifier struct {
	Product  Product
	Registry RegistryRef
	Pinned   KeySet // the manufacturer's key set; the chain alone can never replace it
}

// Signed is a manifest that a threshold of the pinned keys signed for the
// pinned product and registry. Only [Verifier.CheckSigned] makes one.
type Signed struct {
	manifest *Manifest
	envelope []byte
	digest   [32]byte
}

// CheckSigned decodes an encoded envelope and checks product, registry and
// signatures. It asks nobody: it is the cheap check that precedes any look at
// the chain.
func (v *Verifier) CheckSigned(envelope []byte) (*Signed, error) { panic("TODO") }

// Manifest returns the signed manifest; the caller must not change it.
func (s *Signed) Manifest() *Manifest { return s.manifest }

// Envelope returns the encoded envelope; the caller must not change it.
func (s *Signed) Envelope() []byte { return s.envelope }

// Digest returns the SHA-256 of the encoded envelope.
func (s *Signed) Digest() [32]byte { return s.digest }

// Approved is a Signed manifest that the registry offers: same envelope
// digest, sequence, size, image digest and version, not revoked, not expired,
// key set on chain equal to the pinned one. It may be fetched and served.
// Only [Verifier.Approve] makes one.
type Approved struct {
	*Signed
	candidate Candidate
}

// Approve matches a signed manifest with a quorum view of the registry. now is
// seconds since 1970 (see [Now]); zero skips the expiry check.
func (v *Verifier) Approve(s *Signed, view *View, now uint64) (*Approved, error) { panic("TODO") }

// Candidate returns the chain's record that approved the manifest.
func (a *Approved) Candidate() Candidate { return a.candidate }

// CheckInstall decides whether an approved release may replace what the device
// runs: hardware revision, precursor (MinSequence), anti-rollback against the
// installed sequence and the view's floor.
func (a *Approved) CheckInstall(view *View, dev Device) error { panic("TODO") }

// Image is an approved release together with bytes that were hashed and found
// to be its image. Only [Approved.CheckImage] makes one, so an Installer that
// takes an Image cannot be handed anything unverified.
type Image struct {
	approved *Approved
	bytes    io.ReaderAt
}

// CheckImage hashes size bytes of r, block by block and whole, and fails on the
// first difference, on missing and on appended bytes. r must be private to the
// caller; later reads through the Image hash every block again, so bytes that
// change afterwards are caught before they are handed out (IMG.REPLACE).
func (a *Approved) CheckImage(r io.ReaderAt, size int64) (*Image, error) { panic("TODO") }

// Release returns the chain's record of the image's release.
func (i *Image) Release() Release { return i.approved.candidate.Release }

// Manifest returns the image's manifest.
func (i *Image) Manifest() *Manifest { return i.approved.manifest }

// Valid reports whether the image was made by CheckImage.
func (i *Image) Valid() bool { return i != nil && i.approved != nil }

// WriteTo writes the image's bytes, each block hashed again before it is
// written. It implements io.WriterTo.
func (i *Image) WriteTo(w io.Writer) (int64, error) { panic("TODO") }

// Choose decides, from the chain's view and what a device knows of itself,
// which release it should move to. It is pure: the same inputs give the same
// answer on every device and in every simulation. now is seconds since 1970.
func Choose(view *View, dev Device, now uint64) Choice { panic("TODO") }

// Now returns the time a device should reckon with: its own clock if that is
// not before the chain's time, else the chain's (a camera that boots in 1970
// reckons by the chain); a clock more than a day ahead of the chain is floored
// to the chain's time too.
func Now(clock, chain uint64) uint64 { panic("TODO") }
