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
// HTTP one to two round trips; lost SYNs, 503s and the CPU of servers cost
// nothing. The sender recovers losses like Reno or better (quic-go's is NewReno
// with RACK-like loss detection), so where lines lose packets a server with BBR
// would do better; s3parallel, with eight connections, shows by how much about.
package baseline
