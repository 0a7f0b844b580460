package node

import (
	"log/slog"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/chainwatch"
	"camswarm/swarm"
)

// Option injects what a program, rather than an operator, decides.
type Option func(*injected)

type injected struct {
	log       *slog.Logger
	registry  *prometheus.Registry
	installer Installer
	key       crypto.PrivKey
	transport swarm.TransportConstructor
	dial      func(chainwatch.Endpoint) (chainwatch.Caller, error)
	noControl bool
}

// WithLogger sets the logger; the default discards.
func WithLogger(log *slog.Logger) Option { return func(o *injected) { o.log = log } }

// WithRegistry sets the Prometheus registry that metrics are registered on and
// that the control API's /metrics serves; the default is a private one.
func WithRegistry(r *prometheus.Registry) Option { return func(o *injected) { o.registry = r } }

// WithInstaller replaces the installer that the configuration names. A seed has
// none.
func WithInstaller(i Installer) Option { return func(o *injected) { o.installer = i } }

// WithIdentity replaces the identity file by a key in memory.
func WithIdentity(key crypto.PrivKey) Option { return func(o *injected) { o.key = key } }

// WithTransport replaces the transports of the node's libp2p host, for simulated
// networks; see swarm.WithTransport.
func WithTransport(t swarm.TransportConstructor) Option {
	return func(o *injected) { o.transport = t }
}

// WithChainDialer replaces the HTTP client that asks chain endpoints, for
// simulated chains.
func WithChainDialer(dial func(chainwatch.Endpoint) (chainwatch.Caller, error)) Option {
	return func(o *injected) { o.dial = dial }
}

// WithoutControl leaves out the control socket, for programs that embed many
// nodes and hold them directly.
func WithoutControl() Option { return func(o *injected) { o.noControl = true } }
