package filestore

import (
	"bytes"
	"camswarm/swarm/plan"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	blockstore "github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"
)

// File describes a file that the exchange fetches and serves.
type File struct {
	// Root names the file to other peers and in the calls of Exchange. It must
	// be a CID with a whole SHA-256 digest.
	Root cid.Cid

	// Size is the length of the file in bytes, at least 1.
	Size int64

	// BlockSize is the length of every block but the last, 1 to MaxBlockBytes
	// bytes. 64 KiB swarmed best in trials.
	BlockSize int

	// Blocks are the SHA-256 digests of the blocks in order, 1 to MaxBlocks.
	// Equal blocks repeat; they are fetched once.
	Blocks [][32]byte

	// Extra are blocks that are served from memory beside the file, such as
	// the DAG nodes above its leaves, up to MaxExtraBytes in all. Their CIDs
	// must be SHA-256; their bytes are checked.
	Extra []blocks.Block

	// Path is where the file lives. It is created with mode 0600 if it does
	// not exist, and cut or extended (sparsely) to Size. The directory must
	// exist.
	Path string

	// ReadOnly forbids to create or write the file, for an installed slot.
	// What is in it is served; nothing is fetched into it.
	ReadOnly bool
}

func (f *File) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadFile, fmt.Sprintf(format, args...))
	}
	if _, ok := Digest(f.Root); !ok {
		return bad("root %s is not a SHA-256 CID", f.Root)
	}
	if f.BlockSize < 1 || f.BlockSize > MaxBlockBytes {
		return bad("block size %d is not 1 to %d bytes", f.BlockSize, MaxBlockBytes)
	}
	if len(f.Blocks) < 1 || len(f.Blocks) > MaxBlocks {
		return bad("%d blocks, 1 to %d are possible", len(f.Blocks), MaxBlocks)
	}
	if n := int64(len(f.Blocks)); f.Size <= (n-1)*int64(f.BlockSize) || f.Size > n*int64(f.BlockSize) {
		return bad("%d blocks of %d bytes do not make %d bytes", n, f.BlockSize, f.Size)
	}
	if f.Path == "" {
		return bad("no path")
	}
	extra := 0
	for _, b := range f.Extra {
		extra += len(b.RawData())
		d, ok := Digest(b.Cid())
		if !ok || sha256.Sum256(b.RawData()) != d {
			return bad("extra block %s does not hash to its CID", b.Cid())
		}
	}
	if extra > MaxExtraBytes {
		return bad("%d bytes of extra blocks, at most %d are possible", extra, MaxExtraBytes)
	}
	return nil
}

// Digest returns the SHA-256 digest in c, and false if it holds another hash.
func Digest(c cid.Cid) (d [32]byte, ok bool) {
	if !c.Defined() {
		return d, false
	}
	m := c.Hash() // code and length are one byte each for a whole SHA-256
	if len(m) != 34 || m[0] != mh.SHA2_256 || m[1] != 32 {
		return d, false
	}
	return [32]byte(m[2:]), true
}

// LeafCID returns the CID of a block of a file: CIDv1, raw, SHA-256.
func LeafCID(d [32]byte) cid.Cid {
	b := make([]byte, 0, 34)
	b = append(b, mh.SHA2_256, 32)
	return cid.NewCidV1(cid.Raw, append(b, d[:]...))
}

// Store is a boxo blockstore over the blocks of added files.
//
// A block lives in its file at its offset; that file is the download, the cache
// and what is served. There is no index on disk. What is present is found by
// hashing the file when it is added, so that no crash can leave an index that
// disagrees with the bytes: after a power cut a block is there and right, or it
// is fetched again. Reads are hashed too, because flash decays and files can be
// written by others; a block that fails is missing from then on.
//
// Blocks that no file lists are refused: a camera is nobody's free storage.
type Store struct {
	log *slog.Logger

	// onLost is called, without locks, when a unit of a file that was present
	// turns out to be damaged.
	onLost func(f *Replica, unit int)

	mu    sync.RWMutex
	files map[[32]byte]*Replica // by digest of the root
	index map[[32]byte]*entry
}

