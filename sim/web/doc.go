// Package web speaks HTTP over simulated lines: net/http's own client and server, over
// one stream of a connection of the transport that nodes use, which stands for TCP and
// TLS 1.3 as docs/SIMULATOR.md says.
//
// It exists so that what is compared with the swarm, and what serves it as an origin,
// are the same model. It may know no node and no baseline.
package web
