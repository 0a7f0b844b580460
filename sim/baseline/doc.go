// Package baseline measures how long the cameras of a simulation would have
// taken in other ways: from S3, from a CDN, by stock bitswap, by a daily poll.
// Each is a network of its own over the same access lines, with the same delays
// and losses and the same moments at which cameras begin, under the same
// transport and so the same congestion control. It knows nothing of the nodes
// and the scheduler that it is compared with.
//
// What is charged to HTTP, and what is not. Servers and clients are those of
// net/http, on streams of the simulated network. HTTPS over TCP needs a look-up
// in the DNS, one round trip for TCP, one for TLS 1.3 and one for the request;
// QUIC's handshake stands for TLS's, and DNS and TCP are waited for. Slow start
// begins at quic-go's 32 packets where TCP begins at 10 (RFC 6928), which spares
// HTTP one to two round trips. Lost SYNs, 503s and the CPU of servers cost
// nothing, edges stand at the providers, and no node leaves or is cut off.
//
// Where lines lose packets, congestion control decides: here it is NewReno with
// the loss detection of RFC 9002, quic-go's, for the swarm as for HTTP, and one
// stream of it over a long way does badly. What servers with CUBIC or BBR would do is
// shown by s3cubic and s3bbr, over the model of QUIC that package links has; they have
// no such share of the line when they meet one another as real ones have.
package baseline
