// Package light plays whole fleets of the network layer alone: hosts, discovery,
// limits and the choice of neighbours are a device's own, over simulated lines;
// there is no release, no chain and no gossip.
//
// It exists so that what discovery costs, and the mesh it makes, can be seen in
// crowds for which whole nodes need too much memory.
package light
