package baseline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/web"
)

// place is where a node stands that the swarm's topology does not have.
type place struct {
	region string
	edge   bool // at the providers of its region, else in its data centre
}

// extended is the topology of a run with data centres and edges appended.
type extended struct {
	links.Topology
	env    *Env
	places []place
}

// extend copies the topology of env; node numbers stay.
func (e *Env) extend() *extended {
	x := &extended{Topology: *e.Topology, env: e}
	x.Nodes = slices.Clone(e.Topology.Nodes)
	x.Delay = x.delay
	return x
}

// add appends a node with an access line of no loss, and returns its number.
func (x *extended) add(p place, up float64) int {
	x.Nodes = append(x.Nodes, links.Node{Up: up})
	x.places = append(x.places, p)
	return len(x.Nodes) - 1
}

func (x *extended) delay(a, b int) time.Duration {
	n := len(x.env.Topology.Nodes)
	if a > b {
		a, b = b, a
	}
	switch {
	case b < n:
		return x.env.Topology.Delay(a, b)
	case a >= n:
		return x.env.Backbone(x.places[a-n].region, x.places[b-n].region)
	case x.places[b-n].edge:
		return x.env.Edge(a)
	}
	return x.env.DataCentre(a, x.places[b-n].region)
}

// get requests size bytes at offset of the image, and checks each as it comes
// against want, which is all of it. It returns how many came, all right, before
// an error. before is waited for ahead of the handshake.
func get(ctx context.Context, p, from *web.Endpoint, want []byte, offset, size int, before time.Duration) (n int, err error) {
	tr := &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if err := sleep(ctx, before); err != nil {
				return nil, err
			}
			return p.Connect(ctx, from)
		},
	}
	defer tr.CloseIdleConnections()
	return read(ctx, tr, want, offset, size, func([]byte) {})
}

// read makes the request over tr, and calls got with every piece.
func read(ctx context.Context, tr http.RoundTripper, want []byte, offset, size int, got func([]byte)) (n int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://origin.invalid/image", nil)
	if err != nil {
		return 0, err
	}
	status := http.StatusOK
	if offset > 0 || size < len(want) {
		status = http.StatusPartialContent
		req.Header.Set("Range", "bytes="+strconv.Itoa(offset)+"-"+strconv.Itoa(offset+size-1))
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		return 0, fmt.Errorf("the server answers %s", resp.Status)
	}
	buf := make([]byte, 32<<10)
	for n < size {
		m, err := resp.Body.Read(buf)
		if m > size-n || !bytes.Equal(buf[:m], want[offset+n:offset+n+m]) {
			return n, errors.New("the server sent other bytes than the image's")
		}
		n += m
		got(buf[:m])
		if err != nil && n < size {
			return n, err
		}
	}
	return n, nil
}

// The first time-out before another attempt, which doubles up to the second:
// what AWS advises for latency-sensitive applications ("retry after 2 seconds",
// then 4; same guide as Config.FirstByte).
const (
	retryFirst = 2 * time.Second
	retryMost  = 32 * time.Second
)

// download gets bytes from..to of the image over one connection after another,
// each time what is still missing.
func download(ctx context.Context, p, from *web.Endpoint, want []byte, lo, hi int, before time.Duration) error {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		n, err := get(ctx, p, from, want, lo, hi-lo, before)
		if lo += n; err == nil {
			return nil
		}
		if n > 0 {
			wait = retryFirst
		}
		if sleep(ctx, wait) != nil {
			return fmt.Errorf("%d bytes missing: %w", hi-lo, err)
		}
	}
}

// edge is a CDN's cache of one object. The first request makes it fetch the
// object, all others wait for the same bytes; all are sent on as they come.
type edge struct {
	size int

	mu      sync.Mutex
	more    sync.Cond
	asked   bool
	ask     chan struct{} // closed by the first request
	data    []byte
	stopped bool
}

