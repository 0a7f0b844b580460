package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ipfs/go-cid"
)

// errOvertaken: a replica that an Add was about to join lost its last owner
// meanwhile.
var errOvertaken = errors.New("swarm: file was removed meanwhile")

// Add makes f part of the store: it opens or creates the file, finds out which
// blocks it holds and takes missing ones over from other files that have them. It
// returns the units that became present.
//
// When the root is added already, f's owner becomes one more of the same bytes.
// Its path becomes a hard link of a file that is held; where that is impossible
// (another file system, a file that may only be read) it becomes a file of its
// own, into which every block that is held is copied and checked. Right blocks
// that stood there before are taken over first. Whatever happens, what is present
// stays present.
//
// To add the same root and path again does nothing. Add takes as long as reading
// the file, and copying it. Errors: ErrBadFile, ErrPathTaken, ErrNoSpace, or the
// file system's.
func (s *Store) Add(f File) (*Replica, []Arrival, error) {
	r, err := newReplica(&f)
	if err != nil {
		return nil, nil, err
	}
	f.Path = filepath.Clean(f.Path)
	defer s.begin(r.Key)()
	owned, err := s.takePath(f.Path, r)
	if err != nil {
		return nil, nil, err
	}
	if owned != nil {
		return owned, nil, nil
	}
	for {
		held, done := s.ByKey(r.Key), []Arrival(nil) // it has the same blocks: nobody else adds this root now
		if held == nil {
			held, err = r, s.found(r, &f)
		} else if done, err = s.join(held, &f); errors.Is(err, errOvertaken) {
			continue
		}
		if err != nil {
			s.mu.Lock()
			delete(s.paths, f.Path)
			s.mu.Unlock()
			return nil, nil, err
		}
		return held, append(done, s.TakeOver(held)...), nil
	}
}

// begin waits until no other Add of a root runs, and returns what ends this one.
func (s *Store) begin(key [32]byte) (end func()) {
	mine := make(chan struct{})
	for {
		s.mu.Lock()
		other := s.adding[key]
		if other == nil {
			s.adding[key] = mine
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.adding, key)
				s.mu.Unlock()
				close(mine)
			}
		}
		s.mu.Unlock()
		<-other
	}
}

// takePath claims a path for r. It returns the replica that there is if the path
// has an owner with that root already.
func (s *Store) takePath(path string, r *Replica) (*Replica, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch key, taken := s.paths[path]; {
	case taken && key != r.Key:
		return nil, fmt.Errorf("%w: %s", ErrPathTaken, path)
	case s.replicas[r.Key] != nil && !s.replicas[r.Key].same(r):
		return nil, fmt.Errorf("%w: %s was added with other blocks", ErrBadFile, r.Root)
	case taken:
		return s.replicas[r.Key], nil
	}
	s.paths[path] = r.Key
	return nil, nil
}

// found makes f the first owner of r.
func (s *Store) found(r *Replica, f *File) error {
	in, err := openInode(s.open, r, f)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.replicas[r.Key] = r
	s.enter(r, in)
	s.own(r, in, f)
	s.mu.Unlock()
	return nil
}

// enter gives r a file on disk and returns the units that became present. The
// caller holds mu.
func (s *Store) enter(r *Replica, in *inode) []Arrival {
	r.inodes = append(r.inodes, in)
	for i, d := range r.Blocks {
		s.link(d, r.BlockLen(i), place{replica: r, at: in, index: int32(i)})
	}
	gained, _ := r.settleAll()
	return gained
}

// own gives r an owner, who has the file at. The caller holds mu.
func (s *Store) own(r *Replica, at *inode, f *File) {
	o := &owner{path: f.Path, at: at}
	r.owners = append(r.owners, o)
	for i, b := range f.Extra {
		sum, _ := Digest(b.Cid())
		o.extra = append(o.extra, memoryBlock{sum, b.RawData()})
		s.link(sum, len(b.RawData()), place{replica: r, owner: o, index: int32(i)})
	}
}

