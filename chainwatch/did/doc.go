// Package did resolves DIDs: the registry contract gives the digest and the
// address of a document, by the same quorum of endpoints as in chainwatch, and
// anybody gives the document.
//
// It is for tools. On a camera a DID is a name and the pinned keys are the
// authority, so no program of a device links this package.
package did
