package swarm

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/swarm/filestore"
)

// While one file is added, damage may be met in another from which blocks are
// taken over. Whoever adds may hold a lock that Damaged wants, so it hears of it
// from another goroutine, once for all owners.
func TestDamageMetByAddIsReportedFromOutside(t *testing.T) {
	one, f1 := testImage(1<<20, 64<<10, 19)
	two := bytes.Clone(one)
	copy(two[900_000:], "the next release differs here")
	f2 := describe(two, 64<<10)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		n := s.nodes[0]
		reported := make(chan cid.Cid, 10)
		n.start(ExchangeOptions{Damaged: func(root cid.Cid) {
			if bytes.Contains(debug.Stack(), []byte("(*Exchange).Add(")) {
				t.Error("Damaged is called from within Add")
			}
			reported <- root
		}})
		n.add(f1, one)
		again := f1
		again.Path = filepath.Join(n.dir, "of another owner")
		if err := n.x.Add(again); err != nil {
			t.Fatal(err)
		}
		w, err := os.OpenFile(again.Path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.WriteAt([]byte("flash decays"), 2*64<<10)
		w.Close()
		n.add(f2, nil)
		time.Sleep(time.Second)
		if len(reported) != 1 || <-reported != f1.Root {
			t.Errorf("%d more are reported", len(reported))
		}
		if n.x.Complete(f1.Root) {
			t.Error("a damaged file is complete")
		}
	})
}

// slowFile is a file on a disk that stands still for a while.
type slowFile struct {
	filestore.Handle
	stall func()
}

func (f slowFile) ReadAt(b []byte, off int64) (int, error) { f.stall(); return f.Handle.ReadAt(b, off) }
func (f slowFile) WriteAt(b []byte, off int64) (int, error) {
	f.stall()
	return f.Handle.WriteAt(b, off)
}
func (f slowFile) Close() error { f.stall(); return f.Handle.Close() }

// A disk that stands still under one file, while it is added, holds up nothing
// else: not what is asked of other files or of the exchange, nor their serving.
func TestDiskThatStandsStillHoldsUpNothingElse(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 20)
	stuckData, stuck := testImage(1<<20, 64<<10, 21)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		var still atomic.Bool
		still.Store(true)
		stall := func() {
			if still.Load() {
				time.Sleep(10 * time.Second)
			}
		}
		n := s.nodes[0]
		n.start(ExchangeOptions{OpenFile: func(path string, flag int, perm fs.FileMode) (filestore.Handle, error) {
			h, err := os.OpenFile(path, flag, perm)
			if err == nil && strings.HasSuffix(path, stuck.Root.String()) {
				return slowFile{h, stall}, nil
			}
			return h, err
		}})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		n.add(f, data)
		s.nodes[1].add(f, nil)
		added := make(chan struct{})
		go func() {
			defer close(added)
			n.add(stuck, stuckData)
		}()
		time.Sleep(time.Second)
		began := time.Now()
		at := func(what string) {
			t.Helper()
			if d := time.Since(began); d > 0 {
				t.Errorf("%s takes %v", what, d)
			}
			began = time.Now()
		}
		if p, ok := n.x.Progress(f.Root); !ok || p.Blocks != p.BlocksTotal {
			t.Errorf("progress %+v, %v", p, ok)
		}
		at("Progress")
		if !n.x.Complete(f.Root) || n.x.Complete(stuck.Root) {
			t.Error("one file is complete, the other is not known yet")
		}
		at("Complete")
		if _, ok := n.x.Progress(stuck.Root); ok {
			t.Error("a file is there before it was read")
		}
		at("Progress of the other file")
		n.x.Stats()
		if err := errors.Join(n.x.SetLimits(0, 0), n.x.SetMode(ModeLeech), n.x.SetMode(ModeShare)); err != nil {
			t.Error(err)
		}
		at("SetLimits and SetMode")
		third, description := testImage(300_000, 64<<10, 22)
		n.add(description, third)
		at("Add of a third file")
		n.remove(description)
		at("Remove of it")
		if took := fetchAll(t, f.Root, time.Minute, s.nodes[1]); took[0] > 2 {
			t.Errorf("serving takes %.1f s", took[0])
		}
		s.nodes[1].holds(f, data)
		select {
		case <-added:
			t.Fatal("the disk did not stand still")
		default:
		}
		still.Store(false)
		<-added
		if !n.x.Complete(stuck.Root) {
			t.Error("the file is not complete after the disk went on")
		}
		// Closing may take as long.
		still.Store(true)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			n.remove(stuck)
		}()
		time.Sleep(time.Second)
		began = time.Now()
		n.x.Progress(f.Root)
		n.x.Complete(stuck.Root)
		at("Progress while a file is closed")
		still.Store(false)
		<-gone
	})
}

// Two products whose releases have the same image: it is fetched once, for both,
// and goes on for the second when the first gives up.
func TestTwoOwnersFetchOnce(t *testing.T) {
	data, f := testImage(4<<20, 64<<10, 23)
	runSim(t, []link{{10, 10}, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		n := s.nodes[1]
		second := f
		second.Path = filepath.Join(n.dir, "second")
		n.add(f, nil)
		ctx, giveUp := context.WithCancel(context.Background())
		first, other := make(chan error, 1), make(chan error, 1)
		go func() { first <- n.x.Fetch(ctx, f.Root, Origins{}) }()
		time.Sleep(time.Second)
		if err := n.x.Add(second); err != nil {
			t.Fatal(err)
		}
		go func() { other <- n.x.Fetch(context.Background(), f.Root, Origins{}) }()
		time.Sleep(time.Second)
		giveUp()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the fetch that was given up: %v", err)
		}
		n.remove(f)
		if err := os.Remove(filepath.Join(n.dir, f.Root.String())); err != nil {
			t.Error(err)
		}
		if err := <-other; err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(second.Path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("the second owner's file is not the image: %v", err)
		}
		if st := n.x.Stats().Total; st.Useful != f.Size || st.Received > f.Size+4*int64(f.BlockSize) {
			t.Errorf("%d bytes were received, %d of them useful, of an image of %d", st.Received, st.Useful, f.Size)
		}
		if err := n.x.Remove(f.Root, second.Path); err != nil || n.x.Complete(f.Root) {
			t.Errorf("after the last owner: %v", err)
		}
	})
}

// What several owners share goes bad, and one of them notices: whoever asks for a
// check learns which blocks are missing, and gets them for all.
func TestRecheckFindsWhatWentBad(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 24)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		n := s.nodes[1]
		n.add(f, data)
		second := f
		second.Path = filepath.Join(n.dir, "second")
		if err := n.x.Add(second); err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(data)
		copy(bad[3*64<<10:], "flash decays")
		if err := os.WriteFile(second.Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.x.Recheck(f.Root); err != nil || n.x.Complete(f.Root) {
			t.Fatalf("the damage is not found: %v", err)
		}
		fetchAll(t, f.Root, time.Minute, n)
		for _, path := range []string{second.Path, filepath.Join(n.dir, f.Root.String())} {
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s is not the image: %v", path, err)
			}
		}
		if err := n.x.Recheck(filestore.LeafCID([32]byte{})); !errors.Is(err, filestore.ErrNotAdded) {
			t.Errorf("a file that is not there: %v", err)
		}
	})
}
