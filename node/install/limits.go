package install

import "time"

// Limits of install hooks and slots.
const (
	defaultHookTimeout = 10 * time.Minute // of one run; writing 256 MiB of NOR flash at 500 kB/s takes nine
	hookKillDelay      = 2 * time.Second  // from SIGTERM to SIGKILL
	hookOutput         = 4 << 10          // bytes kept of a hook's output, the last ones
	maxSlotRecord      = 8 << 10          // bytes of a slot record
	inhibitRecheck     = 30 * time.Second // between looks at the inhibit file
)
