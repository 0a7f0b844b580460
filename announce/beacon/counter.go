package beacon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/tokens"
	"camswarm/verify"
)

// Counter hears beacons on a seed and counts them.
type Counter struct {
	host   host.Host
	table  *Table
	follow []verify.Product
	budget func(peer.ID, float64) bool
	latest func(verify.ProductID) uint64
	log    *slog.Logger
	heard  *prometheus.CounterVec

	mu   sync.Mutex // while it counts
	made time.Time  // the zero time: never
	last []Report   // of the products in follow
	said Statement
}

// NewCounter returns a counter of the products that the seed follows. budget says
// whether a peer may have work of a cost done (swarm/tokens), latest which release of a
// product is the newest by the chain; 0: not known.
func NewCounter(h host.Host, cfg Config, follow []verify.Product, budget func(peer.ID, float64) bool, latest func(verify.ProductID) uint64, reg prometheus.Registerer, log *slog.Logger) (*Counter, error) {
	c := &Counter{host: h, table: NewTable(cfg), follow: follow, budget: budget, latest: latest, log: log}
	c.heard = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "camswarm", Subsystem: "beacon", Name: "heard_total",
		Help: "Beacons of cameras, by what became of them: counted, withdrawn, or why not.",
	}, []string{"outcome"})
	return c, errors.Join(reg.Register(c.heard), reg.Register(&gauge{c}))
}

var cameras = prometheus.NewDesc("camswarm_beacon_cameras",
	"Cameras that tell this seed, by product, the newest release that they know of, and what became of it there.", []string{"product", "release", "state"}, nil)

// gauge gives out what is counted, without regions and labels.
type gauge struct{ c *Counter }

// Describe implements prometheus.Collector.
func (gauge) Describe(out chan<- *prometheus.Desc) { out <- cameras }

// Collect implements prometheus.Collector. What liars say of releases that are not must
// not become time series without end, nor hide those that are: the newest maxSeries that
// the chain knows are told apart.
func (g gauge) Collect(out chan<- prometheus.Metric) {
	for _, f := range g.c.follow {
		sums, newest := map[[2]string]int{}, 0
		for _, r := range slices.Backward(g.c.Report(f.ID()).Known().Releases(nil)) {
			release := strconv.FormatUint(r.Release, 10)
			if r.Release == Unknown {
				release = "unknown"
			} else if newest++; newest > maxSeries {
				release = "older"
			}
			for state, n := range r.States {
				sums[[2]string{release, state.String()}] += n
			}
		}
		for at, n := range sums {
			out <- prometheus.MustNewConstMetric(cameras, prometheus.GaugeValue, float64(n), f.String(), at[0], at[1])
		}
	}
}

// Run hears beacons until ctx ends. It returns nil.
func (c *Counter) Run(ctx context.Context) error {
	c.host.SetStreamHandler(Protocol, c.serve)
	defer c.host.RemoveStreamHandler(Protocol)
	<-ctx.Done()
	return nil
}

// Report is what is known of a product that the seed follows, as of countEvery ago at most.
func (c *Counter) Report(product verify.ProductID) Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	for _, r := range c.last {
		if r.Product == product {
			return r
		}
	}
	return Report{Product: product}
}

// Statement is what is known of all products that the seed follows, as of countEvery ago
// at most, signed with the key of its host.
func (c *Counter) Statement() (Statement, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	if c.said.Signature != nil {
		return c.said, nil
	}
	var err error
	c.said, err = Fleet{Reports: c.last}.Sign(c.host.Peerstore().PrivKey(c.host.ID()))
	return c.said, err
}

// count counts if that is due. The caller holds the lock.
func (c *Counter) count() {
	if !c.made.IsZero() && time.Since(c.made) < countEvery {
		return
	}
	c.last, c.said = []Report{}, Statement{}
	for _, p := range c.follow {
		r := c.table.Report(p.ID(), c.latest(p.ID()), time.Now())
		r.Name = p.String()
		c.last = append(c.last, r)
	}
	c.made = time.Now()
}

func (c *Counter) serve(s network.Stream) {
	_ = s.SetDeadline(time.Now().Add(answerTimeout))
	outcome, err := c.hear(s)
	c.heard.WithLabelValues(outcome).Inc()
	answer := []byte{1}
	if errors.Is(err, ErrRoom) {
		answer[0], err = 0, nil
	}
	if err == nil {
		_, err = s.Write(answer)
	} else {
		c.log.Debug("a beacon was refused", "peer", s.Conn().RemotePeer().String(), "err", err)
	}
	if err != nil || s.Close() != nil {
		_ = s.Reset()
	}
}

func (c *Counter) hear(s network.Stream) (outcome string, err error) {
	from := s.Conn().RemotePeer()
	if !c.budget(from, cost) {
		return "flood", errors.New("beacon: over its budget")
	}
	data, err := io.ReadAll(io.LimitReader(s, MaxBytes+1))
	if err != nil {
		return "failed", err
	}
	b, err := Open(data, from, c.host.ID())
	if err == nil && !slices.ContainsFunc(c.follow, func(f verify.Product) bool { return f.ID() == b.Product }) {
		err = ErrProduct
	}
	if err == nil {
		err = c.table.Put(from, tokens.AddrOf(s.Conn().RemoteMultiaddr()), b, time.Now())
	}
	switch {
	case errors.Is(err, ErrForged):
		return "forged", err
	case errors.Is(err, ErrStale):
		return "stale", err
	case errors.Is(err, ErrProduct):
		return "product", err
	case errors.Is(err, ErrRoom):
		return "no_room", err
	case err != nil:
		return "malformed", err
	case b.State == stateWithdrawn:
		return "withdrawn", nil
	}
	return "counted", nil
}
