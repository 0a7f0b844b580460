// Package car reads and writes CARv1 archives (https://ipld.io/specs/transport/car/carv1/):
// a header that names roots, then blocks, each behind its CID. It exists because what
// comes on a USB stick is hostile until it is checked, so that a reader has to be small,
// strict and bounded; it knows no firmware and keeps nothing. Blocks are SHA-256 alone.
package car
