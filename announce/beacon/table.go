package beacon

import (
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/tokens"
	"camswarm/verify"
)

// Table is what a seed counts: the newest beacon of each device, in memory only.
// Devices are known by a digest under a key of this process. One that installed a
// release and was not heard of since is not forgotten with time, since it may be lost
// and must stay counted: only when it speaks again, or to make room for one that does.
// Safe for concurrent use.
type Table struct {
	cfg   Config
	key   [32]byte
	since time.Time // when it began to count

	mu       sync.Mutex
	devices  map[pseudonym]device
	networks map[netip.Prefix]int
	lost     map[netip.Prefix]int        // devices of a network that only sweep spared, when it swept last
	turned   map[verify.ProductID]uint64 // beacons for which there was no room
	swept    time.Time
}

type pseudonym [16]byte

// device is what is kept of a camera.
type device struct {
	beacon  Beacon
	network netip.Prefix // invalid: not known
	heard   time.Time
	since   time.Time // when it first told this state of this release
}

// NewTable returns an empty table that counts from now on.
func NewTable(cfg Config) *Table {
	t := &Table{cfg: cfg, since: time.Now(), devices: map[pseudonym]device{}, networks: map[netip.Prefix]int{}, turned: map[verify.ProductID]uint64{}}
	_, _ = rand.Read(t.key[:]) // never fails
	return t
}

func (t *Table) name(p peer.ID) pseudonym {
	h := sha256.New()
	h.Write(t.key[:])
	h.Write([]byte(p))
	return pseudonym(h.Sum(nil)[:16])
}

// Put counts what a device tells, in place of what it told before. addr is where it
// calls from, the invalid one if that is not known; those share one network. The error
// is ErrStale, or ErrRoom when its network or the table has as many devices as may
// count: those that are counted stay.
func (t *Table) Put(from peer.ID, addr netip.Addr, b Beacon, now time.Time) error {
	if !b.fresh(hourOf(uint64(max(now.Unix(), 0)))) {
		return ErrStale
	}
	network := tokens.NetworkOf(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.swept) >= sweepEvery {
		t.sweep(now)
	}
	id := t.name(from)
	old, known := t.devices[id]
	if known {
		t.forget(id, old)
	}
	if b.State == stateWithdrawn {
		return nil
	}
	if !t.room(network, now) {
		t.turned[b.Product]++
		return ErrRoom
	}
	d := device{beacon: b, network: network, heard: now, since: now}
	if known && old.beacon.Release == b.Release && old.beacon.State == b.State {
		d.since = old.since
	}
	t.devices[id] = d
	t.networks[network]++
	return nil
}

// room reports whether one more device of a network may count, if need be in the place
// of the one that is lost for longest. The caller holds mu.
func (t *Table) room(network netip.Prefix, now time.Time) bool {
	crowded := t.networks[network] >= t.cfg.PerNetwork
	if !crowded && len(t.devices) < maxDevices {
		return true
	}
	if crowded && t.lost[network] == 0 || len(t.lost) == 0 {
		return false
	}
	var oldest pseudonym
	var found device
	for id, d := range t.devices {
		if (!crowded || d.network == network) && now.Sub(d.heard) >= t.cfg.Keep && (found.heard.IsZero() || d.heard.Before(found.heard)) {
			oldest, found = id, d
		}
	}
	if found.heard.IsZero() {
		return false
	}
	t.forget(oldest, found)
	if t.lost[found.network]--; t.lost[found.network] <= 0 {
		delete(t.lost, found.network)
	}
	return true
}

// forget takes a device out. The caller holds mu.
func (t *Table) forget(id pseudonym, d device) {
	delete(t.devices, id)
	if t.networks[d.network]--; t.networks[d.network] <= 0 {
		delete(t.networks, d.network)
	}
}

// sweep forgets what is too old, but for devices that may be lost. The caller holds mu.
func (t *Table) sweep(now time.Time) {
	t.swept, t.lost = now, map[netip.Prefix]int{}
	for id, d := range t.devices {
		switch {
		case now.Sub(d.heard) < t.cfg.Keep:
		case d.beacon.State == StateInstalled && now.Sub(d.heard) < lostFor:
			t.lost[d.network]++
		default:
			t.forget(id, d)
		}
	}
}

// Report counts what is known of a product whose newest release by the chain is latest;
// 0: not known.
func (t *Table) Report(product verify.ProductID, latest uint64, now time.Time) Report {
	all, turned := t.cameras(product, now) // what follows takes a second for a full table
	return newReport(product, t.since, now, t.cfg, all, turned, latest)
}

// cameras are those of a product, and how many beacons for it found no room.
func (t *Table) cameras(product verify.ProductID, now time.Time) (all []counted, turned uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	for id, d := range t.devices {
		if b := d.beacon; b.Product == product {
			c := counted{Row{Region: string(b.Region), Label: b.Label, Running: b.Running, Release: b.Release, State: b.State, Cameras: 1}, seat{network: d.network}}
			if b.State == StateInstalled && now.Sub(d.since) >= t.cfg.Overdue {
				c.Overdue = 1
			}
			if tokens.Local(d.network.Addr()) { // the seed's own, and no home's
				c.from.device = id
			}
			all = append(all, c)
		}
	}
	return all, t.turned[product]
}
