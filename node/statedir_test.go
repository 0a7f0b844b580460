package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ipfs/go-datastore"
)

// A store that cannot be opened, for whatever is wrong with it, is set aside once
// and made anew; what is no damage is not touched.
func TestDamagedStoreIsRebuilt(t *testing.T) {
	put := func(t *testing.T, s *Store) {
		t.Helper()
		for i := range 50 {
			fatal(t, s.Namespace("x").Put(t.Context(), crashKey(i), make([]byte, 3000)))
		}
	}
	for what, damage := range map[string]func(dir string) error{
		"marker of another version": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, storeMarker), []byte("camswarm store 2 x\n"), 0o600)
		},
		"no marker": func(dir string) error { return os.Remove(filepath.Join(dir, storeMarker)) },
		"database of noise": func(dir string) error {
			return filepath.WalkDir(filepath.Join(dir, storeData), func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				return os.WriteFile(p, invert(data), 0o600)
			})
		},
		"file instead of the database": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, storeData)), os.WriteFile(filepath.Join(dir, storeData), []byte("x"), 0o600))
		},
		"file instead of the store": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o600))
		},
		"link to nowhere instead of the store": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Symlink("/nowhere/at/all", dir))
		},
		"process that died while opening it": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, storeOpening), []byte("3"), 0o600)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "meta")
			for range 2 { // what is set aside makes way for what is set aside later
				s, rebuilt, err := openOrRebuild(dir, quiet())
				if err != nil || rebuilt != nil {
					t.Fatalf("before the damage: %v, %v", rebuilt, err)
				}
				put(t, s)
				fatal(t, s.Close(), damage(dir))
				s, rebuilt, err = openOrRebuild(dir, quiet())
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(what, "instead of the store") == (rebuilt != nil) {
					t.Errorf("rebuilt: %v", rebuilt)
				}
				if ok, err := s.Namespace("x").Has(t.Context(), crashKey(1)); ok || err != nil {
					t.Errorf("the rebuilt store has a value: %v", err)
				}
				put(t, s)
				fatal(t, s.Close())
			}
		})
	}

	dir := filepath.Join(t.TempDir(), "meta")
	fatal(t, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, storeMarker), []byte(markerPrefix+"other\n"), 0o600))
	if _, _, err := openOrRebuild(dir, quiet()); !errors.Is(err, ErrStoreBackend) {
		t.Errorf("a store of another kind: %v", err)
	}
	if _, err := os.Stat(dir + storeDamaged); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a store of another kind was set aside")
	}
}

// Attempts that were ended by a kill or a power cut count until one succeeds.
func TestStoreOpensAfterFewKills(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meta")
	s, _, err := openOrRebuild(dir, quiet())
	fatal(t, err, s.Namespace("x").Put(t.Context(), datastore.NewKey("k"), []byte("v")), s.Close())
	fatal(t, os.WriteFile(filepath.Join(dir, storeOpening), []byte("2"), 0o600))
	s, rebuilt, err := openOrRebuild(dir, quiet())
	fatal(t, err)
	defer func() { _ = s.Close() }()
	if v, err := s.Namespace("x").Get(t.Context(), datastore.NewKey("k")); rebuilt != nil || err != nil || string(v) != "v" {
		t.Errorf("%q, %v, rebuilt: %v", v, err, rebuilt)
	}
	if _, err := os.Stat(filepath.Join(dir, storeOpening)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the note of an attempt stays after it succeeded")
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fatal(t, os.WriteFile(at("file"), []byte("1234"), 0o600), os.Symlink(at("file"), at("link")), os.Mkdir(at("dir"), 0o700), syscall.Mkfifo(at("pipe"), 0o600))
	if data, err := readRegular(at("file"), 4); err != nil || string(data) != "1234" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := readRegular(at("file"), 3); err == nil {
		t.Error("a file over its limit was read")
	}
	for _, name := range []string{"link", "dir", "pipe", "missing"} {
		if _, err := readRegular(at(name), 100); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	for _, name := range []string{"link", "dir", "pipe"} {
		fatal(t, reclaim(quiet(), at(name), false))
		if _, err := os.Lstat(at(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
	fatal(t, reclaim(quiet(), at("file"), false), reclaim(quiet(), at("missing"), true), os.Symlink(dir, at("elsewhere")), reclaim(quiet(), at("elsewhere"), true))
	if _, err := os.Lstat(at("elsewhere")); err != nil {
		t.Error("a link to a directory on another disk was removed")
	}
	if _, err := os.Stat(at("file")); err != nil {
		t.Error("a regular file was removed")
	}
}

func FuzzCatalogRecord(f *testing.F) {
	f.Add("/3", []byte(`{"release":{"Sequence":3,"Version":"1.3"},"state":"confirmed","updatedAt":"2030-01-01T00:00:00Z"}`))
	f.Add("/18446744073709551615", []byte(`{"release":{"Sequence":18446744073709551615},"state":"confirmed"}`))
	f.Add("/4", []byte(`{"release":{"Sequence":4},"state":"verified","attempts":-1}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		r, err := decodeRecord(key, value)
		if err != nil {
			return
		}
		if seq := r.Release.Sequence; seq == 0 || seq > maxSequence || recordKey(seq).String() != key || r.State < StateKnown || r.State > StateRetired || r.Attempts < 0 {
			t.Errorf("accepted %+v under %s", r, key)
		}
	})
}

func FuzzTraffic(f *testing.F) {
	f.Add([]byte(`{"Sent":1,"Received":2,"Useful":2,"Duplicate":0,"Wrong":0,"FromSeeds":1}`))
	f.Add([]byte(`{"Sent":9223372036854775807}`))
	f.Add([]byte(`{"Received":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decodeTraffic(data)
		if err != nil && v != (lifeTraffic{}) {
			t.Errorf("%+v with %v", v, err)
		}
		for _, n := range []int64{v.Sent, v.Received, v.Useful, v.Duplicate, v.Wrong, v.FromSeeds} {
			if n < 0 || n > maxTraffic {
				t.Errorf("accepted %+v", v)
			}
		}
	})
}
