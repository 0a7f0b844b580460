// Package gc decides which releases a node may forget, and forgets them so that
// their bytes really return to the file system.
//
// It exists because a node that keeps too much fills a camera's flash, and one
// that forgets too much leaves the camera without firmware to run or to fall
// back to. [Decide] is a pure function over plain values, so a dry run is the
// plan itself; a [Collector] carries a plan out through a small [Store] and
// asks for every item once more, just before it goes, whether it may. The disk
// helpers measure allocated bytes, remove directories so that a crash leaves
// nothing behind, and hold a reserve that is given up when the disk is full.
//
// The package knows nothing of the swarm, the chain or the catalog: it may not
// ask whether a release is genuine, offered or served. Whoever implements Store
// tells it with the flags of [Item].
package gc
