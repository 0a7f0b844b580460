// Package sign makes what package verify checks: signing keys, their files and
// envelopes. Tools and tests use it; it is never linked into a camera.
package sign
