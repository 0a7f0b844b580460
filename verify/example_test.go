package verify_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log"
	"os"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// A release on its whole way: described and signed by the manufacturer, held
// against the registry and its bytes by a device.
func Example() {
	// The manufacturer's office.
	image := []byte("firmware 1.0\n")
	info, err := verify.DescribeImage(bytes.NewReader(image), 0)
	if err != nil {
		log.Fatal(err)
	}
	manifest := &verify.Manifest{
		Product:   verify.Product{Vendor: "example.com", Name: "doorbell"},
		Sequence:  1,
		Version:   "1.0",
		Image:     info,
		Component: "firmware",
		Registry:  verify.RegistryRef{ChainID: 4690, Address: verify.Address{19: 1}},
	}
	envelope, err := sign.NewEnvelope(manifest)
	if err != nil {
		log.Fatal(err)
	}
	pinned := verify.KeySet{Threshold: 2}
	for range 2 {
		key, err := sign.Generate(verify.EdDSA)
		if err != nil {
			log.Fatal(err)
		}
		if err := key.Sign(envelope); err != nil {
			log.Fatal(err)
		}
		pinned.Keys = append(pinned.Keys, key.Public())
	}
	encoded, err := envelope.Encode()
	if err != nil {
		log.Fatal(err)
	}

	// What the registry answers, as package chainwatch reads it.
	view := &verify.View{
		Registry: manifest.Registry,
		Product:  manifest.Product.ID(),
		Time:     1_790_000_000,
		Latest:   1,
		Keys:     pinned,
		Candidates: []verify.Candidate{{
			Release: verify.Release{
				Product:     manifest.Product.ID(),
				Sequence:    1,
				Version:     "1.0",
				ImageSize:   info.Size,
				ImageSHA256: info.SHA256,
				Envelope:    sha256.Sum256(encoded),
			},
			Rollout: verify.Rollout{Mode: verify.RolloutAll},
		}},
	}

	// A device.
	device := verify.Device{DID: "did:io:0x0000000000000000000000000000000000000007"}
	verifier := &verify.Verifier{Product: manifest.Product, Registry: manifest.Registry, Pinned: pinned}
	now := verify.Now(0, view.Time) // its clock says 1970
	choice := verify.Choose(view, device, now)
	fmt.Println("release", choice.Sequence, choice.Reason)

	signed, err := verifier.CheckSigned(encoded)
	if err != nil {
		log.Fatal(err)
	}
	approved, err := verifier.Approve(signed, view, now)
	if err != nil {
		log.Fatal(err)
	}
	if err := approved.CheckInstall(view, device); err != nil {
		log.Fatal(err)
	}
	genuine, err := approved.CheckImage(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := genuine.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}

	// The same with bytes that are not the manufacturer's.
	_, err = approved.CheckImage(bytes.NewReader([]byte("malware 666!\n")), int64(len(image)))
	fmt.Println(err)
	// Output:
	// release 1 eligible
	// firmware 1.0
	// arbitrary_installation: block 0 of the image has another digest than its manifest says
}
