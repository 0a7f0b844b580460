package node

import (
	"log/slog"
	"net"
	"net/http"

	"github.com/ipfs/go-datastore"
	"github.com/libp2p/go-libp2p/core/crypto"
	libp2pmetrics "github.com/libp2p/go-libp2p/core/metrics"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/chainwatch"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// Option injects what a program, rather than an operator, decides.
type Option func(*injected)

type injected struct {
	log       *slog.Logger
	registry  *prometheus.Registry
	installer install.Installer
	key       crypto.PrivKey
	network   p2p.Options // Transport, Interfaces and Bandwidth
	dial      func(chainwatch.Endpoint) (chainwatch.Caller, error)
	origins   *http.Client
	noControl bool

	acceptRegistry bool
	data           datastore.Batching
	observe        func(Event)
	exchange       func(exchange) exchange // for tests: what followers use in its place
}

// WithLogger sets the logger; the default discards.
func WithLogger(log *slog.Logger) Option { return func(o *injected) { o.log = log } }

// WithRegistry sets the Prometheus registry that metrics are registered on and
// that the control API's /metrics serves; the default is a private one.
func WithRegistry(r *prometheus.Registry) Option { return func(o *injected) { o.registry = r } }

// WithInstaller replaces the installer that the configuration names. A seed has
// none.
func WithInstaller(i install.Installer) Option { return func(o *injected) { o.installer = i } }

// WithIdentity replaces the identity file by a key in memory.
func WithIdentity(key crypto.PrivKey) Option { return func(o *injected) { o.key = key } }

// WithTransport replaces the transports of the node's libp2p host and tells which
// local networks it is on, for simulated networks; see p2p.Options.
func WithTransport(t p2p.TransportConstructor, interfaces func() ([]net.Addr, error)) Option {
	return func(o *injected) {
		o.network.Transport, o.network.Interfaces = t, interfaces
	}
}

// WithBandwidth has r told what the streams of the node's host carry, for simulated
// networks.
func WithBandwidth(r libp2pmetrics.Reporter) Option {
	return func(o *injected) { o.network.Bandwidth = r }
}

// WithChainDialer replaces the HTTP client that asks chain endpoints, for
// simulated chains.
func WithChainDialer(dial func(chainwatch.Endpoint) (chainwatch.Caller, error)) Option {
	return func(o *injected) { o.dial = dial }
}

// WithOriginClient replaces the HTTP client that asks origins, for simulated networks.
func WithOriginClient(c *http.Client) Option { return func(o *injected) { o.origins = c } }

// WithAcceptedRegistry lets the configuration name another registry than the one
// that the node has followed, which is refused otherwise.
func WithAcceptedRegistry() Option { return func(o *injected) { o.acceptRegistry = true } }

// WithoutControl leaves out the control socket, for programs that embed many
// nodes and hold them directly.
func WithoutControl() Option { return func(o *injected) { o.noControl = true } }

// WithDatastore keeps the metadata in d instead of the state directory's own
// database, for simulations of many nodes in one process. What d forgets is
// learnt anew, like after a loss of the database. The node closes d.
func WithDatastore(d datastore.Batching) Option { return func(o *injected) { o.data = d } }

// Event is a step in the life of a release on a node, or a view of the chain that
// the node acts on from now on.
type Event struct {
	Product  verify.ProductID
	Rev      uint64 // of the view; 0: this is about a release
	Sequence uint64 // of the release
	// State is what the release has come to. It is 0 for the news of the
	// release: an announcement that the node's own view of the chain confirms.
	State control.State
}

// WithObserver has f told of every Event, in the order in which they happen to
// a release. It is called from the pipeline, which waits for it: it must be
// quick and must not call the node.
func WithObserver(f func(Event)) Option { return func(o *injected) { o.observe = f } }
