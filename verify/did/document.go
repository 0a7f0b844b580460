package did

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"camswarm/verify"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/mr-tron/base58"
)

// Relationship is a verification relationship of DID Core section 5.3: what a
// DID's subject lets a key do.
type Relationship string

// The relationships that mean something here. A key listed only under
// authentication proves who somebody is, and signs nothing.
const (
	AssertionMethod      Relationship = "assertionMethod"      // signs firmware
	CapabilityInvocation Relationship = "capabilityInvocation" // sets rollout policies
	Authentication       Relationship = "authentication"       // neither
)

var relationships = []Relationship{AssertionMethod, CapabilityInvocation, Authentication}

// Document is what a DID document (DID Core 1.0) says about keys. Everything
// else in it is ignored.
type Document struct {
	ID   verify.DID // the subject, in normal form
	keys map[Relationship][]verify.PublicKey
}

// NewDocument returns the document of a DID that lists the given keys. For a
// did:key use [KeyDocument].
func NewDocument(id verify.DID, keys map[Relationship][]verify.PublicKey) (*Document, error) {
	normal, err := verify.ParseDID(string(id))
	if err != nil {
		return nil, err
	}
	d := &Document{ID: normal, keys: map[Relationship][]verify.PublicKey{}}
	for r, list := range keys {
		if !slices.Contains(relationships, r) {
			return nil, fmt.Errorf("relationship %q is none of assertionMethod, capabilityInvocation and authentication", r)
		}
		for i, k := range list {
			if k.IsZero() || slices.Contains(list[:i], k) {
				return nil, fmt.Errorf("key %d under %s is empty or stands twice", i+1, r)
			}
		}
		d.keys[r] = slices.Clone(list)
	}
	if n := len(d.all()); n == 0 || n > MaxMethods {
		return nil, fmt.Errorf("a DID document here has 1 to %d keys, not %d", MaxMethods, n)
	}
	return d, nil
}

// KeyDocument returns the document that a did:key stands for: its one key in
// every relationship (did:key specification section 3.1.1).
func KeyDocument(id verify.DID) (*Document, error) {
	text, ok := strings.CutPrefix(string(id), "did:key:")
	if !ok {
		return nil, fmt.Errorf("DID %.64q is no did:key", string(id))
	}
	k, err := verify.ParsePublicKey(text)
	if err != nil {
		return nil, err
	}
	keys := map[Relationship][]verify.PublicKey{}
	for _, r := range relationships {
		keys[r] = []verify.PublicKey{k}
	}
	return NewDocument(verify.DIDKey(k), keys)
}

// Keys returns the keys listed under a relationship, in the document's order.
func (d *Document) Keys(r Relationship) []verify.PublicKey { return slices.Clone(d.keys[r]) }

// Allows reports, as a nil error, that the subject lets a key do something. A
// key listed elsewhere in the document, or not at all, is a soft [Error]
// did_key_wrong_relationship.
func (d *Document) Allows(k verify.PublicKey, r Relationship) error {
	if slices.Contains(d.keys[r], k) {
		return nil
	}
	var under []string
	for _, other := range relationships {
		if slices.Contains(d.keys[other], k) {
			under = append(under, string(other))
		}
	}
	if len(under) == 0 {
		return verify.Soft(verify.AttackDIDRelationship, "the document of %s does not list key %s: add it under %s and register the document anew", d.ID, k, r)
	}
	return verify.Soft(verify.AttackDIDRelationship, "the document of %s lists key %s only under %s: add it under %s and register the document anew", d.ID, k, strings.Join(under, " and "), r)
}