// An entry is one block: every place where it belongs. locs is replaced,
// never changed, so that a reader may use it after unlocking.
type entry struct {
	size int32
	locs []location
}

// A location is block index of a file, or Extra[-index-1].
type location struct {
	file  *Replica
	index int32
}

// Replica is an added file. The unit numbers count the distinct blocks.
type Replica struct {
	File
	Key    [32]byte
	f      *os.File
	UnitOf []int32 // by block index
	First  []int32 // by unit: its first block index
	BySum  map[[32]byte]int32

	// Guarded by Store.mu.
	have      plan.Bitset // by block index
	absent    []int32     // by unit: places where it is missing
	left      int         // units with absent places
	bytesHave int64
}

// Arrival is a unit of a file that has just become present.
type Arrival struct {
	Replica *Replica
	Unit    int
}

var _ blockstore.Blockstore = (*Store)(nil)
var _ blockstore.Viewer = (*Store)(nil)

func New(log *slog.Logger, onLost func(*Replica, int)) *Store {
	return &Store{
		log: log, onLost: onLost,
		files: make(map[[32]byte]*Replica),
		index: make(map[[32]byte]*entry),
	}
}

// BlockLen is the length of block i.
func (f *File) BlockLen(i int) int {
	return int(min(int64(f.BlockSize), f.Size-int64(i)*int64(f.BlockSize)))
}

// Add opens f, finds out which blocks it holds, takes missing ones over from
// other files that have them, and makes it part of the store. It returns the
// units that were taken over.
func (s *Store) Add(f File) (*Replica, []Arrival, error) {
	if err := f.validate(); err != nil {
		return nil, nil, err
	}
	sf := &Replica{
		File:   f,
		UnitOf: make([]int32, len(f.Blocks)),
		BySum:  make(map[[32]byte]int32, len(f.Blocks)),
		have:   plan.NewBitset(len(f.Blocks)),
	}
	sf.Key, _ = Digest(f.Root)
	for i, d := range f.Blocks {
		u, ok := sf.BySum[d]
		if !ok {
			u = int32(len(sf.First))
			sf.BySum[d] = u
			sf.First = append(sf.First, int32(i))
			sf.absent = append(sf.absent, 0)
		} else if f.BlockLen(i) != f.BlockLen(int(sf.First[u])) {
			return nil, nil, fmt.Errorf("%w: blocks %d and %d are equal but differ in length", ErrBadFile, sf.First[u], i)
		}
		sf.UnitOf[i] = u
		sf.absent[u]++
	}
	sf.left = len(sf.First)

	s.mu.RLock()
	old := s.files[sf.Key]
	s.mu.RUnlock()
	if old != nil {
		return sameFile(old, f)
	}
	if err := sf.open(); err != nil {
		return nil, nil, err
	}
	if err := sf.scan(); err != nil {
		sf.f.Close()
		return nil, nil, err
	}
	s.mu.Lock()
	if old := s.files[sf.Key]; old != nil { // added meanwhile
		s.mu.Unlock()
		sf.f.Close()
		return sameFile(old, f)
	}
	s.files[sf.Key] = sf
	for i, d := range f.Blocks {
		s.link(d, f.BlockLen(i), location{sf, int32(i)})
	}
	for i, b := range f.Extra {
		d, _ := Digest(b.Cid())
		s.link(d, len(b.RawData()), location{sf, int32(-i - 1)})
	}
	s.mu.Unlock()
	return sf, s.TakeOver(sf), nil
}

func sameFile(old *Replica, f File) (*Replica, []Arrival, error) {
	if old.Path != f.Path {
		return nil, nil, fmt.Errorf("%w: %s is at %s", ErrAdded, f.Root, old.Path)
	}
	return old, nil, nil
}

