package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Product names one line of devices that share firmware: the vendor's DNS name
// and a model name, written "vendor/name" (for example "tenvis.com/ucam-2").
// It stands for the vendor and class identifiers of RFC 9124 sections 3.4-3.5.
type Product struct {
	Vendor string
	Name   string
}

// ProductID is the SHA-256 digest of a product's "vendor/name" form. It is the
// product's key in the registry contract and in topic names.
type ProductID [32]byte

// ID returns the product's key on chain and in topics.
func (p Product) ID() ProductID { return sha256.Sum256([]byte(p.String())) }

// String returns "vendor/name".
func (p Product) String() string { return p.Vendor + "/" + p.Name }

// String returns the lower-case hexadecimal form, 64 digits.
func (id ProductID) String() string { return hex.EncodeToString(id[:]) }

// Address is a 20-byte EVM account or contract address.
type Address [20]byte

// String returns the lower-case 0x form, the only one JSON-RPC accepts on IoTeX.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// RegistryRef names one deployed registry contract: RFC 9124 calls such a
// binding the manifest's authority.
type RegistryRef struct {
	ChainID uint64
	Address Address
}

// String returns "chainID:0xaddress".
func (r RegistryRef) String() string { return fmt.Sprintf("%d:%s", r.ChainID, r.Address) }
