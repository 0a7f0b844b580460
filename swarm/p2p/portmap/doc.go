// Package portmap has a router forward a node's ports: by UPnP, which go-libp2p speaks,
// and where it does not answer that, by PCP or NAT-PMP. PCP is our own, since no library
// in Go is kept; NAT-PMP is go-nat-pmp's, which go-libp2p links anyway. By PCP it opens
// pinholes for IPv6 too.
//
// It may know no peer and no protocol of ours; it is a NAT manager of go-libp2p's host.
package portmap
