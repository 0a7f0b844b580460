// Package asnutil stands in for github.com/libp2p/go-libp2p-asn-util in this module's
// programs. The original embeds a table of 1.6 MB, by which a circuit relay bounds its
// reservations, and a DHT the variety of its peers, for each IPv6 provider. Neither
// bound is used here: a seed's relay admits as many of one provider as of all (cameras
// of a country share a few), and the DHT has no such filter.
package asnutil
