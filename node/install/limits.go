package install

import "time"

// Limits of install hooks and slots.
const (
	defaultHookTimeout = 10 * time.Minute // of one run; writing 256 MiB of NOR flash at 500 kB/s takes nine
	hookKillDelay      = 2 * time.Second  // from SIGTERM to SIGKILL
	hookKillWait       = 10 * time.Second // from SIGKILL until a process must be gone; one that waits for a device is not
	hookLinger         = time.Minute      // for what a hook left behind to end, before the next hook is started
	hookOutput         = 4 << 10          // bytes kept of a hook's output, the last ones
	maxRunRecord       = 1 << 10          // bytes of the record of a hook that runs
	lockPoll           = 50 * time.Millisecond
	maxSlotPath        = 1 << 10          // bytes of the path of a slot
	slotWait           = time.Minute      // for another process to let a slot go
	maxSlotRecord      = 8 << 10          // bytes of a slot record
	inhibitRecheck     = 30 * time.Second // between looks at the inhibit file
)
