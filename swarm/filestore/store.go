package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ipfs/go-cid"

	"camswarm/swarm/plan"
)

// Store holds the blocks of added files; it is a boxo blockstore over them.
//
// A block lives in its file at its offset; that file is the download, the cache
// and what is served. There is no index on disk. What is present is found by
// hashing the file when it is added, so that no crash can leave an index that
// disagrees with the bytes: after a power cut a block is there and right, or it
// is fetched again. Reads are hashed too, because flash decays and files can be
// written by others; a block that fails is missing from then on.
//
// Blocks that no file lists are refused: a camera is nobody's free storage.
//
// Its one lock guards what is known of the files and is never held while one is
// opened, read, written, hashed or closed.
type Store struct {
	log  *slog.Logger
	open Opener
	lost func(r *Replica, unit int)

	mu       sync.RWMutex
	replicas map[[32]byte]*Replica // by digest of the root
	index    map[[32]byte]*entry
	paths    map[string][32]byte        // of owners, and of those that are being added: to the digest of the root
	adding   map[[32]byte]chan struct{} // closed when the Add of that root ends
}

// Options are what a program injects into a Store. Every field may be zero.
type Options struct {
	Logger *slog.Logger // nil: discard
	Open   Opener       // nil: os.OpenFile

	// Lost is called, without locks, when a unit of a replica that was present
	// turns out to be damaged. It is called from within the call that met the
	// damage, so it must not wait for anybody who may be in such a call.
	Lost func(r *Replica, unit int)
}

// entry is one block: every place where it belongs. places is replaced, never
// changed, so that a reader may use it after unlocking.
type entry struct {
	size   int32
	places []place
}

// place is block index of a replica in one of its files or, without a file,
// block index of what an owner serves from memory.
type place struct {
	replica *Replica
	at      *inode
	owner   *owner
	index   int32
}

// has reports whether the place holds the block, as far as is known. The caller
// holds mu.
func (p place) has() bool { return p.at == nil || p.at.has.Has(int(p.index)) }

// New returns an empty store.
func New(opts Options) *Store {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Open == nil {
		opts.Open = openFile
	}
	if opts.Lost == nil {
		opts.Lost = func(*Replica, int) {}
	}
	return &Store{
		log: opts.Logger, open: opts.Open, lost: opts.Lost,
		replicas: make(map[[32]byte]*Replica),
		index:    make(map[[32]byte]*entry),
		paths:    make(map[string][32]byte),
		adding:   make(map[[32]byte]chan struct{}),
	}
}

// Close closes every file.
func (s *Store) Close() {
	type named struct {
		root cid.Cid
		path string
	}
	var all []named
	s.mu.RLock()
	for _, r := range s.replicas {
		for _, o := range r.owners {
			all = append(all, named{r.Root, o.path})
		}
	}
	s.mu.RUnlock()
	for _, n := range all {
		_, _ = s.Remove(n.root, n.path) // ErrNotAdded: somebody was faster
	}
}

// Find returns the replica of a root. The error is ErrNotAdded.
func (s *Store) Find(root cid.Cid) (*Replica, error) {
	if d, ok := Digest(root); ok {
		if r := s.ByKey(d); r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotAdded, root)
}

// ByKey returns the replica of a root by its digest, nil if there is none.
func (s *Store) ByKey(key [32]byte) *Replica {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.replicas[key]
}

// Replicas returns what is held of the added files, in no order.
func (s *Store) Replicas() []*Replica {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*Replica, 0, len(s.replicas))
	for _, r := range s.replicas {
		out = append(out, r)
	}
	return out
}

// Held returns the block indexes of r whose units are present, and whether that
// is all of them.
func (s *Store) Held(r *Replica) (b plan.Bitset, all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b = plan.NewBitset(len(r.Blocks))
	for i, u := range r.UnitOf {
		if r.absent[u] == 0 {
			b.Set(i)
		}
	}
	return b, r.left == 0
}

// Status returns the blocks and bytes of r that are held, and whether that is
// all.
func (s *Store) Status(r *Replica) (held int, bytes int64, all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return r.held.Count(), r.bytesHeld, r.left == 0
}

// HasUnit reports whether a unit of r is present.
func (s *Store) HasUnit(r *Replica, unit int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return r.absent[unit] == 0
}

// Missing returns the units of r that are not present.
func (s *Store) Missing(r *Replica) []int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []int
	for u, n := range r.absent {
		if n > 0 {
			out = append(out, u)
		}
	}
	return out
}

// ReadOnly returns the path of a file of r if none of its files may be written,
// and "" otherwise.
func (s *Store) ReadOnly(r *Replica) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(r.inodes) == 0 || r.writable() != nil {
		return ""
	}
	return r.inodes[0].path
}

// Blocks returns the number of blocks that belong to added files.
func (s *Store) Blocks() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.index)
}

// Lists returns a replica that lists a block and the size of that, nil if none
// does.
func (s *Store) Lists(d [32]byte) (*Replica, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index[d]
	if e == nil {
		return nil, 0
	}
	return e.places[0].replica, int(e.size)
}

// lookup returns the size of a block and whether a place holds it; listed is
// false if it belongs to no added file.
func (s *Store) lookup(d [32]byte) (size int, held, listed bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index[d]
	if e == nil {
		return 0, false, false
	}
	return int(e.size), slices.ContainsFunc(e.places, place.has), true
}

// places returns where a block belongs.
func (s *Store) places(d [32]byte) []place {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.index[d]; e != nil {
		return e.places
	}
	return nil
}

// link adds a place to the index. The caller holds mu.
func (s *Store) link(d [32]byte, size int, p place) {
	e := s.index[d]
	if e == nil {
		e = &entry{size: int32(size)}
		s.index[d] = e
	}
	e.places = append(e.places[:len(e.places):len(e.places)], p)
}

