package p2p

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// MemoryAuto is Config.Memory for what the machine has.
const MemoryAuto = "auto"

// presets are the sizes that a device's memory is taken for.
var presets = [...]int64{64 << 20, 128 << 20, 256 << 20, 512 << 20}

// presetFor returns the smallest preset that so many bytes fit in: a kernel and what is
// set aside for video take part of a device's memory before Linux counts it. Above the
// largest it returns that: more is worth nothing to a camera. 0, not known, is 128 MiB.
func presetFor(bytes int64) int64 {
	if bytes <= 0 {
		return presets[1]
	}
	for _, p := range presets {
		if bytes <= p {
			return p
		}
	}
	return presets[len(presets)-1]
}

// within returns the largest preset within a limit: unlike a device's memory, a limit is
// all that there is. One below the smallest is returned as it is.
func within(limit int64) int64 {
	for i := len(presets) - 1; i >= 0; i-- {
		if presets[i] <= limit {
			return presets[i]
		}
	}
	return limit
}

// machineMemory returns what this process may use at most, in bytes: the machine's
// memory, or a preset within the limit of one of the process's control groups if that is
// less. 0: it cannot be told. root is the root directory.
func machineMemory(root fs.FS) (least int64) {
	note := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	linesOf(root, "proc/meminfo", func(line string) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			note(kb << 10)
		}
	})
	linesOf(root, "proc/self/cgroup", func(line string) {
		part := strings.SplitN(line, ":", 3)
		if len(part) != 3 {
			return
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch {
		case part[1] == "" && part[0] == "0": // version 2
		case strings.Contains(","+part[1]+",", ",memory,"):
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			return
		}
		// The limits of the groups above hold too. A container sees its own as the root.
		for dir := path.Clean("/" + part[2]); ; dir = path.Dir(dir) {
			linesOf(root, path.Join(mount, dir, file), func(line string) {
				n, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64) // "max" is none
				note(within(n))
			})
			if dir == "/" {
				break
			}
		}
	})
	return least
}

// linesOf calls f with the lines of a file; one that cannot be read has none.
func linesOf(root fs.FS, name string, f func(string)) {
	file, err := root.Open(name)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	for s := bufio.NewScanner(file); s.Scan(); {
		f(s.Text())
	}
}

func ownMemory() int64 { return machineMemory(os.DirFS("/")) }
