package approved

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// Release returns a release of an image that one key has signed and the chain offers
// to everybody.
func Release(sequence uint64, image io.Reader) (*verify.Approved, error) {
	key, err := sign.New(verify.EdDSA, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, err
	}
	v := &verify.Verifier{
		Product:  verify.Product{Vendor: "acme.example", Name: "cam-1"},
		Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}},
		Pinned:   verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{key.Public()}},
	}
	info, err := verify.DescribeImage(image, verify.MinBlockSize)
	if err != nil {
		return nil, err
	}
	m := &verify.Manifest{
		Product: v.Product, Sequence: sequence, Version: fmt.Sprintf("1.%d.0", sequence),
		Image: info, Component: "firmware", Registry: v.Registry,
	}
	e, err := sign.NewEnvelope(m)
	if err != nil {
		return nil, err
	}
	if err := key.Sign(e); err != nil {
		return nil, err
	}
	encoded, err := e.Encode()
	if err != nil {
		return nil, err
	}
	s, err := v.CheckSigned(encoded)
	if err != nil {
		return nil, err
	}
	rel := verify.Release{
		Product: v.Product.ID(), Sequence: sequence, Version: m.Version,
		ImageSize: info.Size, ImageSHA256: info.SHA256, Envelope: sha256.Sum256(encoded), PublishedAt: 1_790_000_000,
	}
	return v.Approve(s, &verify.View{
		Registry: v.Registry, Product: rel.Product, Rev: 1, Block: 100, Time: 1_790_000_100, Latest: sequence, Keys: v.Pinned,
		Candidates: []verify.Candidate{{Release: rel, Rollout: verify.Rollout{Mode: verify.RolloutAll}}},
	}, 0)
}
