// Package portmap has a router forward a node's ports: by UPnP, which go-libp2p speaks,
// and by NAT-PMP where it does not answer that.
//
// It may know no peer and no protocol of ours; it is a NAT manager of go-libp2p's host.
package portmap