// join makes f one more owner of r, which has the same blocks. The error is
// errOvertaken when r has gone.
func (s *Store) join(r *Replica, f *File) (done []Arrival, err error) {
	s.mu.RLock()
	in, from := r.writable(), ""
	if in != nil {
		from = in.path
	}
	s.mu.RUnlock()
	if in != nil && !in.slot && !f.ReadOnly && !f.Slot {
		if done, err = s.adopt(r, in, f.Path); err != nil {
			return nil, err
		}
		if shareFile(in.f, from, f.Path) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !slices.Contains(r.inodes, in) {
				return nil, errOvertaken
			}
			s.own(r, in, f)
			return done, nil
		}
	}
	more, err := s.addCopy(r, f)
	return append(done, more...), err
}

// adopt takes those blocks from the file at path that r misses: it is about to be
// replaced.
func (s *Store) adopt(r *Replica, in *inode, path string) (done []Arrival, err error) {
	missing := s.Missing(r)
	if len(missing) == 0 {
		return nil, nil
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || isSame(in.f, info) {
		return nil, nil // nothing, or nothing else, to take
	}
	old, err := openInode(s.open, r, &File{Path: path, ReadOnly: true})
	if err != nil {
		return nil, nil
	}
	defer old.close()
	for _, u := range missing {
		i := int(r.First[u])
		if !old.has.Has(i) {
			continue
		}
		b, ok, _ := old.read(r, i)
		if !ok {
			continue
		}
		more, err := s.Write(r.Blocks[i], b)
		if errors.Is(err, ErrUnlisted) {
			return nil, errOvertaken
		}
		if err != nil {
			return nil, err
		}
		done = append(done, more...)
	}
	return done, nil
}

// shareFile makes path a hard link of the file that f is open on, which has the
// path from too. It reports false, and leaves path as it was, where that is
// impossible.
func shareFile(f Handle, from, path string) bool {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || !info.Mode().IsRegular():
		return false
	case isSame(f, info):
		return true // from an earlier run
	}
	tmp := path + tempSuffix
	if removeFile(tmp) != nil || os.Link(from, tmp) != nil {
		return false
	}
	info, err = os.Lstat(tmp)
	if err != nil || !isSame(f, info) || os.Rename(tmp, path) != nil {
		_ = os.Remove(tmp) // something else has the path from by now
		return false
	}
	return true
}

func isSame(f Handle, info fs.FileInfo) bool {
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

// addCopy gives f's owner a file of its own in which everything is that r holds,
// unless it may only be read.
func (s *Store) addCopy(r *Replica, f *File) (done []Arrival, err error) {
	_, before := os.Lstat(f.Path)
	in, err := openInode(s.open, r, f)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		_ = in.close()
		if errors.Is(before, fs.ErrNotExist) {
			_ = os.Remove(f.Path)
		}
	}()
	for {
		s.mu.Lock()
		if s.replicas[r.Key] != r {
			s.mu.Unlock()
			return nil, errOvertaken
		}
		var todo []int // held, and not in the copy: of these there are more when a fetch is faster
		for i := range r.Blocks {
			if !in.readOnly && r.held.Has(i) && !in.has.Has(i) {
				todo = append(todo, i)
			}
		}
		if len(todo) == 0 {
			done = s.enter(r, in)
			s.own(r, in, f)
			s.mu.Unlock()
			return done, nil
		}
		s.mu.Unlock()
		if err := s.copyInto(in, r, todo); err != nil {
			return nil, err
		}
	}
}

// copyInto copies those blocks of r into a file that r does not have yet. Blocks
// that turn out to be damaged are no longer held.
func (s *Store) copyInto(in *inode, r *Replica, todo []int) error {
	var need int64
	for _, i := range todo {
		need += int64(r.BlockLen(i))
	}
	for _, i := range todo {
		b, ok := s.read(r.Blocks[i])
		if !ok {
			continue
		}
		if in.pen == nil {
			var err error
			if in.pen, err = openPen(s.open, in, in.path); err != nil {
				return writeError(r, in.path, need, err)
			}
		}
		if _, err := in.pen.WriteAt(b, r.offset(i)); err != nil {
			return writeError(r, in.path, need, err)
		}
		in.has.Set(i)
		need -= int64(len(b))
	}
	return in.rest(r)
}

