// Package anvil runs Foundry's anvil for tests: a chain that is not ours, and that can
// be made to reorganise, to stand still and to become dear. No program links it.
package anvil
