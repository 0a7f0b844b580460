// Package origin reads a flat file from a web server, a bucket or a CDN by byte
// ranges (RFC 9110 section 14).
//
// It exists so that a manufacturer's storage, as it is, can be one more source of a
// release. The server is not trusted and needs no special software: whoever reads
// checks the bytes. The package may know no block, no peer and no release; it turns a
// URL and a stretch of a file into bytes, and every way in which a server can fail
// into an error that says whether, and when, to ask again.
package origin
