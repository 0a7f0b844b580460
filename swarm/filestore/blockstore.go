package filestore

import (
	"context"
	"crypto/sha256"
	"fmt"

	blockstore "github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
)

var _ blockstore.Blockstore = (*Store)(nil)
var _ blockstore.Viewer = (*Store)(nil)

// Has implements blockstore.Blockstore. It does not read the block.
func (s *Store) Has(_ context.Context, c cid.Cid) (bool, error) {
	d, ok := Digest(c)
	if !ok {
		return false, nil
	}
	_, held, _ := s.lookup(d)
	return held, nil
}

// GetSize implements blockstore.Blockstore. It does not read the block.
func (s *Store) GetSize(_ context.Context, c cid.Cid) (int, error) {
	if d, ok := Digest(c); ok {
		if n, held, _ := s.lookup(d); held {
			return n, nil
		}
	}
	return 0, ipld.ErrNotFound{Cid: c}
}

// Get implements blockstore.Blockstore. The bytes it returns hash to c; a copy
// on disk that does not is marked missing.
func (s *Store) Get(_ context.Context, c cid.Cid) (blocks.Block, error) {
	if d, ok := Digest(c); ok {
		if data, ok := s.read(d); ok {
			return blocks.NewBlockWithCid(data, c)
		}
	}
	return nil, ipld.ErrNotFound{Cid: c}
}

// View implements blockstore.Viewer.
func (s *Store) View(ctx context.Context, c cid.Cid, f func([]byte) error) error {
	b, err := s.Get(ctx, c)
	if err != nil {
		return err
	}
	return f(b.RawData())
}

// Put implements blockstore.Blockstore. It refuses blocks that no file lists
// (ErrUnlisted) and blocks that do not hash to their CID.
func (s *Store) Put(_ context.Context, b blocks.Block) error {
	d, ok := Digest(b.Cid())
	if ok {
		_, _, ok = s.lookup(d)
	}
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnlisted, b.Cid())
	}
	if sha256.Sum256(b.RawData()) != d {
		return blocks.ErrWrongHash
	}
	_, err := s.Write(d, b.RawData())
	return err
}

// PutMany implements blockstore.Blockstore.
func (s *Store) PutMany(ctx context.Context, bs []blocks.Block) error {
	for _, b := range bs {
		if err := s.Put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// DeleteBlock implements blockstore.Blockstore. Blocks go with their file, so
// it refuses.
func (s *Store) DeleteBlock(_ context.Context, c cid.Cid) error {
	return fmt.Errorf("swarm: block %s cannot be deleted alone: remove its file", c)
}

// AllKeysChan implements blockstore.Blockstore.
func (s *Store) AllKeysChan(ctx context.Context) (<-chan cid.Cid, error) {
	s.mu.RLock()
	var keys [][32]byte
	for d, e := range s.index {
		for _, p := range e.places {
			if p.has() {
				keys = append(keys, d)
				break
			}
		}
	}
	s.mu.RUnlock()
	out := make(chan cid.Cid)
	go func() {
		defer close(out)
		for _, d := range keys {
			select {
			case out <- LeafCID(d):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}
