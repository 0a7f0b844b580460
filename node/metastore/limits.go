package metastore

import "time"

// closeTimeout bounds Close, as a service manager would bound the whole stop.
const closeTimeout = 10 * time.Second

// Limits on what the database's directory may hold.
const (
	maxMarker = 100      // bytes of the file that names the database
	maxFile   = 64 << 20 // bytes of one file of the database; ours are made with up to 4 MB
)

// Room is how many bytes must be free for a store to be opened: its log, a table and
// a little more. A database that maps files of a full file system into memory ends
// the process (SIGBUS), which would look like damage.
const Room = 768 << 10

// badgerGrowth is what Badger may take before what it replaces is gone: a value log of
// 2 MB, a memtable of 1 MiB, and the tables of a compaction, old and new. It maps files
// without blocks behind them and is told of a full disk by a SIGBUS.
const badgerGrowth = 8 << 20

// writeBuffer is how many bytes the database's log takes before it becomes a table.
const writeBuffer = 512 << 10

// entryBytes is about what an entry takes beside its value.
const entryBytes = 100
