//go:build pkcs11 && cgo

package token

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// What PKCS#11 3.0 names and the library's header of 2.40 does not.
const (
	ckmEdDSA = 0x1057
)

// mostFound bounds the objects that a token is asked for; two are too many.
const mostFound = 2

// Errors of choosing, wrapped with what there is.
var (
	errNoToken = errors.New("no such token")
	errNoKey   = errors.New("no such key on the token")
	errMany    = errors.New("the URI fits more than one")
	errKeyKind = errors.New("a key that signs nothing here: use Ed25519, P-256 or secp256k1")
)

// Load returns the key that a URI names. Its signatures are made on the token. pin
// is asked for the PIN if the URI names no file with it.
func Load(name string, pin func(label string) ([]byte, error)) (*sign.Key, error) {
	u, err := parse(name)
	if err != nil {
		return nil, err
	}
	var secret []byte // the PIN, for as long as the process signs
	var public verify.PublicKey
	err = u.open(func(s *session) error {
		if u.pinSource != "" {
			secret, err = sign.ReadPassphrase(u.pinSource)
		} else {
			secret, err = pin(s.label)
		}
		if err != nil {
			return err
		}
		if err := s.login(secret); err != nil {
			return err
		}
		key, err := s.find(&u, pkcs11.CKO_PRIVATE_KEY)
		if err != nil {
			return err
		}
		public, err = s.public(&u, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sign.Remote(public, func(b []byte) (made []byte, err error) {
		err = u.open(func(s *session) error {
			if err := s.login(secret); err != nil {
				return err
			}
			key, err := s.find(&u, pkcs11.CKO_PRIVATE_KEY)
			if err != nil {
				return err
			}
			made, err = s.sign(key, public.Algorithm(), b, secret)
			return err
		})
		return made, err
	}), nil
}

// Public returns the public half of the key that a URI names, without a PIN.
func Public(name string) (public verify.PublicKey, err error) {
	u, err := parse(name)
	if err != nil {
		return public, err
	}
	err = u.open(func(s *session) error {
		key, err := s.find(&u, pkcs11.CKO_PUBLIC_KEY)
		if err != nil {
			return fmt.Errorf("%w (public halves are looked for without a PIN)", err)
		}
		public, err = s.point(key)
		return err
	})
	return public, err
}

// session is one with the token that a URI names.
type session struct {
	module *pkcs11.Ctx
	handle pkcs11.SessionHandle
	label  string // the token's
}

// open loads the module, opens a session for the time of do, and unloads it.
func (u *uri) open(do func(*session) error) (err error) {
	m := pkcs11.New(u.module)
	if m == nil {
		return fmt.Errorf("the PKCS#11 module %s cannot be loaded: is it there, and for this machine?", u.module)
	}
	defer m.Destroy()
	if err := m.Initialize(); err != nil {
		return fmt.Errorf("PKCS#11 module %s: %w", u.module, err)
	}
	defer func() { err = errors.Join(err, m.Finalize()) }()
	slots, err := m.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("PKCS#11 module %s: %w", u.module, err)
	}
	var chosen []uint
	var labels []string
	label := ""
	for _, slot := range slots {
		t, err := m.GetTokenInfo(slot)
		if err != nil || t.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		labels = append(labels, t.Label)
		if fits(u.token, t.Label) && fits(u.manufacturer, t.ManufacturerID) && fits(u.serial, t.SerialNumber) && fits(u.model, t.Model) {
			chosen, label = append(chosen, slot), t.Label
		}
	}
	switch {
	case len(chosen) == 0:
		return fmt.Errorf("%w: module %s has the tokens %q", errNoToken, u.module, labels)
	case len(chosen) > 1:
		return fmt.Errorf("%w token: module %s has the tokens %q; add token=LABEL or serial=NUMBER", errMany, u.module, labels)
	}
	h, err := m.OpenSession(chosen[0], pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return fmt.Errorf("token %s: %w", label, err)
	}
	defer func() { _ = m.CloseSession(h) }() // logs out
	if err := do(&session{m, h, label}); err != nil {
		return fmt.Errorf("token %s: %w", label, err)
	}
	return nil
}

// fits compares an attribute with a field, which modules pad with blanks.
func fits(want, field string) bool { return want == "" || want == strings.TrimRight(field, " \x00") }

func (s *session) login(pin []byte) error {
	err := s.module.Login(s.handle, pkcs11.CKU_USER, string(pin))
	if errors.Is(err, pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)) {
		return errors.New("the PIN is wrong; it was tried once, and tokens lock themselves after a few")
	}
	return err
}

// find returns the only object of a class that the URI names.
func (s *session) find(u *uri, class uint) (pkcs11.ObjectHandle, error) {
	want := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}
	if u.object != "" {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.object))
	}
	if len(u.id) > 0 {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_ID, u.id))
	}
	found, err := s.search(want)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, fmt.Errorf("%w: object=%q id=%x", errNoKey, u.object, u.id)
	case len(found) > 1:
		return 0, fmt.Errorf("%w key: object=%q id=%x", errMany, u.object, u.id)
	}
	return found[0], nil
}

