// Package abi reads return data of contracts (Solidity, "Contract ABI
// Specification"). It takes only the canonical encoding, the one that solc
// produces: every dynamic member directly behind the one before, padding zero,
// nothing left over. So equal values have equal bytes, no two offsets can share
// data, and memory is bounded by the input.
package abi