// Removal is what a Remove or a Seal has changed.
type Removal struct {
	Replica *Replica
	Gone    bool      // that was the last owner
	Gained  []Arrival // units that only that file had missed
	Lost    []Arrival // units that only that file had
}

// owner finds the owner of a root at a path: its replica, and its place there. The error
// is ErrNotAdded. The caller holds mu.
func (s *Store) owner(root cid.Cid, path string) (r *Replica, k int, err error) {
	key, _ := Digest(root)
	if r = s.replicas[key]; r != nil {
		path = filepath.Clean(path)
		if k = slices.IndexFunc(r.owners, func(o *owner) bool { return o.path == path }); k >= 0 {
			return r, k, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: %s at %s", ErrNotAdded, root, path)
}

// Remove drops the owner of a root at a path. A file that has no owner any more
// is closed; its bytes stay on disk. The error is ErrNotAdded.
func (s *Store) Remove(root cid.Cid, path string) (Removal, error) {
	s.mu.Lock()
	r, k, err := s.owner(root, path)
	if err != nil {
		s.mu.Unlock()
		return Removal{}, err
	}
	o := r.owners[k]
	r.owners = slices.Delete(r.owners, k, k+1)
	delete(s.paths, o.path)
	for _, b := range o.extra {
		s.unlink(b.sum, func(p place) bool { return p.owner == o })
	}
	out := Removal{Replica: r, Gone: len(r.owners) == 0}
	if out.Gone {
		delete(s.replicas, r.Key)
	}
	if other := slices.IndexFunc(r.owners, func(other *owner) bool { return other.at == o.at }); other >= 0 {
		o.at.path = r.owners[other].path
		s.mu.Unlock()
		return out, nil
	}
	o.at.gone = true
	idle, quiet := o.at.stop()
	r.inodes = slices.DeleteFunc(r.inodes, func(in *inode) bool { return in == o.at })
	for _, d := range r.Blocks {
		s.unlink(d, func(p place) bool { return p.at == o.at })
	}
	if !out.Gone {
		out.Gained, out.Lost = r.settleAll()
	}
	s.mu.Unlock()
	if quiet != nil && o.at.slot {
		<-quiet // whoever gets the slot next must be alone in it
	}
	_ = o.at.f.Close() // what was written is written; a flush that fails shows when it is read
	if idle != nil {
		_ = idle.Close()
	}
	return out, nil
}

// stop is called when a file is not to be written any more. It returns the pen to be
// closed or, while others use it, what is closed when the last of them has ended,
// who closes it. The caller holds Store.mu.
func (in *inode) stop() (idle Handle, quiet <-chan struct{}) {
	if in.writers == 0 {
		idle, in.pen = in.pen, nil
		return idle, nil
	}
	if in.quiet == nil {
		in.quiet = make(chan struct{})
	}
	return nil, in.quiet
}

// Seal forbids to write to the file of a root at a path, as if it had been added
// with ReadOnly. When it returns, nobody writes to it any more. The error is
// ErrNotAdded.
func (s *Store) Seal(root cid.Cid, path string) (Removal, error) {
	s.mu.Lock()
	r, k, err := s.owner(root, path)
	if err != nil {
		s.mu.Unlock()
		return Removal{}, err
	}
	in := r.owners[k].at
	in.readOnly = true
	out := Removal{Replica: r}
	out.Gained, out.Lost = r.settleAll()
	idle, quiet := in.stop()
	s.mu.Unlock()
	if quiet != nil {
		<-quiet
	}
	if idle != nil {
		_ = idle.Close()
	}
	return out, nil
}
