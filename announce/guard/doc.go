// Package guard decides whether a rollout is to be halted, widened or left alone, from
// what seeds count of cameras and what the chain says. It is a pure function over
// values, so that what it would do can be tested, shown and simulated without a chain.
package guard
