// Package registry is the tools' side of the registry contract: it deploys
// it, sends the transactions of administrators, manufacturers and operators,
// and reads its state and history. Programs of people and tests use it.
//
// Cameras and seeds never link it: they read the contract through package
// chainwatch, which trusts no single endpoint. This package believes the one
// endpoint it was given, which is the operator's own choice, and therefore
// decides nothing on behalf of a device. It and package devchain are the only
// users of go-ethereum.
package registry
