package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Product names one line of devices that share firmware: the vendor's DNS name
// and a model name, written "vendor/name" (for example "tenvis.com/ucam-2").
// It stands for the elements Vendor ID and Class ID of RFC 9124 section 3.
type Product struct {
	Vendor string
	Name   string
}

// ParseProduct reads "vendor/name". The vendor is a DNS name of at least two
// labels (RFC 1035 section 2.3.1), the name is made of letters, digits and
// inner '-'; all lower case, together at most MaxText bytes.
func ParseProduct(s string) (Product, error) {
	vendor, name, ok := strings.Cut(s, "/")
	if !ok {
		return Product{}, fmt.Errorf("product %q must be written vendor/name, such as tenvis.com/ucam-2", s)
	}
	p := Product{Vendor: vendor, Name: name}
	if err := p.Validate(); err != nil {
		return Product{}, err
	}
	return p, nil
}

// Validate checks what [ParseProduct] checks.
func (p Product) Validate() error {
	if n := len(p.String()); n > MaxText {
		return fmt.Errorf("product is %d bytes long, at most %d are allowed", n, MaxText)
	}
	labels := strings.Split(p.Vendor, ".")
	if len(labels) < 2 {
		return fmt.Errorf("vendor %q must be a DNS name with a dot, such as tenvis.com", p.Vendor)
	}
	for _, l := range labels {
		if !isLabel(l) {
			return fmt.Errorf("vendor %q is not a lower-case DNS name", p.Vendor)
		}
	}
	if !isLabel(p.Name) {
		return fmt.Errorf("product name %q must be 1 to 63 lower-case letters, digits and inner '-'", p.Name)
	}
	return nil
}

// isLabel reports whether s is a lower-case DNS label: 1 to 63 letters, digits
// and '-', which neither begins nor ends it.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ProductID is the SHA-256 digest of a product's "vendor/name" form. It is the
// product's key in the registry contract and in topic names.
type ProductID [32]byte

// ID returns the product's key on chain and in topics.
func (p Product) ID() ProductID { return sha256.Sum256([]byte(p.String())) }

// String returns "vendor/name".
func (p Product) String() string { return p.Vendor + "/" + p.Name }

// MarshalText returns "vendor/name".
func (p Product) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParseProduct].
func (p *Product) UnmarshalText(b []byte) (err error) {
	*p, err = ParseProduct(string(b))
	return err
}

// String returns the lower-case hexadecimal form, 64 digits.
func (id ProductID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns the hexadecimal form.
func (id ProductID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the hexadecimal form, in either case.
func (id *ProductID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(id) {
		return fmt.Errorf("product id has %d characters, it must have %d hexadecimal digits", len(b), 2*len(id))
	}
	if _, err := hex.Decode(id[:], b); err != nil {
		return fmt.Errorf("product id: %w", err)
	}
	return nil
}

// Address is a 20-byte EVM account or contract address.
type Address [20]byte

// ParseAddress reads an address in 0x form (either case; a mixed-case checksum
// is not checked) or in IoTeX's io1 form (bech32, BIP 173, hrp "io").
func ParseAddress(s string) (Address, error) {
	var a Address
	switch {
	case strings.HasPrefix(s, "0x"):
		if len(s) != 2+2*len(a) {
			return Address{}, fmt.Errorf("address %q must have 40 hexadecimal digits after 0x", clip(s))
		}
		if _, err := hex.Decode(a[:], []byte(s[2:])); err != nil {
			return Address{}, fmt.Errorf("address %q: %w", s, err)
		}
	case strings.HasPrefix(s, "io1"):
		b, err := decodeBech32(s[3:])
		if err != nil {
			return Address{}, fmt.Errorf("address %q: %w", clip(s), err)
		}
		a = b
	default:
		return Address{}, fmt.Errorf("address %q must start with 0x or io1", clip(s))
	}
	return a, nil
}

// clip shortens a text from outside for an error message.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// decodeBech32 reads the part after "io1": 32 digits of 5 bits, which are 20
// bytes, and 6 digits of checksum (BIP 173).
func decodeBech32(s string) (a Address, err error) {
	const digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	if len(s) != 38 {
		return a, errors.New("an io1 address has 41 characters")
	}
	check := uint32(1)
	step := func(v byte) {
		top := check >> 25
		check = (check&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	for _, v := range [5]byte{'i' >> 5, 'o' >> 5, 0, 'i' & 31, 'o' & 31} {
		step(v)
	}
	var acc uint32
	for i := range len(s) {
		v := strings.IndexByte(digits, s[i])
		if v < 0 {
			return a, fmt.Errorf("%q is not a lower-case bech32 digit", s[i])
		}
		step(byte(v))
		if i < 32 {
			acc = acc<<5 | uint32(v)
			if bits := 5 * (i + 1); bits/8 > 5*i/8 {
				a[bits/8-1] = byte(acc >> (bits % 8))
			}
		}
	}
	if check != 1 {
		return a, errors.New("its checksum is wrong: look for a mistyped character")
	}
	return a, nil
}

// String returns the lower-case 0x form, the only one JSON-RPC accepts on IoTeX.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// MarshalText returns the lower-case 0x form.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is [ParseAddress].
func (a *Address) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddress(string(b))
	return err
}

// RegistryRef names one deployed registry contract: RFC 9124 calls such a
// binding the manifest's authority.
type RegistryRef struct {
	ChainID uint64
	Address Address
}

// ParseRegistryRef reads "chainID:address", the chain id in decimal and the
// address in any form of [ParseAddress].
func ParseRegistryRef(s string) (RegistryRef, error) {
	id, addr, ok := strings.Cut(s, ":")
	if !ok {
		return RegistryRef{}, fmt.Errorf("registry %q must be written chainID:address", clip(s))
	}
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return RegistryRef{}, fmt.Errorf("registry %q: chain id: %w", clip(s), err)
	}
	a, err := ParseAddress(addr)
	if err != nil {
		return RegistryRef{}, fmt.Errorf("registry: %w", err)
	}
	r := RegistryRef{ChainID: n, Address: a}
	return r, r.Validate()
}

// Validate checks that neither part is zero.
func (r RegistryRef) Validate() error {
	if r.ChainID == 0 {
		return errors.New("registry has no chain id")
	}
	if r.Address == (Address{}) {
		return errors.New("registry has no contract address")
	}
	return nil
}

// String returns "chainID:0xaddress".
func (r RegistryRef) String() string { return fmt.Sprintf("%d:%s", r.ChainID, r.Address) }

// MarshalText returns "chainID:0xaddress".
func (r RegistryRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is [ParseRegistryRef].
func (r *RegistryRef) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRegistryRef(string(b))
	return err
}
