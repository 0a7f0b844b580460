package filestore

import (
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"

	"camswarm/swarm/plan"
)

// Replica is what this node holds of one added file, for all its owners. Its
// exported fields do not change.
//
// A unit is a distinct block of it: equal blocks stand in several places of the
// file and are one unit, numbered in the order of their first places. A place is
// held when every file on disk that is written to has it; where the owners' files
// can only be read, when one of them has it. A unit is present when all its
// places are held.
type Replica struct {
	Root      cid.Cid
	Size      int64 // bytes
	BlockSize int   // bytes of every block but the last
	Blocks    [][32]byte

	Key    [32]byte           // digest of Root
	UnitOf []int32            // by place
	First  []int32            // by unit: its first place
	BySum  map[[32]byte]int32 // unit by digest

	// Guarded by Store.mu.
	owners    []*owner
	inodes    []*inode
	held      plan.Bitset // by place
	bytesHeld int64
	absent    []int32 // by unit: places that are not held
	left      int     // units that are not present
}

// An owner is somebody who added the file: a path, and what is served beside.
type owner struct {
	path  string
	at    *inode
	extra []memoryBlock
}

type memoryBlock struct {
	sum  [32]byte
	data []byte
}

// Arrival is a unit of a replica that has just become present.
type Arrival struct {
	Replica *Replica
	Unit    int
}

// newReplica returns the replica of a file of which nothing is on disk yet.
func newReplica(f *File) (*Replica, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	r := &Replica{
		Root: f.Root, Size: f.Size, BlockSize: f.BlockSize, Blocks: f.Blocks,
		UnitOf: make([]int32, len(f.Blocks)),
		BySum:  make(map[[32]byte]int32, len(f.Blocks)),
		held:   plan.NewBitset(len(f.Blocks)),
	}
	r.Key, _ = Digest(f.Root)
	for i, d := range f.Blocks {
		u, ok := r.BySum[d]
		if !ok {
			u = int32(len(r.First))
			r.BySum[d] = u
			r.First = append(r.First, int32(i))
			r.absent = append(r.absent, 0)
		} else if r.BlockLen(i) != r.BlockLen(int(r.First[u])) {
			return nil, fmt.Errorf("%w: blocks %d and %d are equal but differ in length", ErrBadFile, r.First[u], i)
		}
		r.UnitOf[i] = u
		r.absent[u]++
	}
	r.left = len(r.First)
	return r, nil
}

// same reports whether both describe the same bytes.
func (r *Replica) same(o *Replica) bool {
	return r.Size == o.Size && r.BlockSize == o.BlockSize && slices.Equal(r.Blocks, o.Blocks)
}

// BlockLen is the length of block i in bytes.
func (r *Replica) BlockLen(i int) int {
	return int(min(int64(r.BlockSize), r.Size-r.offset(i)))
}

// offset is where block i begins.
func (r *Replica) offset(i int) int64 { return int64(i) * int64(r.BlockSize) }

// writable returns a file on disk of the replica that may be written, nil if there is
// none. The caller holds mu.
func (r *Replica) writable() *inode {
	for _, in := range r.inodes {
		if !in.readOnly {
			return in
		}
	}
	return nil
}

// holds reports whether place i is held. The caller holds mu.
func (r *Replica) holds(i int) bool {
	if r.writable() == nil {
		return slices.ContainsFunc(r.inodes, func(in *inode) bool { return in.has.Has(i) })
	}
	return !slices.ContainsFunc(r.inodes, func(in *inode) bool { return !in.readOnly && !in.has.Has(i) })
}

// settle takes into account what has happened at place i. It reports whether
// that made its unit present, or took it away. The caller holds mu.
func (r *Replica) settle(i int) (gained, lost bool) {
	now, u := r.holds(i), r.UnitOf[i]
	switch {
	case now == r.held.Has(i):
	case now:
		r.held.Set(i)
		r.bytesHeld += int64(r.BlockLen(i))
		if r.absent[u]--; r.absent[u] == 0 {
			r.left--
			return true, false
		}
	default:
		r.held.Clear(i)
		r.bytesHeld -= int64(r.BlockLen(i))
		if r.absent[u]++; r.absent[u] == 1 {
			r.left++
			return false, true
		}
	}
	return false, false
}

// settleAll does so for every place, after files on disk have come or gone. The
// caller holds mu.
func (r *Replica) settleAll() (gained, lost []Arrival) {
	before := make([]bool, len(r.First))
	for u := range r.First {
		before[u] = r.absent[u] == 0
	}
	for i := range r.Blocks {
		r.settle(i)
	}
	for u := range r.First {
		switch now := r.absent[u] == 0; {
		case now && !before[u]:
			gained = append(gained, Arrival{r, u})
		case !now && before[u]:
			lost = append(lost, Arrival{r, u})
		}
	}
	return gained, lost
}
