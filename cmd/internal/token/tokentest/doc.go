//go:build pkcs11 && cgo

// Package tokentest makes SoftHSM tokens for the tests of keys on PKCS#11 tokens.
package tokentest
