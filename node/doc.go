// Package node joins the mechanisms into one camera or seed: it is the only
// package that knows all of them, and the only one that programs need.
//
// pipeline.go is the one forward flow: a gossiped announcement is a hint, the
// chain's view is the truth, then manifest, blocks, image, install,
// confirmation, collection. The mechanisms stay blind to one another: announce
// and chainwatch know no blocks, swarm knows no firmware, gc knows no network.
package node
