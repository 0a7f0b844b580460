// Package first deploys the registry contract's first version, for tests and for
// rehearsals of a move: cameras and tools must get along with registries that
// were deployed before there was a second. No program for devices or people
// links it, and nothing new should be set up with it.
package first
