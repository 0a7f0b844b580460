package sign_test

import (
	"bytes"
	"testing"

	"camswarm/verify"
	"camswarm/verify/sign"
)

func TestSmoke(t *testing.T) {
	info, err := verify.DescribeImage(bytes.NewReader(bytes.Repeat([]byte("x"), 200000)), 0)
	if err != nil {
		t.Fatal(err)
	}
	m := &verify.Manifest{
		Product:  verify.Product{Vendor: "example.com", Name: "cam"},
		Sequence: 1, Version: "1.0", Image: info, Component: "firmware",
		Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}},
	}
	e, err := sign.NewEnvelope(m)
	if err != nil {
		t.Fatal(err)
	}
	var set verify.KeySet
	for _, a := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K} {
		k, err := sign.Generate(a)
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, k.Public())
		if err := k.Sign(e); err != nil {
			t.Fatal(err)
		}
	}
	set.Threshold = 3
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	v := verify.Verifier{Product: m.Product, Registry: m.Registry, Pinned: set}
	if _, err := v.CheckSigned(b); err != nil {
		t.Fatal(err)
	}
}
