package p2p

import (
	"testing"
	"testing/fstest"
)

func TestMemoryOfTheMachine(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	meminfo := file("MemTotal:          50712 kB\nMemFree: 1 kB\n")
	large := file("MemTotal:       16384000 kB\n")
	for name, tc := range map[string]struct {
		files  fstest.MapFS
		bytes  int64
		preset int64
	}{
		"nothing to read":     {nil, 0, 128 << 20},
		"a camera of 64 MB":   {fstest.MapFS{"proc/meminfo": meminfo}, 50712 << 10, 64 << 20},
		"a large machine":     {fstest.MapFS{"proc/meminfo": large}, 16384000 << 10, 512 << 20},
		"a group's limit":     {fstest.MapFS{"proc/meminfo": large, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/memory.max": file("134217728\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n")}, 128 << 20, 128 << 20},
		"a container's own":   {fstest.MapFS{"proc/meminfo": large, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("200000000\n")}, 128 << 20, 128 << 20},
		"barely above one":    {fstest.MapFS{"proc/meminfo": large, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("68157440\n")}, 64 << 20, 64 << 20},
		"below the smallest":  {fstest.MapFS{"proc/meminfo": large, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("40000000\n")}, 40000000, 64 << 20},
		"version 1":           {fstest.MapFS{"proc/meminfo": large, "proc/self/cgroup": file("5:cpu:/x\n4:hugetlb,memory:/x\n"), "sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("67108864\n")}, 64 << 20, 64 << 20},
		"no limit, version 1": {fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("4:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 50712 << 10, 64 << 20},
		"nonsense":            {fstest.MapFS{"proc/meminfo": file("MemTotal: a lot\n"), "proc/self/cgroup": file("::\n")}, 0, 128 << 20},
	} {
		if got := machineMemory(tc.files); got != tc.bytes || presetFor(got) != tc.preset {
			t.Errorf("%s: %d bytes, taken for %d; want %d and %d", name, got, presetFor(got), tc.bytes, tc.preset)
		}
	}
}

// What a camera's limits are by default must not depend on where a program runs that
// did not ask for it, such as the simulator.
func TestMemoryIsLookedUpOnlyWhenAsked(t *testing.T) {
	for memory, want := range map[string]int64{"": 128 << 20, "256MB": 256 << 20, "auto": presetFor(ownMemory())} {
		l, err := LimitsFor(Config{Memory: memory})
		if err != nil || l.Device != want {
			t.Errorf("%q: %d bytes, %v; want %d", memory, l.Device, err, want)
		}
	}
	seed := Config{Role: RoleSeed, Memory: "auto"}
	if l, err := LimitsFor(seed); err != nil || l.Device < minMemory {
		t.Errorf("a seed: %d bytes, %v", l.Device, err)
	}
}