// all returns every key once, in the order of the relationships.
func (d *Document) all() (all []verify.PublicKey) {
	for _, r := range relationships {
		for _, k := range d.keys[r] {
			if !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return all
}

// Encode returns the document as JSON that [ParseDocument] reads, the same
// bytes for the same document: Multikey methods, referred to by the
// relationships. The SHA-256 of these bytes is what goes on chain.
func (d *Document) Encode() ([]byte, error) {
	type method struct {
		ID         string     `json:"id"`
		Type       string     `json:"type"`
		Controller verify.DID `json:"controller"`
		Key        string     `json:"publicKeyMultibase"`
	}
	out := struct {
		Context    []string   `json:"@context"`
		ID         verify.DID `json:"id"`
		Methods    []method   `json:"verificationMethod"`
		Assertion  []string   `json:"assertionMethod,omitempty"`
		Capability []string   `json:"capabilityInvocation,omitempty"`
		Auth       []string   `json:"authentication,omitempty"`
	}{Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"}, ID: d.ID}
	for _, k := range d.all() {
		m := method{d.url(k), "Multikey", d.ID, k.String()}
		out.Methods = append(out.Methods, m)
	}
	for r, to := range map[Relationship]*[]string{AssertionMethod: &out.Assertion, CapabilityInvocation: &out.Capability, Authentication: &out.Auth} {
		for _, k := range d.keys[r] {
			*to = append(*to, d.url(k))
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("DID document: %w", err)
	}
	return append(b, '\n'), nil
}

func (d *Document) url(k verify.PublicKey) string { return string(d.ID) + "#" + k.String() }

// ParseDocument reads a DID document from outside. The JSON must be strict
// (UTF-8, no name twice, nothing behind it) and within the limits. Who calls it
// has compared the bytes' digest with the chain's, and compares ID with the DID
// that was asked for.
//
// Methods are read in the forms that IoTeX's tools and registries use:
// EcdsaSecp256k1VerificationKey2019, Ed25519VerificationKey2018 and 2020,
// JsonWebKey2020 (P-256, secp256k1, Ed25519) and Multikey. Other types, which
// may be newer than this program, give no key; nothing is signed with them.
// A relationship may refer to a method (by its whole id or by #fragment) or
// hold it.
//
// Its errors are soft [Error]s, since the bytes are the subject's and not the
// sender's: endless_data (over a limit), malformed, did_deactivated,
// did_case_alias (one method id twice, in two spellings), and
// did_key_wrong_relationship (the subject vouches for a key of another DID).
func ParseDocument(b []byte) (*Document, error) {
	if len(b) > verify.MaxDocumentSize {
		return nil, verify.Soft(verify.AttackEndlessData, "DID document is %d bytes long, at most %d are allowed", len(b), verify.MaxDocumentSize)
	}
	root, err := decodeJSON(b)
	if err != nil {
		return nil, verify.Soft(verify.AttackMalformed, "DID document: %w", err)
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, verify.Soft(verify.AttackMalformed, "DID document is not a JSON object")
	}
	text, _ := object["id"].(string)
	id, err := verify.ParseDID(text)
	if err != nil {
		return nil, verify.Soft(verify.AttackMalformed, "id of the DID document: %w", err)
	}
	if off, there := object["deactivated"]; there && off != false {
		return nil, verify.Soft(verify.AttackDIDDeactivated, "the document of %s says that it is deactivated", id)
	}
	p := documentParser{id: id, methods: map[string]method{}}
	// publicKey is what DID Core called verificationMethod before 2020.
	for _, name := range []string{"verificationMethod", "publicKey"} {
		list, err := p.list(object, name)
		if err != nil {
			return nil, err
		}
		for _, entry := range list {
			if _, err := p.add(entry); err != nil {
				return nil, err
			}
		}
	}
	doc := &Document{ID: id, keys: map[Relationship][]verify.PublicKey{}}
	for _, r := range relationships {
		list, err := p.list(object, string(r))
		if err != nil {
			return nil, err
		}
		for _, entry := range list {
			m, err := p.find(entry)
			if err != nil {
				return nil, err
			}
			if m.foreign && r != Authentication {
				return nil, verify.Soft(verify.AttackDIDRelationship, "the document of %s lists %.64q under %s, which another DID controls: only keys of its own count", id, m.id, r)
			}
			if !m.foreign && !m.key.IsZero() && !slices.Contains(doc.keys[r], m.key) {
				doc.keys[r] = append(doc.keys[r], m.key)
			}
		}
	}
	return doc, nil
}

// method is one verification method. key is zero when its type is unknown.
type method struct {
	id      string // absolute, the DID in normal form
	spelt   string // as the document has it
	key     verify.PublicKey
	foreign bool // of, or controlled by, another DID
}

type documentParser struct {
	id      verify.DID
	methods map[string]method // by id
}

func (p *documentParser) list(object map[string]any, name string) ([]any, error) {
	value, ok := object[name]
	if !ok {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, verify.Soft(verify.AttackMalformed, "%s of the DID document is not an array", name)
	}
	if len(list) > MaxMethods {
		return nil, verify.Soft(verify.AttackEndlessData, "%s of the DID document has %d entries, at most %d are allowed", name, len(list), MaxMethods)
	}
	return list, nil
}

// find returns the method that an entry of a relationship refers to or holds.
func (p *documentParser) find(entry any) (method, error) {
	ref, ok := entry.(string)
	if !ok {
		return p.add(entry)
	}
	id, foreign, err := p.absolute(ref)
	if err != nil {
		return method{}, err
	}
	if m, ok := p.methods[id]; ok {
		return m, nil
	}
	if foreign {
		return method{id: id, foreign: true}, nil
	}
	return method{}, verify.Soft(verify.AttackMalformed, "the DID document refers to %.64q and holds no such method", ref)
}

// add reads a method and records it under its id.
func (p *documentParser) add(entry any) (method, error) {
	object, ok := entry.(map[string]any)
	if !ok {
		return method{}, verify.Soft(verify.AttackMalformed, "a verification method is neither an object nor a reference")
	}
	spelt, _ := object["id"].(string)
	id, foreign, err := p.absolute(spelt)
	if err != nil {
		return method{}, err
	}
	if old, twice := p.methods[id]; twice {
		attack := verify.AttackMalformed
		if strings.EqualFold(old.spelt, spelt) && old.spelt != spelt {
			attack = verify.AttackDIDCaseAlias
		}
		return method{}, verify.Soft(attack, "the DID document has method %.64q twice (%.64q)", id, spelt)
	}
	if len(p.methods) == MaxMethods {
		return method{}, verify.Soft(verify.AttackEndlessData, "the DID document has over %d methods", MaxMethods)
	}
	m := method{id: id, spelt: spelt, foreign: foreign}
	// Methods of 2019 often leave the controller out: then it is the subject.
	if controller, there := object["controller"]; there {
		text, ok := controller.(string)
		if !ok {
			return method{}, verify.Soft(verify.AttackMalformed, "controller of method %.64q is not one DID", id)
		}
		did, err := verify.ParseDID(text)
		m.foreign = m.foreign || err != nil || did != p.id
	}
	if !m.foreign {
		if m.key, err = methodKey(object); err != nil {
			return method{}, verify.Soft(verify.AttackMalformed, "method %.64q of the DID document: %w", id, err)
		}
	}
	p.methods[id] = m
	return m, nil
}

// absolute resolves a method id: #fragment is of this document. One of another
// method than did:key and did:io stays as it is, and is foreign.
func (p *documentParser) absolute(ref string) (id string, foreign bool, err error) {
	did, fragment, ok := strings.Cut(ref, "#")
	if !ok || fragment == "" || len(ref) > maxURL {
		return "", false, verify.Soft(verify.AttackMalformed, "%.64q is no id of a verification method: it must be a DID and a #fragment, at most %d bytes", ref, maxURL)
	}
	subject := p.id
	if did != "" {
		if subject, err = verify.ParseDID(did); err != nil {
			return ref, true, nil
		}
	}
	return string(subject) + "#" + fragment, subject != p.id, nil
}

// keyTypes says, by type of method, in which member the key stands and of which
// algorithm it must be (0: the member says).
var keyTypes = map[string]struct {
	member    string
	algorithm verify.Algorithm
}{
	"EcdsaSecp256k1VerificationKey2019": {"publicKeyHex", verify.ES256K},
	"Ed25519VerificationKey2018":        {"publicKeyBase58", verify.EdDSA},
	"Ed25519VerificationKey2020":        {"publicKeyMultibase", verify.EdDSA},
	"JsonWebKey2020":                    {"publicKeyJwk", 0},
	"Multikey":                          {"publicKeyMultibase", 0},
}

// methodKey returns the key of a method, zero for an unknown type.
func methodKey(object map[string]any) (k verify.PublicKey, err error) {
	kind, _ := object["type"].(string)
	form, known := keyTypes[kind]
	if !known {
		return verify.PublicKey{}, nil
	}
	for name := range object {
		switch {
		case strings.HasPrefix(name, "secretKey"), strings.HasPrefix(name, "privateKey"):
			return k, errors.New("it publishes its secret key: replace the key")
		case strings.HasPrefix(name, "publicKey") && name != form.member:
			return k, fmt.Errorf("a %s has its key in %s, not in %.64q", kind, form.member, name)
		}
	}
	if form.member == "publicKeyJwk" {
		return keyFromJWK(object[form.member])
	}
	text, ok := object[form.member].(string)
	if !ok || len(text) > maxKeyText {
		return k, fmt.Errorf("%s is missing, too long or no text", form.member)
	}
	switch form.member {
	case "publicKeyHex":
		b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
		if err != nil {
			return k, fmt.Errorf("publicKeyHex: %w", err)
		}
		return verify.NewPublicKey(verify.ES256K, b)
	case "publicKeyBase58":
		b, err := base58.Decode(text)
		if err != nil {
			return k, fmt.Errorf("publicKeyBase58: %w", err)
		}
		return verify.NewPublicKey(verify.EdDSA, b)
	}
	if k, err = verify.ParsePublicKey(text); err == nil && form.algorithm != 0 && k.Algorithm() != form.algorithm {
		return verify.PublicKey{}, fmt.Errorf("a %s holds a key for %s", kind, k.Algorithm())
	}
	return k, err
}

// keyFromJWK reads a public key as RFC 7517 and 8037 write it (secp256k1: RFC 8812).
func keyFromJWK(value any) (k verify.PublicKey, err error) {
	jwk, ok := value.(map[string]any)
	if !ok {
		return k, errors.New("publicKeyJwk is missing or no object")
	}
	if _, secret := jwk["d"]; secret {
		return k, errors.New("publicKeyJwk publishes the secret key: replace the key")
	}
	coordinate := func(name string) []byte {
		text, _ := jwk[name].(string)
		b, decodeErr := base64.RawURLEncoding.Strict().DecodeString(text)
		if decodeErr != nil || len(b) != 32 {
			err = fmt.Errorf("%s of publicKeyJwk must be base64url of 32 bytes, without padding", name)
		}
		return b
	}
	kty, _ := jwk["kty"].(string)
	crv, _ := jwk["crv"].(string)
	switch kty + " " + crv {
	case "OKP Ed25519":
		x := coordinate("x")
		if err != nil {
			return k, err
		}
		return verify.NewPublicKey(verify.EdDSA, x)
	case "EC P-256":
		point := slices.Concat([]byte{4}, coordinate("x"), coordinate("y"))
		if err != nil {
			return k, err
		}
		if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return k, err
		}
		compressed := append([]byte{2 + point[64]&1}, point[1:33]...) // SEC 1 section 2.3.3
		return verify.NewPublicKey(verify.ES256, compressed)
	case "EC secp256k1":
		point := slices.Concat([]byte{4}, coordinate("x"), coordinate("y"))
		if err != nil {
			return k, err
		}
		pub, err := secp256k1.ParsePubKey(point)
		if err != nil {
			return k, err
		}
		return verify.NewPublicKey(verify.ES256K, pub.SerializeCompressed())
	}
	return verify.PublicKey{}, nil // a curve that is not used here, as an unknown type
}

// decodeJSON reads one JSON value strictly: the standard decoder takes names
// twice, invalid UTF-8 and any depth.
func decodeJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	value, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	object, list := map[string]any{}, []any{}
	for dec.More() {
		var name string
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ = token.(string)
			if _, twice := object[name]; twice {
				return nil, fmt.Errorf("name %.64q stands twice", name)
			}
		}
		value, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		if open == '{' {
			object[name] = value
		} else {
			list = append(list, value)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if open == '{' {
		return object, nil
	}
	return list, nil
}
