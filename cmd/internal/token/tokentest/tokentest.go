//go:build pkcs11 && cgo

package tokentest

import (
	"crypto/elliptic"
	"encoding/asn1"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/miekg/pkcs11"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// PIN is that of every token.
const PIN = "271828"

// modules are where distributions put SoftHSM 2.
var modules = []string{
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/opt/homebrew/lib/softhsm/libsofthsm2.so",
}

// A Token is one with keys on it.
type Token struct {
	Module, Label string
	PINFile       string
	t             *testing.T
}

// New makes an empty token of the test's own. It skips the test where SoftHSM is
// missing, and fails it if CAMSWARM_SOFTHSM is set, as CI does.
func New(t *testing.T, label string) *Token {
	t.Helper()
	k := &Token{Label: label, t: t}
	for _, m := range modules {
		if _, err := os.Stat(m); err == nil {
			k.Module = m
		}
	}
	if k.Module == "" {
		if os.Getenv("CAMSWARM_SOFTHSM") != "" {
			t.Fatal("SoftHSM is not installed")
		}
		t.Skip("SoftHSM is not installed: apt-get install softhsm2")
	}
	if os.Getenv("SOFTHSM2_CONF") == "" || filepath.Dir(os.Getenv("SOFTHSM2_CONF")) == "/etc/softhsm" {
		dir := t.TempDir()
		k.must(os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
		conf := filepath.Join(dir, "softhsm2.conf")
		k.must(os.WriteFile(conf, []byte("directories.tokendir = "+filepath.Join(dir, "tokens")+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600))
		t.Setenv("SOFTHSM2_CONF", conf)
	}
	k.PINFile = filepath.Join(t.TempDir(), "pin")
	k.must(os.WriteFile(k.PINFile, []byte(PIN+"\n"), 0o600))
	m := k.load()
	defer k.unload(m)
	slots, err := m.GetSlotList(true)
	k.must(err)
	fresh := slots[len(slots)-1] // SoftHSM always has one more
	k.must(m.InitToken(fresh, "so-"+PIN, label))
	h, err := m.OpenSession(fresh, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	k.must(err)
	k.must(m.Login(h, pkcs11.CKU_SO, "so-"+PIN))
	k.must(m.InitPIN(h, PIN))
	k.must(m.CloseSession(h))
	return k
}

func (k *Token) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *Token) load() *pkcs11.Ctx {
	k.t.Helper()
	m := pkcs11.New(k.Module)
	if m == nil {
		k.t.Fatalf("%s cannot be loaded", k.Module)
	}
	k.must(m.Initialize())
	return m
}

func (k *Token) unload(m *pkcs11.Ctx) {
	k.t.Helper()
	k.must(m.Finalize())
	m.Destroy()
}

// URI names a key on the token, whose PIN is in a file.
func (k *Token) URI(object string) string { return k.Ask(object) + "&pin-source=" + k.PINFile }

// Ask is URI without the PIN.
func (k *Token) Ask(object string) string {
	return fmt.Sprintf("pkcs11:token=%s;object=%s?module-path=%s", url.PathEscape(k.Label), url.PathEscape(object), k.Module)
}

// Put writes a key on the token, both halves, with an id. With always the token
// wants the PIN for each signature.
func (k *Token) Put(object string, id byte, key *sign.Key, always bool) {
	k.t.Helper()
	m := k.load()
	defer k.unload(m)
	slots, err := m.GetSlotList(true)
	k.must(err)
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		k.must(err)
		if info.Label != k.Label {
			continue
		}
		h, err := m.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		k.must(err)
		k.must(m.Login(h, pkcs11.CKU_USER, PIN))
		kind, params, point := k.describe(key)
		common := func(class uint, private bool) []*pkcs11.Attribute {
			return []*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
				pkcs11.NewAttribute(pkcs11.CKA_LABEL, object), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{id}), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params),
				pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, private),
			}
		}
		_, err = m.CreateObject(h, append(common(pkcs11.CKO_PUBLIC_KEY, false), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point)))
		k.must(err)
		_, err = m.CreateObject(h, append(common(pkcs11.CKO_PRIVATE_KEY, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE, key.Bytes()),
			pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_ALWAYS_AUTHENTICATE, always)))
		k.must(err)
		k.must(m.CloseSession(h))
		return
	}
	k.t.Fatalf("no token %s", k.Label)
}

// describe returns what PKCS#11 says of a key's public half.
func (k *Token) describe(key *sign.Key) (kind uint, params, point []byte) {
	raw := key.Public().Bytes()[2:]
	var oid asn1.ObjectIdentifier
	kind = pkcs11.CKK_EC
	switch key.Algorithm() {
	case verify.EdDSA:
		kind, oid = 0x40, asn1.ObjectIdentifier{1, 3, 101, 112} // CKK_EC_EDWARDS
	case verify.ES256:
		oid = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
		raw = uncompressP256(k.t, raw)
	case verify.ES256K:
		oid = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
		p, err := secp256k1.ParsePubKey(raw)
		k.must(err)
		raw = p.SerializeUncompressed()
	}
	params, err := asn1.Marshal(oid)
	k.must(err)
	point, err = asn1.Marshal(raw)
	k.must(err)
	return kind, params, point
}

func uncompressP256(t *testing.T, b []byte) []byte {
	t.Helper()
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), b)
	if x == nil {
		t.Fatal("no point of P-256")
	}
	return elliptic.Marshal(elliptic.P256(), x, y)
}