// link adds a place to the index. The caller holds mu.
func (s *Store) link(d [32]byte, size int, loc location) {
	e := s.index[d]
	if e == nil {
		e = &entry{size: int32(size)}
		s.index[d] = e
	}
	e.locs = append(e.locs[:len(e.locs):len(e.locs)], loc)
}

// open opens the file and gives it its size. A longer file is cut: what is
// behind the last block is not part of it.
func (sf *Replica) open() error {
	flag := os.O_RDWR | os.O_CREATE
	if sf.ReadOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(sf.Path, flag, 0o600)
	if err != nil {
		return fmt.Errorf("swarm: open file of blocks: %w", err)
	}
	if !sf.ReadOnly {
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fmt.Errorf("%w: %s is not a regular file", ErrBadFile, sf.Path)
		}
		if err == nil && st.Size() != sf.Size {
			err = f.Truncate(sf.Size)
		}
		if err != nil {
			f.Close()
			return sf.writeError(err, sf.Size)
		}
	}
	sf.f = f
	return nil
}

// scan hashes what the file holds. Holes are not read: they hold zeros, whose
// hash is known.
func (sf *Replica) scan() error {
	buf := make([]byte, sf.BlockSize)
	zero := sha256.Sum256(buf)
	size, err := sf.f.Seek(0, io.SeekEnd) // also right for a block device
	if err != nil {
		return fmt.Errorf("swarm: size of file of blocks: %w", err)
	}
	data := int64(0) // no bytes but zeros between the current block and here
	for i := range sf.Blocks {
		off, n := int64(i)*int64(sf.BlockSize), sf.BlockLen(i)
		if off+int64(n) > size {
			return nil // a read-only file that ends early
		}
		if off >= data {
			data = nextData(sf.f, off)
		}
		var sum [32]byte
		if off+int64(n) <= data {
			if sum = zero; n < sf.BlockSize {
				sum = sha256.Sum256(make([]byte, n))
			}
		} else {
			if m, _ := sf.f.ReadAt(buf[:n], off); m < n {
				continue // an unreadable block is a missing one, and written anew
			}
			sum = sha256.Sum256(buf[:n])
		}
		if sum == sf.Blocks[i] {
			sf.mark(i)
		}
	}
	return nil
}

// mark records that block i is present and reports whether that completes its
// unit.
func (sf *Replica) mark(i int) bool {
	if sf.have.Has(i) {
		return false
	}
	sf.have.Set(i)
	sf.bytesHave += int64(sf.BlockLen(i))
	u := sf.UnitOf[i]
	sf.absent[u]--
	if sf.absent[u] > 0 {
		return false
	}
	sf.left--
	return true
}

// TakeOver copies blocks that sf misses from other places that have them: the
// previous release holds most blocks of the next where images are aligned, and
// a damaged copy of a repeated block is repaired from another.
func (s *Store) TakeOver(sf *Replica) (done []Arrival) {
	if sf.ReadOnly {
		return nil
	}
	for u, i := range sf.First {
		s.mu.RLock()
		need := sf.absent[u] > 0
		s.mu.RUnlock()
		if !need {
			continue
		}
		d := sf.Blocks[i]
		if !s.present(d) {
			continue
		}
		b, err := s.Get(context.Background(), LeafCID(d))
		if err != nil {
			continue
		}
		more, err := s.Write(d, b.RawData())
		done = append(done, more...)
		if err != nil {
			break // the fetch will meet the same error and report it
		}
	}
	return done
}

// Remove forgets a file and closes it. The bytes stay on disk.
func (s *Store) Remove(key [32]byte) (*Replica, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sf := s.files[key]
	if sf == nil {
		return nil, false
	}
	delete(s.files, key)
	unlink := func(d [32]byte) {
		e := s.index[d]
		if e == nil {
			return
		}
		var rest []location
		for _, l := range e.locs {
			if l.file != sf {
				rest = append(rest, l)
			}
		}
		if e.locs = rest; len(rest) == 0 {
			delete(s.index, d)
		}
	}
	for _, d := range sf.Blocks {
		unlink(d)
	}
	for _, b := range sf.Extra {
		d, _ := Digest(b.Cid())
		unlink(d)
	}
	sf.f.Close()
	return sf, true
}

