// Package hostile makes peers that are not honest: real libp2p hosts, on
// simulated lines or real ones, that speak the network's protocols and break its
// rules, for simulations, demonstrations and tests of what honest nodes
// withstand. Nothing else here is a fake.
//
// A hostile peer knows what everybody can know: the protocols, the addresses of
// nodes, releases once they are public. It holds no key but its own, so it
// cannot sign (what it is given as forged others have made), and it does not sit on the lines of others. It calls itself a
// camera, joins the product's gossip and swallows what it hears there, answers
// questions for the latest announcement badly, has seeds and the DHT name it
// to those who look for the product or the files it has heard of, connects to more
// cameras than a neighbour would, and comes back when it is hung up on.
package hostile
