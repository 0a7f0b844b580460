package verify

// DID is a decentralised identifier, did:key or did:io, in normal form (hex
// lower-cased: did:io:0xAB… and did:io:0xab… are one identity).
type DID string

// ParseDID checks and normalises a DID.
func ParseDID(s string) (DID, error) { panic("TODO") }

// DIDKey returns the did:key of a public key.
func DIDKey(k PublicKey) DID { panic("TODO") }

// Hash returns the SHA-256 of the DID's text, the form in which canary lists
// name devices on chain.
func (d DID) Hash() [32]byte { panic("TODO") }

// Region is a provisioned region code: lower-case letters, digits and '-', at
// most MaxRegion bytes; "" is the default region.
type Region string

// ParseRegion checks a region code.
func ParseRegion(s string) (Region, error) { panic("TODO") }

// Bytes32 returns the code left-aligned in 32 bytes, as the contract keys it.
func (r Region) Bytes32() [32]byte { panic("TODO") }
