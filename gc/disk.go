package gc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// IsFull reports whether an operation failed because the file system, or the
// user's share of it, is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Usage returns the bytes allocated on disk for path and, if it is a directory,
// everything in it: st_blocks of 512 bytes, so holes cost nothing and a file of
// one byte costs a block. A file with several names inside path counts once.
// Symbolic links are not followed. What does not exist, or vanishes meanwhile,
// counts nothing.
func Usage(path string) (int64, error) {
	bytes, _, err := Measure(path)
	return bytes, err
}

// Measure is Usage that also tells of the files with names outside of path.
func Measure(path string) (total int64, shared []Share, err error) {
	seen := map[FileID]*Share{}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				bytes, id, names := allocated(info)
				if names > 1 && !info.IsDir() {
					if s := seen[id]; s != nil {
						s.Here++
						return nil
					}
					seen[id] = &Share{File: id, Bytes: bytes, Here: 1, Names: names}
				}
				total += bytes
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("measure %s: %w", path, err)
	}
	for _, s := range seen {
		if s.Here < s.Names {
			shared = append(shared, *s)
		}
	}
	return total, shared, nil
}

// trashPrefix starts the name of a file or directory that is being removed.
const trashPrefix = ".trash-"

// Remove removes a file or a directory with all it holds so that a crash at any
// moment leaves either path as it was, or path gone and a leftover that [Sweep]
// finds: it renames path within its directory, syncs the directory, unlinks,
// and syncs again. A path that does not exist is no error.
func Remove(path string) error {
	return remove(path, func(string) {})
}

// remove tells at, for the crash test, what it has just done.
func remove(path string, at func(step string)) error {
	dir, base := filepath.Split(filepath.Clean(path))
	for n := 0; ; n++ {
		trash := filepath.Join(dir, trashPrefix+base+"-"+strconv.Itoa(n))
		if _, err := os.Lstat(trash); err == nil {
			continue // left by a crash
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(path, trash); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		at("renamed")
		if err := syncDir(dir); err != nil {
			return err
		}
		at("synced")
		if err := os.RemoveAll(trash); err != nil {
			return err
		}
		at("unlinked")
		return syncDir(dir)
	}
}

// Sweep clears what crashes left in root, which holds release directories as
// root/<product>/<sequence>: leftovers of [Remove], and the directories of
// sequences (decimal names) that keep does not vouch for, such as those of
// fetches that were never recorded. It is to be called at start, before
// anything is opened. Other names are left alone. A root that does not exist is
// no error.
func Sweep(root string, keep func(dir string) bool) error {
	products, err := readDir(root)
	if err != nil {
		return err
	}
	for _, product := range products {
		dir := filepath.Join(root, product.Name())
		if strings.HasPrefix(product.Name(), trashPrefix) {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			continue
		}
		if !product.IsDir() {
			continue
		}
		releases, err := readDir(dir)
		if err != nil {
			return err
		}
		for _, release := range releases {
			path := filepath.Join(dir, release.Name())
			_, err := strconv.ParseUint(release.Name(), 10, 64)
			switch {
			case strings.HasPrefix(release.Name(), trashPrefix):
				if err := os.RemoveAll(path); err != nil {
					return err
				}
			case err == nil && release.IsDir() && !keep(path):
				if err := Remove(path); err != nil {
					return err
				}
			}
		}
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func readDir(path string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