// Close closes every file.
func (s *Store) Close() {
	s.mu.RLock()
	keys := make([][32]byte, 0, len(s.files))
	for k := range s.files {
		keys = append(keys, k)
	}
	s.mu.RUnlock()
	for _, k := range keys {
		s.Remove(k)
	}
}

func (s *Store) Find(root cid.Cid) (*Replica, error) {
	d, ok := Digest(root)
	if ok {
		s.mu.RLock()
		sf := s.files[d]
		s.mu.RUnlock()
		if sf != nil {
			return sf, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotAdded, root)
}

// ByKey returns an added file by the digest of its root, nil if there is none.
func (s *Store) ByKey(key [32]byte) *Replica {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.files[key]
}

// Replicas returns the added files.
func (s *Store) Replicas() []*Replica {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*Replica, 0, len(s.files))
	for _, sf := range s.files {
		out = append(out, sf)
	}
	return out
}

// Held returns the block indexes of sf whose units are present, and whether
// that is all of them.
func (s *Store) Held(sf *Replica) (b plan.Bitset, all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b = plan.NewBitset(len(sf.Blocks))
	for i, u := range sf.UnitOf {
		if sf.absent[u] == 0 {
			b.Set(i)
		}
	}
	return b, sf.left == 0
}

// Status returns the blocks and bytes of sf that are present, and whether that
// is all.
func (s *Store) Status(sf *Replica) (have int, bytes int64, all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sf.have.Count(), sf.bytesHave, sf.left == 0
}

// HasUnit reports whether a unit of sf is present.
func (s *Store) HasUnit(sf *Replica, unit int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sf.absent[unit] == 0
}

// Missing returns the units of sf that are not present.
func (s *Store) Missing(sf *Replica) []int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []int
	for u, n := range sf.absent {
		if n > 0 {
			out = append(out, u)
		}
	}
	return out
}

// listed reports whether a block belongs to an added file, and present whether
// one of its places holds it.
func (s *Store) listed(d [32]byte) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index[d] != nil
}

func (s *Store) present(d [32]byte) bool {
	_, ok := s.lookup(d)
	return ok
}

// Blocks returns the number of blocks that belong to added files.
func (s *Store) Blocks() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.index)
}

// Place returns a file that lists a block and the size of that, nil if none does.
func (s *Store) Place(d [32]byte) (*Replica, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index[d]
	if e == nil || len(e.locs) == 0 {
		return nil, 0
	}
	return e.locs[0].file, int(e.size)
}

// lookup returns the size of a block and whether it is present.
func (s *Store) lookup(d [32]byte) (size int, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index[d]
	if e == nil {
		return 0, false
	}
	for _, l := range e.locs {
		if l.index < 0 || l.file.have.Has(int(l.index)) {
			return int(e.size), true
		}
	}
	return int(e.size), false
}

// Write writes a block, whose digest the caller has computed, to every place
// where it is missing. It returns the units that became present.
func (s *Store) Write(d [32]byte, data []byte) ([]Arrival, error) {
	s.mu.RLock()
	e := s.index[d]
	var todo []location
	if e != nil {
		for _, l := range e.locs {
			if l.index >= 0 && !l.file.ReadOnly && !l.file.have.Has(int(l.index)) {
				todo = append(todo, l)
			}
		}
	}
	s.mu.RUnlock()
	if e == nil {
		return nil, fmt.Errorf("%w: %x", ErrUnlisted, d)
	}
	var done []Arrival
	for _, l := range todo {
		off := int64(l.index) * int64(l.file.BlockSize)
		if _, err := l.file.f.WriteAt(data, off); err != nil {
			if errors.Is(err, fs.ErrClosed) {
				continue // removed meanwhile
			}
			s.mu.RLock()
			need := l.file.Size - l.file.bytesHave
			s.mu.RUnlock()
			return done, l.file.writeError(err, need)
		}
		s.mu.Lock()
		if l.file.mark(int(l.index)) {
			done = append(done, Arrival{l.file, int(l.file.UnitOf[l.index])})
		}
		s.mu.Unlock()
	}
	return done, nil
}

