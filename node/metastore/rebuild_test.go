package metastore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
			return os.WriteFile(filepath.Join(dir, markerFile), []byte("camswarm store 2 x\n"), 0o600)
		},
		"no marker": func(dir string) error { return os.Remove(filepath.Join(dir, markerFile)) },
		"database of noise": func(dir string) error {
			return filepath.WalkDir(filepath.Join(dir, dataDir), func(p string, d fs.DirEntry, err error) error {
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
			return errors.Join(os.RemoveAll(filepath.Join(dir, dataDir)), os.WriteFile(filepath.Join(dir, dataDir), []byte("x"), 0o600))
		},
		"file instead of the store": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o600))
		},
		"link to nowhere instead of the store": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Symlink("/nowhere/at/all", dir))
		},
		"process that died while opening it": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, openingFile), []byte("3"), 0o600)
		},
	} {
		for _, b := range []backend{own, level} {
			t.Run(b.name+"/"+what, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "meta")
				for range 2 { // what is set aside makes way for what is set aside later
					s, rebuilt, err := openOrRebuild(dir, quiet(), b)
					if err != nil || rebuilt != nil {
						t.Fatalf("before the damage: %v, %v", rebuilt, err)
					}
					put(t, s)
					fatal(t, s.Close(), damage(dir))
					s, rebuilt, err = openOrRebuild(dir, quiet(), b)
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
	}

	dir := filepath.Join(t.TempDir(), "meta")
	fatal(t, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, markerFile), []byte(markerPrefix+"other\n"), 0o600))
	if _, _, err := OpenOrRebuild(dir, quiet()); !errors.Is(err, ErrBackend) {
		t.Errorf("a store of another kind: %v", err)
	}
	if _, err := os.Stat(dir + Damaged); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a store of another kind was set aside")
	}
}

// Attempts that were ended by a kill or a power cut count until one succeeds.
func TestStoreOpensAfterFewKills(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meta")
	s, _, err := OpenOrRebuild(dir, quiet())
	fatal(t, err, s.Namespace("x").Put(t.Context(), datastore.NewKey("k"), []byte("v")), s.Close())
	fatal(t, os.WriteFile(filepath.Join(dir, openingFile), []byte("2"), 0o600))
	s, rebuilt, err := OpenOrRebuild(dir, quiet())
	fatal(t, err)
	defer func() { _ = s.Close() }()
	if v, err := s.Namespace("x").Get(t.Context(), datastore.NewKey("k")); rebuilt != nil || err != nil || string(v) != "v" {
		t.Errorf("%q, %v, rebuilt: %v", v, err, rebuilt)
	}
	if _, err := os.Stat(filepath.Join(dir, openingFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the note of an attempt stays after it succeeded")
	}
}

// A link in the place of the note leads no write astray.
func TestNoteOfAnAttemptFollowsNoLink(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "meta"), filepath.Join(t.TempDir(), "other")
	fatal(t, os.MkdirAll(dir, 0o700), os.WriteFile(other, []byte("mine"), 0o600), os.Symlink(other, filepath.Join(dir, openingFile)))
	s, _, err := OpenOrRebuild(dir, quiet())
	fatal(t, err, s.Close())
	if data, err := os.ReadFile(other); err != nil || string(data) != "mine" {
		t.Errorf("the link was followed: %q, %v", data, err)
	}
}