// unlink takes those places of a block out of the index. The caller holds mu.
func (s *Store) unlink(d [32]byte, gone func(place) bool) {
	e := s.index[d]
	if e == nil {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(e.places), gone)
	if e.places = rest; len(rest) == 0 {
		delete(s.index, d)
	}
}

// Write writes a block, whose digest the caller has computed, to every place
// where it is missing. It returns the units that became present. A file is opened
// for writing with the first block that it lacks and closed with the last, so that
// nobody has a whole one open for writing. Errors: ErrUnlisted, ErrNoSpace,
// ErrReplaced, or the file system's.
func (s *Store) Write(d [32]byte, data []byte) (done []Arrival, err error) {
	s.mu.RLock()
	e := s.index[d]
	var todo []place
	if e != nil {
		for _, p := range e.places {
			if p.at != nil && !p.at.readOnly && !p.has() {
				todo = append(todo, p)
			}
		}
	}
	s.mu.RUnlock()
	if e == nil {
		return nil, fmt.Errorf("%w: %x", ErrUnlisted, d)
	}
	for _, p := range todo {
		r, i := p.replica, int(p.index)
		err := s.writeAt(p.at, data, r.offset(i))
		s.mu.Lock()
		if err == nil {
			p.at.has.Set(i)
			if slices.Contains(r.inodes, p.at) {
				if gained, _ := r.settle(i); gained {
					done = append(done, Arrival{r, int(r.UnitOf[i])})
				}
			}
		}
		need, path, gone, idle := r.Size-r.bytesHeld, p.at.path, p.at.gone || p.at.readOnly, p.at.release(r)
		s.mu.Unlock()
		if idle != nil {
			err = errors.Join(err, idle.Close())
		}
		if err != nil && !gone {
			return done, writeError(r, path, need, err)
		}
	}
	return done, nil
}

// writeAt takes the pen of a file, opening it if need be, and writes with it; the
// caller releases it.
func (s *Store) writeAt(in *inode, data []byte, off int64) error {
	s.mu.Lock()
	in.writers++
	pen, path, gone := in.pen, in.path, in.gone || in.readOnly
	s.mu.Unlock()
	if gone {
		return fs.ErrClosed
	}
	if pen == nil {
		mine, err := openPen(s.open, in, path)
		if err != nil {
			return err
		}
		s.mu.Lock()
		if in.pen == nil && !in.gone && !in.readOnly {
			in.pen, mine = mine, nil
		}
		pen = in.pen
		s.mu.Unlock()
		if mine != nil { // somebody was faster
			if err := mine.Close(); pen == nil {
				return errors.Join(fs.ErrClosed, err)
			}
		}
	}
	_, err := pen.WriteAt(data, off)
	return err
}

// release gives the pen back, and returns it to be closed when nobody has anything
// to write with it. The caller holds Store.mu.
func (in *inode) release(r *Replica) (idle Handle) {
	if in.writers--; in.writers > 0 {
		return nil
	}
	if in.gone || in.readOnly || in.whole(r) {
		idle, in.pen = in.pen, nil
	}
	if in.quiet != nil {
		close(in.quiet)
		in.quiet = nil
	}
	return idle
}

// read returns a block whose bytes are right. A place whose bytes are not is
// marked as missing.
func (s *Store) read(d [32]byte) ([]byte, bool) {
	for _, p := range s.places(d) {
		if p.at == nil {
			return p.owner.extra[p.index].data, true
		}
		s.mu.RLock()
		has := p.has()
		s.mu.RUnlock()
		if !has {
			continue
		}
		b, ok, err := p.at.read(p.replica, int(p.index))
		switch {
		case ok:
			return b, true
		case errors.Is(err, fs.ErrClosed): // removed meanwhile
		default:
			s.lose(p, err)
		}
	}
	return nil, false
}

// lose marks a place as missing because it could not be read, or held
// something else.
func (s *Store) lose(p place, err error) {
	r, i := p.replica, int(p.index)
	s.mu.Lock()
	if !p.has() || !slices.Contains(r.inodes, p.at) {
		s.mu.Unlock()
		return
	}
	p.at.has.Clear(i)
	_, lost := r.settle(i)
	path := p.at.path
	s.mu.Unlock()
	s.log.Warn("block on disk is damaged", "path", path, "block", i, "err", err)
	if lost {
		s.lost(r, int(r.UnitOf[i]))
	}
}

// TakeOver copies blocks that r misses from other places that have them: the
// previous release holds most blocks of the next where images are aligned, and
// a damaged copy of a repeated block is repaired from another. It returns the
// units that became present.
func (s *Store) TakeOver(r *Replica) (done []Arrival) {
	for _, u := range s.Missing(r) {
		d := r.Blocks[r.First[u]]
		if _, held, _ := s.lookup(d); !held {
			continue
		}
		b, ok := s.read(d)
		if !ok {
			continue
		}
		more, err := s.Write(d, b)
		done = append(done, more...)
		if err != nil {
			break // the fetch will meet the same error and report it
		}
	}
	return done
}

// Sync makes the files of r and their directory entries survive a power cut.
func (s *Store) Sync(r *Replica) error {
	files, dirs := map[*inode]string{}, map[string]bool{}
	s.mu.RLock()
	for _, o := range r.owners {
		if !o.at.readOnly {
			files[o.at] = o.path
			dirs[filepath.Dir(o.path)] = !o.at.slot
		}
	}
	s.mu.RUnlock()
	for at, path := range files {
		if err := at.f.Sync(); err != nil && !errors.Is(err, fs.ErrClosed) { // closed: removed meanwhile
			return writeError(r, path, 0, err)
		}
	}
	for dir, made := range dirs {
		if !made {
			continue
		}
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
