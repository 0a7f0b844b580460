package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"camswarm/node"
	"camswarm/sim/baseline"
	"camswarm/sim/links"
	"camswarm/sim/web"
)

// originConfig is what the scenario has nodes do about the origin.
func (s *Scenario) originConfig() node.OriginConfig {
	c := node.DefaultOriginConfig()
	if s.Origin.Policy == "" {
		c.Policy = node.OriginNever
		return c
	}
	c.Policy = s.Origin.Policy
	if s.Origin.Share > 0 {
		c.Share = s.Origin.Share
	}
	c.URLs = []string{"http://origin.invalid/{sequence}"}
	return c
}

func (s *Scenario) firstByte() time.Duration {
	if s.Origin.FirstByte > 0 {
		return s.Origin.FirstByte
	}
	return baseline.DefaultConfig().FirstByte
}

// placeOrigin adds the origin's line, in a data centre of the first region.
func (s *Scenario) placeOrigin(c *cast) {
	if s.Origin.Policy == "" {
		return
	}
	c.origin = len(c.topo.Nodes)
	c.topo.Nodes = append(c.topo.Nodes, links.Node{Up: s.Origin.Egress * mbit})
	between := c.topo.Delay
	c.topo.Delay = func(a, b int) time.Duration {
		switch {
		case a == c.origin:
			return c.toDataCentre(b, c.regions[0])
		case b == c.origin:
			return c.toDataCentre(a, c.regions[0])
		}
		return between(a, b)
	}
}

// startOrigin starts the origin's server.
func (r *run) startOrigin() (stop func(), err error) {
	if r.cast.origin == 0 {
		return func() {}, nil
	}
	if r.bucket, err = web.New(r.net, r.cast.origin); err != nil {
		return nil, err
	}
	shut, err := r.bucket.Serve(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		seq, err := strconv.ParseUint(strings.TrimPrefix(q.URL.Path, "/"), 10, 64)
		if err != nil || seq == 0 || seq > uint64(len(r.script.images)) {
			http.NotFound(w, q)
			return
		}
		r.dieWithOrigin()
		web.Object(r.s.firstByte(), func() io.ReadSeeker { return bytes.NewReader(r.script.images[seq-1]) }).ServeHTTP(&mortalWriter{w, r}, q)
	}))
	if err != nil {
		r.bucket.Close()
		return nil, err
	}
	return func() { shut(); r.bucket.Close() }, nil
}

// dieWithOrigin ends the answer that calls it if the origin is dead.
func (r *run) dieWithOrigin() {
	r.mu.Lock()
	dead := r.s.Origin.Dies > 0 && !r.start.IsZero() && time.Since(r.start) >= r.s.Origin.Dies
	r.mu.Unlock()
	if dead {
		panic(http.ErrAbortHandler)
	}
}

// mortalWriter ends an answer when the origin dies.
type mortalWriter struct {
	http.ResponseWriter
	r *run
}

func (w *mortalWriter) Write(b []byte) (int, error) {
	w.r.dieWithOrigin()
	return w.ResponseWriter.Write(b)
}

// originClient is a member's way to the origin, over its own line.
type originClient struct {
	own  *web.Endpoint
	http *http.Transport
}

// openOrigin makes the client of a member, nil without an origin.
func (r *run) openOrigin(m *member) (*originClient, error) {
	if r.bucket == nil {
		return nil, nil
	}
	own, err := web.New(r.net, m.actor.index)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.actor.name, err)
	}
	// The look-up at the provider's resolver, and TCP's handshake, as the baselines.
	before := 2*r.cast.edge(m.actor.index) + 2*r.cast.topo.Delay(m.actor.index, r.cast.origin)
	return &originClient{own: own, http: &http.Transport{
		DisableCompression: true, MaxConnsPerHost: 4, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if err := sleep(ctx, before); err != nil {
				return nil, err
			}
			return own.Connect(ctx, r.bucket)
		},
	}}, nil
}

func (c *originClient) client() *http.Client {
	if c == nil {
		return nil
	}
	return &http.Client{Transport: c.http}
}

func (c *originClient) close() {
	if c != nil {
		c.http.CloseIdleConnections()
		c.own.Close()
	}
}
