package beacon

import (
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

// Table is what a seed counts: the newest beacon of each device, in memory only.
// Devices are known by a digest under a key of this process. Safe for concurrent use.
type Table struct {
	cfg Config
	key [32]byte

	mu       sync.Mutex
	devices  map[pseudonym]device
	networks map[netip.Prefix]int
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

// NewTable returns an empty table.
func NewTable(cfg Config) *Table {
	t := &Table{cfg: cfg, devices: map[pseudonym]device{}, networks: map[netip.Prefix]int{}, turned: map[verify.ProductID]uint64{}}
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
	network := networkOf(addr)
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
	if len(t.devices) >= maxDevices || t.networks[network] >= t.cfg.PerNetwork {
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

func networkOf(addr netip.Addr) netip.Prefix {
	bits := 24
	if addr = addr.Unmap(); addr.Is6() {
		bits = 56
	}
	p, _ := addr.WithZone("").Prefix(bits) // the zero one of an invalid address
	return p
}

// forget takes a device out. The caller holds mu.
func (t *Table) forget(id pseudonym, d device) {
	delete(t.devices, id)
	if t.networks[d.network]--; t.networks[d.network] <= 0 {
		delete(t.networks, d.network)
	}
}

// sweep forgets what is too old. The caller holds mu.
func (t *Table) sweep(now time.Time) {
	t.swept = now
	for id, d := range t.devices {
		if now.Sub(d.heard) >= t.cfg.Keep {
			t.forget(id, d)
		}
	}
}

// Report counts what is known of a product.
func (t *Table) Report(product verify.ProductID, now time.Time) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	all := cells{}
	for _, d := range t.devices {
		if b := d.beacon; b.Product == product {
			r := Row{Region: string(b.Region), Label: b.Label, Running: b.Running, Release: b.Release, State: b.State, Cameras: 1}
			if b.State == StateInstalled && now.Sub(d.since) >= t.cfg.Overdue {
				r.Overdue = 1
			}
			all.add(r)
		}
	}
	return newReport(product, now, t.cfg, all, t.turned[product])
}