func newEdge(size int) *edge {
	e := &edge{size: size, ask: make(chan struct{})}
	e.more.L = &e.mu
	return e
}

func (e *edge) put(b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.data = append(e.data, b...)
	e.more.Broadcast()
}

func (e *edge) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	e.more.Broadcast()
}

func (e *edge) open() io.ReadSeeker {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.asked {
		e.asked = true
		close(e.ask)
	}
	return &edgeReader{edge: e}
}

// edgeReader reads what an edge has and waits for what it has not.
type edgeReader struct {
	*edge
	at int
}

func (r *edgeReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(r.at)
	case io.SeekEnd:
		offset += int64(r.size)
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.at = int(offset)
	return offset, nil
}

func (r *edgeReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.at >= len(r.data) && r.at < r.size && !r.stopped {
		r.more.Wait()
	}
	switch {
	case r.at >= r.size:
		return 0, io.EOF
	case r.at >= len(r.data):
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(b, r.data[r.at:])
	r.at += n
	return n, nil
}

// fill fetches the object from the origin when it is asked for. The connection
// is there already, as CDNs keep them; its congestion window is a new one.
func (e *edge) fill(ctx context.Context, p, origin *web.Endpoint, image []byte) error {
	defer e.stop()
	c, err := p.Dial(ctx, origin)
	if err != nil {
		return err
	}
	defer c.Close()
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		st, err := c.OpenStream(ctx)
		if err != nil {
			return nil, err
		}
		return web.Conn(st, c), nil
	}}
	defer tr.CloseIdleConnections()
	select {
	case <-e.ask:
	case <-ctx.Done():
		return nil
	}
	_, err = read(ctx, tr, image, 0, len(image), e.put)
	return err
}

// settle is how long connections that are there before the announcement have
// to be made.
const settle = 10 * time.Second

// runHTTP measures a baseline in which cameras fetch from servers.
func (e *Env) runHTTP(ctx context.Context, name string, cfg Config) (b report.Baseline, err error) {
	err = bubble.Run(ctx, func(ctx context.Context) error {
		b, _, err = e.http(ctx, name, cfg)
		return err
	})
	return b, err
}

