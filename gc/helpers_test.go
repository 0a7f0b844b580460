package gc

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// device is a node reduced to what collection needs: release directories of one
// product and a small state file, written the way a node writes its own.
type device struct {
	root string
	at   func(step string) // told what has just been done
}

// state says which releases the device needs; 0: none.
type state struct {
	Running, Fallback, Wanted uint64
	Confirmed                 bool
	Retired                   []uint64 // written before a release's bytes go, as a catalog does
}

func newDevice(root string) *device { return &device{root: root, at: func(string) {}} }

func (d *device) releases() string { return filepath.Join(d.root, "releases") }
func (d *device) dir(sequence uint64) string {
	return filepath.Join(d.releases(), "cam", strconv.FormatUint(sequence, 10))
}
func (d *device) image(sequence uint64) string {
	return filepath.Join(d.dir(sequence), "image")
}

func (d *device) load() (s state, err error) {
	data, err := os.ReadFile(filepath.Join(d.root, "state"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

func (d *device) save(s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(d.root, "state")
	if err := writeSync(path+".new", data); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(d.root)
}

func writeSync(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// fetch writes an image in two halves.
func (d *device) fetch(sequence uint64, size int) error {
	if err := os.MkdirAll(d.dir(sequence), 0o700); err != nil {
		return err
	}
	f, err := os.Create(d.image(sequence))
	if err != nil {
		return err
	}
	data := imageBytes(sequence, size)
	_, err = f.Write(data[:size/2])
	d.at("half fetched")
	if err == nil {
		_, err = f.Write(data[size/2:])
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// imageBytes are noise, so that no file system makes them smaller.
func imageBytes(sequence uint64, size int) []byte {
	b := make([]byte, size)
	noise := rand.NewChaCha8([32]byte{byte(sequence)})
	_, _ = noise.Read(b)
	return b
}

// List implements Store.
func (d *device) List(context.Context) ([]Item, error) {
	s, err := d.load()
	if err != nil {
		return nil, err
	}
	entries, err := readDir(filepath.Join(d.releases(), "cam"))
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, e := range entries {
		sequence, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil {
			continue
		}
		bytes, shared, err := Measure(d.dir(sequence))
		if err != nil {
			return nil, err
		}
		items = append(items, Item{
			Product: cam, Sequence: sequence, Bytes: bytes, Shared: shared,
			Running: sequence == s.Running, Confirmed: sequence == s.Running && s.Confirmed,
			Fallback: sequence == s.Fallback, Wanted: sequence == s.Wanted,
		})
	}
	return items, nil
}

// Remove implements Store.
func (d *device) Remove(_ context.Context, item Item) error {
	s, err := d.load()
	if err != nil {
		return err
	}
	if !slices.Contains(s.Retired, item.Sequence) {
		s.Retired = append(s.Retired, item.Sequence)
		if err := d.save(s); err != nil {
			return err
		}
	}
	return remove(d.dir(item.Sequence), d.at)
}

// Free implements Store.
func (d *device) Free() (int64, error) { return Free(d.root) }

// sequences lists the releases that have a directory.
func (d *device) sequences(t *testing.T) []uint64 {
	t.Helper()
	items, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []uint64
	for _, i := range items {
		out = append(out, i.Sequence)
	}
	slices.Sort(out)
	return out
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func usage(t *testing.T, path string) int64 {
	t.Helper()
	bytes, err := Usage(path)
	must(t, err)
	return bytes
}
