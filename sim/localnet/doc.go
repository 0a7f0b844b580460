// Package localnet runs a whole deployment in one process on loopback: a
// development chain with the registry contract, a manufacturer with signing
// keys, an operator, one seed and any number of cameras, each a real node with
// its own identity, state directory and listeners. Nothing in it is simulated
// but the device behind the installer.
package localnet
