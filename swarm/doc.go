// Package swarm moves blocks between cameras, seeds and stock IPFS nodes.
//
// It exists so that one place, and only one, knows bitswap: the exchange of
// blocks over the connections that there are. It knows files made of hashed
// blocks and peers that hold some of them. It may not know how peers are found
// (package p2p), nor what a file means: no release, no signature, no chain, no
// product. Who may be served, which file is added and whether its bytes are any
// good as firmware is decided by its caller; what swarm promises is that every
// byte it stores or serves hashes to a digest that the caller listed.
//
// The exchange speaks stock bitswap, so that kubo and any boxo node can be
// served and asked, but it does not use bitswap's client. Measured with real
// hosts, a stock session moves an image at 3 to 5 times the time that the
// links allow, with 40-50 % duplicate blocks and ten copies out of the seed:
// it asks every neighbour for everything, and wants that were answered with
// DONT_HAVE linger at the remote and are sent later all the same. Here peers
// announce what they hold on a small protocol of their own beside bitswap
// (HaveProtocol), and a plan.Planner asks one peer that has it for each
// block, rarest first, with a bounded number in flight; package plan is pure, so
// that it can be tested and simulated without a network. Blocks live in the file
// that is being fetched (package filestore).
package swarm
