package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"camswarm/swarm/p2p/book"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multihash"
)

// DHTProtocolPrefix keeps the DHT apart from the public one: its protocol is
// /camswarm/kad/1.0.0.
const DHTProtocolPrefix protocol.ID = "/camswarm"

// ErrNoDHT is returned by Provide and FindProviders while there is no DHT:
// Config.DHT is off, Run is not running, or the build has none (HasDHT).
var ErrNoDHT = errors.New("swarm: the DHT is off; set dht = true and run the network")

// Errors about IPNS.
var (
	// ErrNoIPNS: the search ended without a record of the name.
	ErrNoIPNS = errors.New("swarm: no IPNS record was found")

	// ErrIPNS is wrapped by every error about an IPNS name or record that is not
	// what it claims to be.
	ErrIPNS = errors.New("swarm: bad IPNS record")
)

// Seek asks seeds who holds c, finds its providers on the DHT, and has discovery dial
// them, at its own pace, even when the mesh is full. It is the exchange's way to find sources of
// a file that no neighbour has. It returns when the search has ended.
func (n *Network) Seek(ctx context.Context, c cid.Cid) error {
	known := n.seekHolders(ctx, c)
	found, err := n.FindProviders(ctx, c)
	if known > 0 && errors.Is(err, ErrNoDHT) {
		err = nil
	}
	for _, info := range found {
		n.discovered(info, book.Provider)
	}
	return err
}

// rendezvousCID is the key under which the members of a namespace are found.
func rendezvousCID(namespace string) cid.Cid {
	sum := sha256.Sum256([]byte("camswarm/rendezvous/1/" + namespace))
	mh, err := multihash.Encode(sum[:], multihash.SHA2_256)
	if err != nil {
		panic(err) // sha2-256 is always known
	}
	return cid.NewCidV1(cid.Raw, mh)
}

// Join makes this node a member of a namespace, before or during Run: seeds are told
// so, and asked for other members while the mesh is below its low watermark. A seed
// provides the namespace on the DHT, where those look for seeds who have none.
// Joining twice is joining once.
func (n *Network) Join(namespace string) error {
	if namespace == "" || len(namespace) > maxNamespaceBytes {
		return fmt.Errorf("swarm: a namespace has 1 to %d bytes, not %d", maxNamespaceBytes, len(namespace))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.namespaces[namespace]; ok {
		return nil
	}
	if len(n.namespaces) >= maxNamespaces {
		return fmt.Errorf("swarm: at most %d namespaces can be joined", maxNamespaces)
	}
	n.namespaces[namespace] = &membership{key: rendezvousCID(n.members.secretName(namespace))}
	nudge(n.joined)
	for _, a := range n.intro.asked {
		a.next = n.now()
	}
	nudge(n.asks)
	return nil
}

// membership is the state of one namespace; Network.mu guards it.
type membership struct {
	key        cid.Cid
	provide    time.Time // when to provide it next
	find       time.Time // when to seek members next
	provideErr int       // failures in a row
	findMiss   int       // searches in a row that found nobody new
}

// rendezvous provides the namespaces of a seed and seeks their seeds until ctx ends.
func (n *Network) rendezvous(ctx context.Context) {
	repeatedly(ctx, 0, n.joined, n.rendezvousRound)
}

// rendezvousRound does what is due and returns the time until more is.
func (n *Network) rendezvousRound(ctx context.Context) time.Duration {
	n.mu.Lock()
	members := slices.Collect(maps.Values(n.namespaces))
	n.mu.Unlock()

	for _, m := range members {
		if ctx.Err() != nil {
			break
		}
		if n.cfg.seed() && n.due(&m.provide) {
			err := n.provideNamespace(ctx, m.key)
			n.mu.Lock()
			if m.provide = n.now().Add(n.spread(rendezvousEvery)); err != nil {
				m.provide = n.now().Add(n.spread(doubling(rendezvousRetry, m.provideErr, rendezvousRetryMax)))
				m.provideErr++
			} else {
				m.provideErr = 0
			}
			n.mu.Unlock()
		}
		if n.due(&m.find) {
			found := n.findMembers(ctx, m.key)
			n.mu.Lock()
			if found > 0 {
				m.findMiss = 0
			}
			m.find = n.now().Add(n.spread(doubling(rendezvousRetry, m.findMiss, rendezvousRetryMax)))
			m.findMiss++
			n.mu.Unlock()
		}
	}

	n.mu.Lock()
	defer n.mu.Unlock()
	wait := rendezvousRetryMax
	for _, m := range n.namespaces {
		wait = min(wait, m.find.Sub(n.now()))
		if n.cfg.seed() {
			wait = min(wait, m.provide.Sub(n.now()))
		}
	}
	return max(wait, 100*time.Millisecond)
}

func (n *Network) due(t *time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.now().Before(*t)
}

// errNoServers: nobody is there to keep a record.
var errNoServers = errors.New("no DHT server is known yet")

func (n *Network) provideNamespace(ctx context.Context, key cid.Cid) error {
	servers := n.dhtServers()
	err := n.Provide(ctx, key) // a server keeps its own record even when it is the first
	if servers == 0 {
		return errNoServers // try again when there are others
	}
	return err
}

// findMembers looks for seeds of a namespace when the mesh is too small and no seed
// can be asked.
func (n *Network) findMembers(ctx context.Context, key cid.Cid) (found int) {
	n.mu.Lock()
	asked := len(n.intro.asked)
	n.mu.Unlock()
	if asked > 0 || !n.neighbours().Small(n.bounds()) || n.dhtServers() == 0 && !n.cfg.seed() {
		return 0
	}
	infos, err := n.FindProviders(ctx, key)
	if err != nil {
		n.log.Debug("no seeds found", "err", err)
	}
	for _, info := range infos {
		if n.discovered(info, book.DHT) {
			found++
		}
	}
	return found
}

// hurry brings the next round forward: a DHT server was met, or a neighbour
// left and the mesh is too small.
func (n *Network) hurry() {
	n.mu.Lock()
	soon := n.now().Add(n.spread(time.Second))
	for _, m := range n.namespaces {
		if m.provideErr > 0 && soon.Before(m.provide) {
			m.provide, m.provideErr = soon, 0
		}
		if soon.Before(m.find) {
			m.find, m.findMiss = soon, 0
		}
	}
	n.mu.Unlock()
	nudge(n.joined)
	n.askSoon(time.Second)
}

// spread lengthens a wait by up to a quarter, so that nodes that start together
// do not stay in step.
func (n *Network) spread(d time.Duration) time.Duration {
	return d + time.Duration(rand.Float64()*float64(d)/4)
}

func doubling(base time.Duration, times int, limit time.Duration) time.Duration {
	if times > 20 {
		return limit
	}
	return min(base<<times, limit)
}

// nudge signals a channel of capacity 1 without waiting.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
