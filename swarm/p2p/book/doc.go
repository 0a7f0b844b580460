// Package book selects the peers that a node dials.
//
// It exists so that the choice can be tested without a network: it is pure, does
// no I/O and reads no clock. It knows where the address of a peer came from, how
// dials ended, and how many connections there are. It may know no host and no
// connection; its caller dials.
package book
