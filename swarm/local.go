package swarm

import (
	"context"

	"github.com/ipfs/go-cid"
)

// Held returns a block of an added file that is here, hashed as it was read; false: it
// is not. It asks nobody. The caller may not change the bytes.
func (x *Exchange) Held(c cid.Cid) ([]byte, bool) {
	b, err := x.store.Get(context.Background(), c)
	if err != nil {
		return nil, false
	}
	return b.RawData(), true
}

// HeldSize returns the length of a block that Held returns, without reading it.
func (x *Exchange) HeldSize(c cid.Cid) (int, bool) {
	n, err := x.store.GetSize(context.Background(), c)
	return n, err == nil
}
