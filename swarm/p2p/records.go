//go:build !camera

package p2p

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/simplelru"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p-kad-dht/records"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-base32"
)

// boundedRecords is the datastore of a DHT server. It drops new records beyond
// maxDHTRecords in all, maxDHTRecordsPerPeer of one peer and maxProviders of one
// key, so that a flood cannot take the memory; room comes back as records expire.
// Records of this node and its static peers are kept however many others there
// are. Of the providers of a key it yields providersNamed, drawn at random.
type boundedRecords struct {
	*dssync.MutexDatastore
	whose func(peer.ID) bool // this node and its static peers, as they are now

	mu   sync.Mutex
	keys map[datastore.Key]struct{}
	peer map[string]int // records of one provider, the last part of the key
	key  map[string]int // providers of one key, the part before
}

func (n *Network) newBoundedRecords() *boundedRecords {
	return newBoundedRecords(func(p peer.ID) bool { return p == n.host.ID() || n.isStatic(p) })
}

func newBoundedRecords(whose func(peer.ID) bool) *boundedRecords {
	return &boundedRecords{
		MutexDatastore: dssync.MutexWrap(datastore.NewMapDatastore()), whose: whose,
		keys: map[datastore.Key]struct{}{}, peer: map[string]int{}, key: map[string]int{},
	}
}

// known reports whether the last part of a key names one whose records are kept.
func (b *boundedRecords) known(by string) bool {
	id, err := base32.RawStdEncoding.DecodeString(by)
	return err == nil && b.whose(peer.ID(id))
}

// Put implements datastore.Write. What is over a bound is dropped without an
// error, since the error would be that of everybody in the same batch.
func (b *boundedRecords) Put(ctx context.Context, k datastore.Key, v []byte) error {
	by, of := k.BaseNamespace(), k.Path().String()
	known := b.known(by)
	b.mu.Lock()
	if _, held := b.keys[k]; !held {
		if b.peer[by] >= maxDHTRecordsPerPeer || !known && (len(b.keys) >= maxDHTRecords || b.key[of] >= maxProviders) {
			b.mu.Unlock()
			return nil
		}
		b.keys[k] = struct{}{}
		b.peer[by]++
		if strings.HasPrefix(of, records.ProvidersKeyPrefix) {
			b.key[of]++
		}
	}
	b.mu.Unlock()
	return b.MutexDatastore.Put(ctx, k, v)
}

// Delete implements datastore.Write.
func (b *boundedRecords) Delete(ctx context.Context, k datastore.Key) error {
	b.mu.Lock()
	if _, held := b.keys[k]; held {
		delete(b.keys, k)
		for count, name := range map[*map[string]int]string{&b.peer: k.BaseNamespace(), &b.key: k.Path().String()} {
			if (*count)[name]--; (*count)[name] <= 0 {
				delete(*count, name)
			}
		}
	}
	b.mu.Unlock()
	return b.MutexDatastore.Delete(ctx, k)
}

// Batch implements datastore.Batching through Put and Delete.
func (b *boundedRecords) Batch(context.Context) (datastore.Batch, error) {
	return datastore.NewBasicBatch(b), nil
}

// Query implements datastore.Read. Of the providers of one key, all of whose records
// the DHT would put into one answer, it yields a few.
func (b *boundedRecords) Query(ctx context.Context, q query.Query) (query.Results, error) {
	found, err := b.MutexDatastore.Query(ctx, q)
	if err != nil || !strings.HasPrefix(q.Prefix, records.ProvidersKeyPrefix) || q.Prefix == records.ProvidersKeyPrefix {
		return found, err
	}
	all, err := found.Rest()
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, c query.Entry) int { // those that are known first
		of := func(e query.Entry) int {
			if b.known(datastore.RawKey(e.Key).BaseNamespace()) {
				return 0
			}
			return 1
		}
		return of(a) - of(c)
	})
	return query.ResultsWithEntries(q, all[:min(len(all), providersNamed)]), nil
}

// noCache has the provider manager ask the datastore, which is in memory and keeps
// the bounds; what it caches itself has none.
type noCache struct{ lru.LRUCache }

// Add implements simplelru.LRUCache.
func (noCache) Add(any, any) bool { return false }

// Get implements simplelru.LRUCache.
func (noCache) Get(any) (any, bool) { return nil, false }
