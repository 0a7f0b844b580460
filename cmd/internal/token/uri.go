package token

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// maxURI bounds a URI in bytes; that of a token with every attribute has a few
// hundred.
const maxURI = 4096

// ErrURI is wrapped by every error about a URI.
var ErrURI = errors.New("not a usable PKCS#11 URI")

// scheme begins a URI.
const scheme = "pkcs11:"

// Is tells whether a name is of a key on a token rather than a file.
func Is(name string) bool { return strings.HasPrefix(name, scheme) }

// uri is what a PKCS#11 URI says: which module to load, and attributes that the
// token and the key must have. Empty ones match anything.
type uri struct {
	module    string // path of the library
	pinSource string // path of a file with the PIN; "": ask

	token, manufacturer, serial, model string
	object                             string // label of the key
	id                                 []byte // CKA_ID of the key
}

// parse reads a URI of RFC 7512. Attributes that it does not know are errors, since
// they were meant to narrow a choice, and so is a PIN within the URI: others see a
// command line, and shells remember it.
func parse(s string) (u uri, err error) {
	bad := func(format string, args ...any) (uri, error) {
		return uri{}, fmt.Errorf("%w: %s", ErrURI, fmt.Sprintf(format, args...))
	}
	if len(s) > maxURI {
		return bad("longer than %d bytes", maxURI)
	}
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return bad("it must begin with %s", scheme)
	}
	path, query, _ := strings.Cut(rest, "?")
	seen := map[string]bool{}
	take := func(part string) error {
		name, text, ok := strings.Cut(part, "=")
		value, err := url.PathUnescape(text)
		switch {
		case !ok || value == "" || err != nil:
			return fmt.Errorf("%w: an attribute %q without a value, or with a broken one", ErrURI, name)
		case seen[name]:
			return fmt.Errorf("%w: attribute %s twice", ErrURI, name)
		case strings.ContainsRune(value, 0) && name != "id":
			return fmt.Errorf("%w: attribute %s holds a zero byte", ErrURI, name)
		}
		seen[name] = true
		switch name {
		case "token":
			u.token = value
		case "manufacturer":
			u.manufacturer = value
		case "serial":
			u.serial = value
		case "model":
			u.model = value
		case "object":
			u.object = value
		case "id":
			u.id = []byte(value)
		case "type":
			if value != "private" {
				return fmt.Errorf("%w: type=%s; the key that signs is of type=private", ErrURI, value)
			}
		case "module-path":
			u.module = value
		case "pin-source":
			u.pinSource = strings.TrimPrefix(strings.TrimPrefix(value, "file://"), "file:")
		case "pin-value":
			return fmt.Errorf("%w: a PIN does not belong on a command line: use pin-source=FILE, or be asked", ErrURI)
		default:
			return fmt.Errorf("%w: attribute %q is unknown here; there are token, manufacturer, serial, model, object, id, type, module-path, pin-source", ErrURI, name)
		}
		return nil
	}
	for _, list := range []struct{ text, by, not, encoded string }{{path, ";", "&", "%26"}, {query, "&", ";", "%3B"}} {
		if list.text == "" {
			continue
		}
		if strings.Contains(list.text, list.not) { // or a PIN would pass as a part of a name
			return bad("a %s where attributes are separated by %s; within a value it is written %s", list.not, list.by, list.encoded)
		}
		for part := range strings.SplitSeq(list.text, list.by) {
			if err := take(part); err != nil {
				return uri{}, err
			}
		}
	}
	switch {
	case u.module == "":
		return bad("no module-path: name the token maker's library, as in ?module-path=/usr/lib/softhsm/libsofthsm2.so")
	case !filepath.IsAbs(u.module):
		return bad("module-path %s is not absolute", u.module)
	case u.pinSource != "" && !filepath.IsAbs(u.pinSource):
		return bad("pin-source %s is not absolute", u.pinSource)
	case u.object == "" && len(u.id) == 0:
		return bad("it names no key: add object=LABEL or id=%%01")
	}
	return u, nil
}
