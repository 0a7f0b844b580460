package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/ipfs/go-datastore"

	"camswarm/node/metastore"
	"camswarm/verify"
)

// seedList is what the newest release that named seeds said of this device's region.
type seedList struct {
	Release uint64   `json:"release"` // its sequence
	Addrs   []string `json:"addrs"`
}

// seedLists keeps the seeds that releases name, so that a fleet whose seeds were
// replaced finds the new ones. What the configuration names stays beside them: a
// list that leads nowhere strands nobody.
type seedLists struct {
	store    datastore.Batching
	learning turn
	use      func([]string) // all that is to be used
	log      *slog.Logger

	mu    sync.Mutex
	lists map[verify.ProductID]seedList
}

// maxSeedListBytes bounds what is kept of a list: twice its texts, for JSON.
const maxSeedListBytes = 2 * verify.MaxSeeds * verify.MaxSeedAddr

func seedListKey(product verify.ProductID) string { return "seeds-" + product.String() }

// restore takes up the list that a former run kept. One that cannot be read is left
// out: the next release that is fetched brings it again, or the one after it another.
func (l *seedLists) restore(ctx context.Context, product verify.ProductID) error {
	data, err := metastore.ValueAt(l.store, seedListKey(product)).Load(ctx)
	if err != nil || data == nil {
		return err
	}
	kept, err := decodeSeedList(data)
	if err != nil {
		l.log.Warn("the kept list of seeds is unusable; those of the configuration are used", "err", err)
		return nil
	}
	l.put(product, kept)
	return nil
}

// decodeSeedList lets unknown fields through, as decodeRecord does.
func decodeSeedList(data []byte) (l seedList, err error) {
	if len(data) > maxSeedListBytes {
		return l, fmt.Errorf("%d bytes are over the limit of %d", len(data), maxSeedListBytes)
	}
	if err := json.Unmarshal(data, &l); err != nil {
		return seedList{}, err
	}
	if l.Release == 0 || l.Release > maxSequence || len(l.Addrs) > verify.MaxSeeds {
		return seedList{}, fmt.Errorf("%d seeds of release %d", len(l.Addrs), l.Release)
	}
	return l, nil
}

// learn takes the list of an approved release, if it names one for somebody and is
// newer than the one in use. An older release's list never comes back.
func (l *seedLists) learn(ctx context.Context, region verify.Region, m *verify.Manifest) error {
	if len(m.Seeds) == 0 {
		return nil
	}
	list := seedList{Release: m.Sequence}
	for _, s := range m.Seeds {
		if s.Region == "" || s.Region == region {
			list.Addrs = append(list.Addrs, s.Addr)
		}
	}
	product := m.Product.ID()
	// One at a time: the newest is what the store and the network end with.
	if err := l.learning.take(ctx, func() {}); err != nil {
		return err
	}
	defer l.learning.give()
	if list.Release <= l.of(product).Release {
		return nil
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := metastore.ValueAt(l.store, seedListKey(product)).Save(ctx, data); err != nil {
		return fmt.Errorf("keep the list of seeds: %w", err)
	}
	l.log.Info("a release names seeds", "release", m.Sequence, "seeds", len(list.Addrs))
	l.put(product, list)
	return nil
}

// put has a list used, with those of the other products.
func (l *seedLists) put(product verify.ProductID, list seedList) {
	l.mu.Lock()
	l.lists[product] = list
	products := slices.SortedFunc(maps.Keys(l.lists), func(a, b verify.ProductID) int { return bytes.Compare(a[:], b[:]) })
	var all []string
	for _, p := range products {
		all = append(all, l.lists[p].Addrs...)
	}
	l.mu.Unlock()
	l.use(all)
}

// of returns the list in use, the zero one if no release named any.
func (l *seedLists) of(product verify.ProductID) seedList {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lists[product]
}
