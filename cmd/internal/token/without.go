//go:build !pkcs11 || !cgo

package token

import (
	"errors"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// ErrNotBuilt says that this program cannot load modules.
var ErrNotBuilt = errors.New("this camswarm was built without PKCS#11: build one with it by 'CGO_ENABLED=1 go build -tags pkcs11 ./cmd/camswarm', or use 'tosign' and 'attach'")

// Load returns the key that a URI names. Its signatures are made on the token. pin
// is asked for the PIN if the URI names no file with it.
func Load(name string, _ func(label string) ([]byte, error)) (*sign.Key, error) {
	if _, err := parse(name); err != nil {
		return nil, err
	}
	return nil, ErrNotBuilt
}

// Public returns the public half of the key that a URI names, without a PIN.
func Public(name string) (verify.PublicKey, error) {
	if _, err := parse(name); err != nil {
		return verify.PublicKey{}, err
	}
	return verify.PublicKey{}, ErrNotBuilt
}
