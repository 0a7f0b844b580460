// Package chainwatch gives a device one trustworthy view of the registry
// contract, although every single endpoint it asks may lie, lag or be down.
//
// It asks several JSON-RPC endpoints of independent operators, accepts what a
// quorum of operators says ([Decide]), remembers the highest revision it ever
// accepted ([Checkpoint]), and hands out the result as a [verify.View]. Lying
// endpoints can delay a device; they cannot make it accept a release, and the
// manufacturer's signatures, which [verify] checks, stand behind that.
//
// Trust comes from the quorum and the signatures alone: IoTeX has neither
// storage proofs nor Ethereum block hashes. Everything is read by one eth_call
// at the head; logs, filters and subscriptions are never used, so the quirks of
// providers in those calls cannot lose anything.
//
// The package itself must not import go-ethereum, which would add 5 MB to a
// camera and reads hostile answers without a bound; the sub-packages for tools
// (registry, devchain, and did through its tests) may. It knows no peers, files or installs: it imports
// only verify, and keeps its state behind a [CheckpointStore].
package chainwatch