// writeError explains a failed write of a file that needs so many bytes more.
func (sf *Replica) writeError(err error, need int64) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %s needs %d more bytes in %s: %w", ErrNoSpace, sf.Root, need, filepath.Dir(sf.Path), err)
	}
	return fmt.Errorf("swarm: write file of blocks: %w", err)
}

// Sync makes the file and its directory entry survive a power cut.
func (s *Store) Sync(sf *Replica) error {
	if sf.ReadOnly {
		return nil
	}
	if err := sf.f.Sync(); err != nil {
		return sf.writeError(err, 0)
	}
	dir, err := os.Open(filepath.Dir(sf.Path))
	if err != nil {
		return fmt.Errorf("swarm: sync directory of blocks: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("swarm: sync directory of blocks: %w", err)
	}
	return nil
}

// Has implements blockstore.Blockstore. It does not read the block.
func (s *Store) Has(_ context.Context, c cid.Cid) (bool, error) {
	d, ok := Digest(c)
	return ok && s.present(d), nil
}

// GetSize implements blockstore.Blockstore. It does not read the block.
func (s *Store) GetSize(_ context.Context, c cid.Cid) (int, error) {
	if d, ok := Digest(c); ok {
		if n, ok := s.lookup(d); ok {
			return n, nil
		}
	}
	return 0, ipld.ErrNotFound{Cid: c}
}

// Get implements blockstore.Blockstore. The bytes it returns hash to c; a copy
// on disk that does not is marked missing.
func (s *Store) Get(_ context.Context, c cid.Cid) (blocks.Block, error) {
	d, ok := Digest(c)
	if !ok {
		return nil, ipld.ErrNotFound{Cid: c}
	}
	s.mu.RLock()
	var locs []location
	if e := s.index[d]; e != nil {
		locs = e.locs
	}
	s.mu.RUnlock()
	for _, l := range locs {
		if l.index < 0 {
			return blocks.NewBlockWithCid(l.file.Extra[-l.index-1].RawData(), c)
		}
		s.mu.RLock()
		present := l.file.have.Has(int(l.index))
		s.mu.RUnlock()
		if !present {
			continue
		}
		buf := make([]byte, l.file.BlockLen(int(l.index)))
		n, err := l.file.f.ReadAt(buf, int64(l.index)*int64(l.file.BlockSize))
		if errors.Is(err, fs.ErrClosed) {
			continue // removed meanwhile
		}
		if n == len(buf) && sha256.Sum256(buf) == d {
			return blocks.NewBlockWithCid(buf, c)
		}
		s.lose(l, err)
	}
	return nil, ipld.ErrNotFound{Cid: c}
}

// lose marks a place as missing because it could not be read, or held
// something else.
func (s *Store) lose(l location, err error) {
	s.mu.Lock()
	if !l.file.have.Has(int(l.index)) {
		s.mu.Unlock()
		return
	}
	u := l.file.UnitOf[l.index]
	l.file.have.Clear(int(l.index))
	l.file.bytesHave -= int64(l.file.BlockLen(int(l.index)))
	if l.file.absent[u]++; l.file.absent[u] == 1 {
		l.file.left++
	}
	s.mu.Unlock()
	s.log.Warn("block on disk is damaged", "path", l.file.Path, "block", l.index, "error", err)
	if s.onLost != nil {
		s.onLost(l.file, int(u))
	}
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
	if !ok || !s.listed(d) {
		return fmt.Errorf("%w: %s", ErrUnlisted, b.Cid())
	}
	if sum := sha256.Sum256(b.RawData()); !bytes.Equal(sum[:], d[:]) {
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
		if slices.ContainsFunc(e.locs, func(l location) bool {
			return l.index < 0 || l.file.have.Has(int(l.index))
		}) {
			keys = append(keys, d)
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
