// Package did reads and writes DID documents: what the subject of a DID says
// about its keys.
//
// It is for tools. On a camera a DID is a name and the pinned keys are the
// authority, so no program of a device links this package; the identifiers
// themselves ([verify.DID]) stay in verify. Like verify it does no I/O: who
// fetches a document compares its digest with the chain's first, as
// chainwatch/did does.
package did
