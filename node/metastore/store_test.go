package metastore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	dstest "github.com/ipfs/go-datastore/test"
)

// storeBackends are the databases that this target can be tested with: its own,
// and LevelDB everywhere.
var storeBackends = map[string]backend{level.name: level, own.name: own}

func eachBackend(t *testing.T, f func(t *testing.T, open func(dir string) (*Store, error))) {
	for name, b := range storeBackends {
		t.Run(name, func(t *testing.T) {
			f(t, func(dir string) (*Store, error) { return openStore(dir, quiet(), b) })
		})
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustOpen(t *testing.T, open func(string) (*Store, error), dir string) *Store {
	t.Helper()
	s, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestNamespacesAreDatastoresOfTheirOwn(t *testing.T) {
	eachBackend(t, func(t *testing.T, open func(string) (*Store, error)) {
		ctx := t.Context()
		s := mustOpen(t, open, t.TempDir())
		a, b := s.Namespace("a"), s.Namespace("a/b")
		key := datastore.NewKey("k")
		if err := a.Put(ctx, key, []byte("in a")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(ctx, key); !errors.Is(err, datastore.ErrNotFound) {
			t.Errorf("a key of one namespace is seen in another: %v", err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if v, err := a.Get(ctx, key); err != nil || string(v) != "in a" {
			t.Errorf("closing a namespace closed the store: %q, %v", v, err)
		}
		if size, err := a.GetSize(ctx, key); err != nil || size != len("in a") {
			t.Errorf("size %d, %v", size, err)
		}
		conformance := s.Namespace("conformance")
		for _, f := range []func(*testing.T, datastore.Datastore){
			dstest.SubtestBasicPutGet, dstest.SubtestNotFounds,
		} {
			f(t, conformance)
		}
		dstest.RunBatchTest(t, s.Namespace("batch"))
		dstest.RunBatchDeleteTest(t, s.Namespace("batch-delete"))
	})
}

// The databases pass the datastore conformance tests in their own modules; this
// is about what we put on top of them.
func TestChecksumsAndNamespacesKeepTheDatastoreContract(t *testing.T) {
	s := &Store{data: &checkedStore{datastore.NewMapDatastore()}}
	dstest.SubtestAll(t, s.Namespace("conformance"))
}

// TestStoreWriterChild is the process that TestThreatCrashAnywhere_Store
// kills: it writes values and prints the number of each once Put has returned.
func TestStoreWriterChild(t *testing.T) {
	dir, backend := os.Getenv("STORE_CHILD_DIR"), os.Getenv("STORE_CHILD_BACKEND")
	if dir == "" {
		t.Skip("runs only as the child of another test")
	}
	s, err := openStore(dir, quiet(), storeBackends[backend])
	if err != nil {
		t.Fatal(err)
	}
	ns := s.Namespace("crash")
	first, err := strconv.Atoi(os.Getenv("STORE_CHILD_FIRST"))
	if err != nil {
		t.Fatal(err)
	}
	for i := first; ; i++ {
		if err := ns.Put(t.Context(), crashKey(i), crashValue(i)); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("acknowledged %d\n", i)
		if i%7 == 6 { // rewrites and deletions make the databases collect while they are killed
			if err := ns.Delete(t.Context(), crashKey(i-3)); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("deleted %d\n", i-3)
		}
	}
}

func crashKey(i int) datastore.Key { return datastore.NewKey(strconv.Itoa(i)) }

// crashValue is of any size from a few bytes to 20 KB, so that some go into
// Badger's value log and its files rotate.
func crashValue(i int) []byte {
	return bytes.Repeat([]byte(strconv.Itoa(i)+","), 1+(i*i*31)%4000)
}

func TestThreatCrashAnywhere_Store(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	for backend := range storeBackends {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			want := map[int]bool{} // false: deleted
			next := 0
			for round := range rounds {
				// Each round is killed after another number of writes, at whatever
				// point the database happens to be in the next one.
				next = writeAndKill(t, dir, backend, next, 11+13*round, want)
				s, err := openStore(dir, quiet(), storeBackends[backend])
				if err != nil {
					t.Fatalf("round %d: the store does not open after a kill: %v", round, err)
				}
				ns := s.Namespace("crash")
				for i, kept := range want {
					v, err := ns.Get(t.Context(), crashKey(i))
					switch {
					case kept && (err != nil || !bytes.Equal(v, crashValue(i))):
						t.Fatalf("round %d: value %d was acknowledged and is lost: %d bytes, %v", round, i, len(v), err)
					case !kept && !errors.Is(err, datastore.ErrNotFound):
						t.Fatalf("round %d: value %d was deleted and is back: %v", round, i, err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func writeAndKill(t *testing.T, dir, backend string, first, writes int, want map[int]bool) (next int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStoreWriterChild$")
	cmd.Env = append(os.Environ(), "STORE_CHILD_DIR="+dir, "STORE_CHILD_BACKEND="+backend, "STORE_CHILD_FIRST="+strconv.Itoa(first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next = first
	for lines.Scan() {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &i); err == nil {
			want[i] = true
			if next = i + 1; next == first+writes {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		} else if _, err := fmt.Sscanf(lines.Text(), "deleted %d", &i); err == nil {
			want[i] = false
		}
	}
	_ = cmd.Wait()
	if next < first+writes {
		t.Fatalf("the child ended after %d of %d writes", next-first, writes)
	}
	// The write that the kill interrupted may be there or not, and so may the
	// deletion: nobody was told.
	delete(want, next)
	if next%7 == 0 {
		delete(want, next-4)
	}
	return next + 1
}

func TestStoreOfTheOtherKindIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir, quiet(), level)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = openStore(dir, quiet(), backend{name: "badger", open: func(string, *slog.Logger) (datastore.Batching, error) {
		t.Error("the database was opened")
		return nil, errors.New("unreachable")
	}})
	if !errors.Is(err, ErrBackend) || !strings.Contains(err.Error(), "leveldb") || !strings.Contains(err.Error(), "move") {
		t.Errorf("got %v", err)
	}
	if own.name != "leveldb" {
		if _, err := Open(dir, quiet()); !errors.Is(err, ErrBackend) {
			t.Errorf("Open: %v", err)
		}
	}
}

func TestDataWithoutMarkerIsRefused(t *testing.T) {
	for name, marker := range map[string]string{"missing": "", "garbage": "\x00\x01", "another version": "camswarm store 2 badger\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, dataDir), 0o700); err != nil {
				t.Fatal(err)
			}
			if marker != "" {
				if err := os.WriteFile(filepath.Join(dir, markerFile), []byte(marker), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Open(dir, quiet()); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "move") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestThreatCrashAnywhere_DamagedStore overwrites each file of a store in turn: it either opens and
// hands out only what was written, or is refused with what to do.
func TestThreatCrashAnywhere_DamagedStore(t *testing.T) {
	eachBackend(t, func(t *testing.T, open func(string) (*Store, error)) {
		value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 3000) }
		master := t.TempDir()
		s := mustOpen(t, open, master)
		for i := range 100 {
			if err := s.Namespace("x").Put(t.Context(), crashKey(i), value(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join(master, dataDir))
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for what, damage := range map[string]func([]byte) []byte{
			"every bit":   invert,
			"one byte":    func(b []byte) []byte { copy(b[len(b)/2:], invert(b[len(b)/2:][:min(1, len(b))])); return b },
			"its end":     func(b []byte) []byte { copy(b[len(b)-len(b)/8:], invert(b[len(b)-len(b)/8:])); return b },
			"cut in half": func(b []byte) []byte { return b[:len(b)/2] },
			"cut to none": func([]byte) []byte { return nil },
		} {
			for _, f := range files {
				if damageAndOpen(t, open, master, f.Name(), what, damage, value) {
					refused++
				}
			}
		}
		if name := filepath.Base(t.Name()); name == "badger" && refused == 0 {
			t.Error("no damage was refused")
		}
	})
}

func invert(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = ^b[i]
	}
	return out
}

// damageAndOpen copies a store, damages one file of it, and tells whether the
// copy was refused.
func damageAndOpen(t *testing.T, open func(string) (*Store, error), master, file, what string, damage func([]byte) []byte, value func(int) []byte) bool {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(master)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, dataDir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, damage(data), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := open(dir)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "Move it away") {
			t.Errorf("%s of %s damaged: %v", what, file, err)
		}
		return true
	}
	defer func() { _ = s.Close() }()
	ns := s.Namespace("x")
	for i := range 100 {
		if v, err := ns.Get(t.Context(), crashKey(i)); err == nil && !bytes.Equal(v, value(i)) {
			t.Errorf("%s of %s damaged: a wrong value came back without an error", what, file)
		}
	}
	results, err := ns.Query(t.Context(), query.Query{})
	if err != nil {
		return false
	}
	for r := range results.Next() {
		i, convErr := strconv.Atoi(strings.TrimPrefix(r.Key, "/"))
		if r.Error == nil && (convErr != nil || !bytes.Equal(r.Value, value(i))) {
			t.Errorf("%s of %s damaged: a query returned a wrong value without an error", what, file)
		}
	}
	return false
}

func TestChangedValueIsAnError(t *testing.T) {
	ctx := t.Context()
	raw := datastore.NewMapDatastore()
	c := &checkedStore{raw}
	for name, damage := range map[string]func(k datastore.Key, sealed []byte) error{
		"a bit":         func(k datastore.Key, v []byte) error { v[len(v)-1] ^= 1; return raw.Put(ctx, k, v) },
		"cut":           func(k datastore.Key, v []byte) error { return raw.Put(ctx, k, v[:len(v)-1]) },
		"empty":         func(k datastore.Key, _ []byte) error { return raw.Put(ctx, k, nil) },
		"another's key": func(k datastore.Key, _ []byte) error { return raw.Put(ctx, k, seal("/other", []byte("value"))) },
	} {
		k := datastore.NewKey(name)
		if err := c.Put(ctx, k, []byte("value")); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Get(ctx, k); err != nil || string(v) != "value" {
			t.Fatalf("%q, %v", v, err)
		}
		sealed, err := raw.Get(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(k, bytes.Clone(sealed)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(ctx, k); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: Get returned %v", name, err)
		}
		if r, err := c.Query(ctx, query.Query{Prefix: "/", Filters: []query.Filter{query.FilterKeyCompare{Op: query.Equal, Key: k.String()}}}); err != nil {
			t.Fatal(err)
		} else if _, err := r.Rest(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: Query returned %v", name, err)
		}
		if err := raw.Delete(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreInUseIsSaidSo(t *testing.T) {
	eachBackend(t, func(t *testing.T, open func(string) (*Store, error)) {
		dir := t.TempDir()
		mustOpen(t, open, dir)
		_, err := open(dir)
		if err == nil || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("got %v", err)
		}
	})
}

func TestStoreIsSmall(t *testing.T) {
	eachBackend(t, func(t *testing.T, open func(string) (*Store, error)) {
		ctx := context.Background()
		s := mustOpen(t, open, t.TempDir())
		ns := s.Namespace("counter")
		for i := range 300 {
			if err := ns.Put(ctx, datastore.NewKey("same"), bytes.Repeat([]byte{byte(i)}, 500)); err != nil {
				t.Fatal(err)
			}
		}
		used, err := s.DiskUsage()
		if err != nil {
			t.Fatal(err)
		}
		if used <= 0 || used > 4<<20 {
			t.Errorf("300 writes of one key of 500 bytes take %d bytes", used)
		}
		t.Logf("%d bytes allocated", used)
	})
}

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
