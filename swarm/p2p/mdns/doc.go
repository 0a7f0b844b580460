// Package mdns finds peers on the local network, and answers those that look.
//
// It is multicast DNS (RFC 6762) in the form of the libp2p specification,
// discovery/mdns: a query for the PTR records of a service, and answers whose TXT
// record holds "dnsaddr=" multiaddrs. The service is the project's own, so that
// nothing else on the LAN is met.
//
// go-libp2p's own service is not used: it cannot be confined to interfaces, looks
// at them once at start, gives up where IPv6 is missing, remembers everything that
// anybody on the LAN sends, and brings a DNS library along.
//
// The package knows interfaces and packets. It may know no connection and no
// choice of whom to dial; its caller is told of peers and decides.
package mdns
