package token

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestURI(t *testing.T) {
	got, err := parse("pkcs11:token=release%20keys;manufacturer=SoftHSM%20project;serial=0a%3Bb;model=v2;id=%01%00;object=signer%201;type=private?module-path=/usr/lib/m.so&pin-source=file:/run/pin")
	want := uri{
		module: "/usr/lib/m.so", pinSource: "/run/pin", token: "release keys", manufacturer: "SoftHSM project", serial: "0a;b", model: "v2",
		object: "signer 1", id: []byte{1, 0},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	const module = "?module-path=/m.so"
	for s, words := range map[string]string{
		"file.key":                         "must begin with",
		"pkcs11:" + module:                 "names no key",
		"pkcs11:object=a":                  "no module-path",
		"pkcs11:object=a?module-path=m.so": "not absolute",
		"pkcs11:object=a" + module + "&pin-source=pin":          "not absolute",
		"pkcs11:object=a" + module + "&pin-value=1234":          "command line",
		"pkcs11:object=a&pin-value=1234" + module:               "written %26",
		"pkcs11:object=a" + module + ";pin-value=1234":          "written %3B",
		"pkcs11:object=a;object=b" + module:                     "twice",
		"pkcs11:object=a;color=red" + module:                    "unknown",
		"pkcs11:object=a;type=public" + module:                  "type=private",
		"pkcs11:object=%zz" + module:                            "broken",
		"pkcs11:object=" + module:                               "without a value",
		"pkcs11:object=a%00b" + module:                          "zero byte",
		"pkcs11:object=a;" + module:                             "without a value",
		"pkcs11:object=" + strings.Repeat("a", maxURI) + module: "longer",
	} {
		if _, err := parse(s); !errors.Is(err, ErrURI) || !strings.Contains(err.Error(), words) {
			t.Errorf("%.60s: %v, want %q", s, err, words)
		} else if strings.Contains(err.Error(), "1234") {
			t.Errorf("the error repeats the PIN: %v", err)
		}
	}
	if Is("signer1.key") || !Is("pkcs11:object=a") {
		t.Error("what is a URI is not told")
	}
}

// Whatever is read names a key, a module by its whole path, and no PIN.
func FuzzURI(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parse(s)
		if err != nil {
			if !errors.Is(err, ErrURI) {
				t.Fatal(err)
			}
			return
		}
		if !strings.HasPrefix(u.module, "/") || u.object == "" && len(u.id) == 0 || u.pinSource != "" && u.pinSource[0] != '/' || strings.Contains(s, "&pin-value=") {
			t.Fatalf("%+v", u)
		}
	})
}
