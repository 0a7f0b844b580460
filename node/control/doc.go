// Package control is the API of a running node on its unix socket: the types that
// it speaks, the server, and the client of local tools. The server knows the node
// through [Backend] alone.
//
// The API is HTTP/1.1 with JSON bodies; errors are {"error": "…"} and, for
// something that was refused as an attack, "attack" with its name.
//
//	GET  /v1/status     Status
//	GET  /v1/peers      [PeerStatus]
//	GET  /v1/releases   [HeldRelease]
//	GET  /v1/fleet      beacon.Statement, what a seed counts of cameras
//	GET  /v1/block      ?cid=CID, one block of at most 64 KiB from the peers; not kept
//	POST /v1/announce   body: an encoded announcement; published after the usual checks
//	POST /v1/provide    body: multipart/form-data, part "envelope", then part "image"; Provided
//	POST /v1/ipns       ?name=NAME, body: an encoded IPNS record; IPNSPublished
//	POST /v1/look       look at the chain now
//	POST /v1/retry      start over with releases that were given up; ?product=ID, 64 hexadecimal digits, else all
//	POST /v1/chain/reset  believe the next quorum although it contradicts what was accepted; ?product=ID, else all
//	POST /v1/gc         collect; ?dry_run=true only tells; GCReport
//	POST /v1/limits     body: LimitsChange; Limits
//	GET  /metrics       Prometheus text
package control
