// Package links makes the network that simulated nodes live on: access lines
// with a rate for each direction, latency between places, loss, NAT, and sites
// whose nodes share one line, with libp2p transports that cross them in virtual
// time. It knows no firmware and no node; it may be used inside a
// testing/synctest bubble only.
//
// Two transports cross the same lines. QUIC is the real one: every packet of
// quic-go, its handshake and its congestion control. Fast is a model of it that
// moves segments without encryption, for sweeps and for large numbers of nodes:
// for a third of the CPU. How far it is from QUIC is held by tests: a few per cent,
// 10 with much loss.
//
// A packet waits in a queue of the sender's uplink, crosses the line of the
// sender's site, travels, crosses the line of the receiver's site and then the
// receiver's downlink. Every line serves the pairs of nodes that use it fairly
// (RFC 8290) and keeps each pair's queue short with CoDel (RFC 8289), as a good
// home router of today does; a node may have a plain queue instead, which drops
// at its end, losses in bursts, jitter, a video that it uploads, and a processor
// that takes its time for every byte and packet ([Node]). A line carries packets
// of up to 1500 bytes, of which 28 are the headers of IPv4 and UDP: they take
// time on the line and are counted. QUIC's packets have 1280 bytes without these
// headers on a new connection and grow to 1441 as quic-go finds that the line
// carries them (RFC 8899), as over a kernel's socket. What is not
// modelled: reordering, layers below IP, rates that change, and queues inside the
// network. Packets come up to 0.1 ms late; lines keep their rates all the same.
package links
