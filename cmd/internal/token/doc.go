// Package token signs with keys on PKCS#11 tokens (security modules, smart cards,
// SoftHSM), which it names by RFC 7512 URIs. It is for the tool alone. Modules are
// C libraries: only a program that is built with cgo and the tag "pkcs11" loads
// them, and any other says how to build one that does.
//
// A session is opened for each signature and closed after it, so that nothing
// stays logged in. A wrong PIN is never tried twice: tokens count.
package token
