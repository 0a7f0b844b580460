// Package torrent is a small BitTorrent client, to measure the swarm against: the
// peer protocol of BEP 3 on any reliable stream, in virtual time or on a real
// network, where it speaks to other clients. What it decides by:
//
//   - Pieces: a piece that was begun is finished first, then the rarest one among
//     the neighbours, ties at random; the first four at random (Cohen, "Incentives
//     Build Robustness in BitTorrent", 2003). Every piece is checked against its
//     SHA-1 before it is announced.
//   - Requests of 16 KiB, several to each neighbour at a time, and when all that is
//     missing has been asked for the end game: it is asked of others too, and
//     cancelled when it comes.
//   - Uploads: one of the policies of [Choking].
//
// A client has the neighbours that it is given: it knows no tracker, no DHT and no
// peer exchange. It is for one file and keeps no state; it does not choke peers that
// snub it (a minute of silence), which honest neighbours on lines that work never do.
// It knows nothing of the nodes and the scheduler that it is compared with.
package torrent