func (s *session) search(want []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := s.module.FindObjectsInit(s.handle, want); err != nil {
		return nil, err
	}
	found, _, err := s.module.FindObjects(s.handle, mostFound)
	return found, errors.Join(err, s.module.FindObjectsFinal(s.handle))
}

// public returns the public half of a private key: of the public object with the
// same id, or of the key itself on tokens that keep it there.
func (s *session) public(u *uri, key pkcs11.ObjectHandle) (verify.PublicKey, error) {
	if id, err := s.get(key, pkcs11.CKA_ID); err == nil && len(id) > 0 {
		found, err := s.search([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_ID, id)})
		if err == nil && len(found) == 1 {
			return s.point(found[0])
		}
	}
	if public, err := s.point(key); err == nil {
		return public, nil
	}
	other, err := s.find(u, pkcs11.CKO_PUBLIC_KEY)
	if err != nil {
		return verify.PublicKey{}, fmt.Errorf("the key's public half: %w", err)
	}
	return s.point(other)
}

// Parameters of curves as tokens give them: an object identifier, or for Ed25519 a
// name too.
var curves = map[string]verify.Algorithm{
	"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07": verify.ES256,
	"\x06\x05\x2b\x81\x04\x00\x0a":             verify.ES256K,
	"\x06\x03\x2b\x65\x70":                     verify.EdDSA,
	"\x13\x0cedwards25519":                     verify.EdDSA,
}

// point reads a public key off an object.
func (s *session) point(object pkcs11.ObjectHandle) (verify.PublicKey, error) {
	params, err := s.get(object, pkcs11.CKA_EC_PARAMS)
	if err != nil {
		return verify.PublicKey{}, errKeyKind
	}
	alg, ok := curves[string(params)]
	if !ok {
		return verify.PublicKey{}, errKeyKind
	}
	b, err := s.get(object, pkcs11.CKA_EC_POINT)
	if err != nil {
		return verify.PublicKey{}, err
	}
	var raw []byte // the standard wraps it into an OCTET STRING, some modules do not
	if rest, err := asn1.Unmarshal(b, &raw); err != nil || len(rest) > 0 {
		raw = b
	}
	if alg != verify.EdDSA && len(raw) == 65 && raw[0] == 4 {
		raw = append([]byte{2 + raw[64]&1}, raw[1:33]...)
	}
	public, err := verify.NewPublicKey(alg, raw)
	if err != nil {
		return public, fmt.Errorf("the key's public half: %w", err)
	}
	return public, nil
}

func (s *session) get(object pkcs11.ObjectHandle, attribute uint) ([]byte, error) {
	out, err := s.module.GetAttributeValue(s.handle, object, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil {
		return nil, err
	}
	return out[0].Value, nil
}

// sign signs a message (Ed25519) or a digest (ECDSA) as it is.
func (s *session) sign(key pkcs11.ObjectHandle, alg verify.Algorithm, b, pin []byte) ([]byte, error) {
	mechanism := uint(pkcs11.CKM_ECDSA)
	if alg == verify.EdDSA {
		mechanism = ckmEdDSA
	}
	if err := s.module.SignInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, key); err != nil {
		return nil, fmt.Errorf("sign by %s: %w", alg, err)
	}
	// Some cards want the PIN for each signature.
	if always, err := s.get(key, pkcs11.CKA_ALWAYS_AUTHENTICATE); err == nil && bytes.Equal(always, []byte{1}) {
		if err := s.module.Login(s.handle, pkcs11.CKU_CONTEXT_SPECIFIC, string(pin)); err != nil {
			return nil, fmt.Errorf("sign by %s: %w", alg, err)
		}
	}
	made, err := s.module.Sign(s.handle, b)
	if err != nil {
		return nil, fmt.Errorf("sign by %s: %w", alg, err)
	}
	return made, nil
}
