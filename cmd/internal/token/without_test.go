//go:build !pkcs11 || !cgo

package token

import (
	"errors"
	"strings"
	"testing"
)

// A program without PKCS#11 says how to build one with it, and which names it does
// not understand in any case.
func TestWithoutModules(t *testing.T) {
	const name = "pkcs11:object=a?module-path=/m.so"
	_, err := Load(name, nil)
	_, perr := Public(name)
	for _, err := range []error{err, perr} {
		if !errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), "-tags pkcs11 ./cmd/camswarm") {
			t.Error(err)
		}
	}
	if _, err := Load("pkcs11:", nil); !errors.Is(err, ErrURI) {
		t.Error(err)
	}
}
