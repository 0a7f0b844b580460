package statedir

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fatal(t, os.WriteFile(at("file"), []byte("1234"), 0o600), os.Symlink(at("file"), at("link")), os.Mkdir(at("dir"), 0o700), syscall.Mkfifo(at("pipe"), 0o600))
	if data, err := ReadRegular(at("file"), 4); err != nil || string(data) != "1234" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := ReadRegular(at("file"), 3); err == nil {
		t.Error("a file over its limit was read")
	}
	for _, name := range []string{"link", "dir", "pipe", "missing"} {
		if _, err := ReadRegular(at(name), 100); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	for _, name := range []string{"link", "dir", "pipe"} {
		fatal(t, Reclaim(quiet(), at(name), false))
		if _, err := os.Lstat(at(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
	fatal(t, Reclaim(quiet(), at("file"), false), Reclaim(quiet(), at("missing"), true), os.Symlink(dir, at("elsewhere")), Reclaim(quiet(), at("elsewhere"), true))
	if _, err := os.Lstat(at("elsewhere")); err != nil {
		t.Error("a link to a directory on another disk was removed")
	}
	if _, err := os.Stat(at("file")); err != nil {
		t.Error("a regular file was removed")
	}
}

func TestWriteFileReplacesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path+".tmp", []byte("left over by a crash, and longer than what follows"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second"} {
		if err := WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Fatalf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file stayed: %v", err)
	}
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	// A file over the size limit of the process fails as a full disk does.
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, make([]byte, 2<<20), 0o600)
	if restore := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); restore != nil {
		t.Fatal(restore)
	}
	if err == nil {
		t.Fatal("a write over the limit succeeded")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("the old content is %q, %v", got, err)
	}
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file stayed: %v", err)
	}
}

// A link in the place of the temporary file is replaced, and what it leads to stays.
func TestWritesFollowNoLink(t *testing.T) {
	path, other := filepath.Join(t.TempDir(), "file"), filepath.Join(t.TempDir(), "other")
	fatal(t, os.WriteFile(other, []byte("mine"), 0o600), os.Symlink(other, path+".tmp"))
	fatal(t, WriteFile(path, []byte("content"), 0o600))
	if data, err := os.ReadFile(other); err != nil || string(data) != "mine" {
		t.Errorf("the link was followed: %q, %v", data, err)
	}
	if data, err := ReadRegular(path, 100); err != nil || string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestExplainSaysWhatToDoOnce(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EROFS:  "the file system is read-only: remount it writable or replace the storage",
		syscall.ENOSPC: "the file system is full: free some space",
		syscall.EDQUOT: "the file system is full: free some space",
		syscall.EIO:    "the storage fails: replace it",
		syscall.EPERM:  "",
	} {
		err := Explain(&fs.PathError{Op: "write", Path: "f", Err: errno})
		said, rest, _ := strings.Cut(err.Error(), ": write f")
		if want == "" {
			said, rest = "", ""
		}
		if said != want || strings.Contains(rest, want) && want != "" || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
		if again := Explain(errors.Join(err)).Error(); again != err.Error() {
			t.Errorf("said twice: %s", again)
		}
	}
	if err := Explain(nil); err != nil {
		t.Error(err)
	}
}