// http does, in a bubble. It returns the bytes that S3 sent, too.
func (e *Env) http(ctx context.Context, name string, cfg Config) (b report.Baseline, egress int64, err error) {
	var undo []func()
	defer func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	undo = append(undo, cancel)

	home := e.Regions[0]
	topo := e.extend()
	egressRate := 0.0
	if name == S3Capped {
		egressRate = cfg.CappedEgress
	}
	s3Node := topo.add(place{region: home}, egressRate)
	start := e.Open
	switch name {
	case S3Cubic:
		topo.Nodes[s3Node].Congestion, start = links.Cubic, links.NewFast
	case S3BBR:
		topo.Nodes[s3Node].Congestion, start = links.BBR, links.NewFast
	}
	edgeNodes := map[string]int{}
	if name == CDN || name == CDNCold {
		for _, c := range e.Cameras {
			if r := e.Region(c); edgeNodes[r] == 0 {
				edgeNodes[r] = topo.add(place{region: r, edge: true}, 0)
			}
		}
	}
	net, err := start(&topo.Topology)
	if err != nil {
		return b, 0, err
	}
	undo = append(undo, net.Close)

	open := func(node int) (*web.Endpoint, error) {
		p, err := web.New(net, node)
		if err == nil {
			undo = append(undo, p.Close)
		}
		return p, err
	}
	origin, err := open(s3Node)
	if err != nil {
		return b, 0, err
	}
	stop, err := origin.Serve(web.Object(cfg.FirstByte, func() io.ReadSeeker { return bytes.NewReader(e.Image) }))
	if err != nil {
		return b, 0, err
	}
	undo = append(undo, stop)

	servers := map[string]*web.Endpoint{} // by region
	var fills sync.WaitGroup
	var fillErrs sync.Map
	for _, r := range e.Regions {
		node, ok := edgeNodes[r]
		if !ok {
			servers[r] = origin
			continue
		}
		p, err := open(node)
		if err != nil {
			return b, 0, err
		}
		cache := newEdge(len(e.Image))
		if name == CDN {
			cache.put(e.Image)
		} else {
			fills.Go(func() {
				if err := cache.fill(ctx, p, origin, e.Image); err != nil && ctx.Err() == nil {
					fillErrs.Store(r, err)
				}
			})
		}
		stop, err := p.Serve(web.Object(cfg.EdgeFirstByte, cache.open))
		if err != nil {
			return b, 0, err
		}
		servers[r] = p
		undo = append(undo, func() { cancel(); fills.Wait(); stop() })
	}
	clients := make([]*web.Endpoint, len(e.Cameras))
	for k, c := range e.Cameras {
		if clients[k], err = open(c); err != nil {
			return b, 0, err
		}
	}
	if err := sleep(ctx, settle); err != nil {
		return b, 0, err
	}
	before, _ := net.Traffic(s3Node)

	ways := 1
	if name == S3Parallel {
		ways = min(cfg.Connections, len(e.Image))
	}
	seconds, why := e.fetchAll(ctx, name, func(ctx context.Context, k int) error {
		camera := e.Cameras[k]
		server := servers[e.Region(camera)]
		// The look-up at the provider's resolver, and TCP's handshake.
		wait := 2*e.Edge(camera) + 2*topo.delay(camera, server.Node())
		errs := make([]error, ways)
		var wg sync.WaitGroup
		for i := range ways {
			wg.Go(func() {
				lo, hi := len(e.Image)*i/ways, len(e.Image)*(i+1)/ways
				errs[i] = download(ctx, clients[k], server, e.Image, lo, hi, wait)
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	after, _ := net.Traffic(s3Node)
	egress = after - before
	fillErrs.Range(func(r, err any) bool {
		why = errors.Join(why, fmt.Errorf("the edge in %s: %w", r, err.(error)))
		return true
	})

	copies := float64(egress) / float64(len(e.Image))
	setUp := fmt.Sprintf("HTTPS set-up of DNS, TCP, TLS 1.3 and request; slow start from 32 packets; first byte after %v", cfg.FirstByte)
	var note, by string
	switch name {
	case S3:
		note = fmt.Sprintf("GET of the object from a data centre in %s without limit to its egress, told by push when the swarm is: %s. It sent %.1f copies.", home, setUp, copies)
		by = "S3 in " + home
	case S3Cubic, S3BBR:
		how := "CUBIC (RFC 9438)"
		if name == S3BBR {
			how = "a congestion control like BBR's first version"
		}
		note = fmt.Sprintf("As s3, from a server with %s, over fast links, which model QUIC: %s. It sent %.1f copies.", how, setUp, copies)
		by = "S3 in " + home
	case S3Capped:
		note = fmt.Sprintf("As s3, from an origin with %g Mbit/s of egress in all: %s. It sent %.1f copies.", cfg.CappedEgress/1e6, setUp, copies)
		by = "origin in " + home
	case S3Parallel:
		note = fmt.Sprintf("As s3, each camera with %d connections for a range of the object each: %s. It sent %.1f copies.", ways, setUp, copies)
		by = "S3 in " + home
	case CDN, CDNCold:
		had := "None has the image: the first request fetches it from S3 in " + home + ", the others wait for the same bytes, sent on as they come"
		if name == CDN {
			had = "Each has the image before the announcement"
		}
		note = fmt.Sprintf("An edge without limit to its egress in each of %d regions, as near as the providers' resolvers. %s. HTTPS set-up as s3; first byte of a hit after %v. S3 sent %.1f copies.", len(edgeNodes), had, cfg.EdgeFirstByte, copies)
		by = fmt.Sprintf("%d edges", len(edgeNodes))
	}
	b = summary(seconds, note, why)
	b.ServedBy = by
	return b, egress, nil
}
