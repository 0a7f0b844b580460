package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/node/web"
	"camswarm/swarm/car"
	"camswarm/verify"
)

// shelf is what a gateway under test serves: a release.
type shelf struct {
	blocks map[string][]byte // by multihash
	image  []byte
	info   verify.ImageInfo
	dir    cid.Cid
	get    func() // nil: called before each block is returned
	closed atomic.Bool
}

func newShelf(t *testing.T, size int) *shelf {
	t.Helper()
	s := &shelf{blocks: map[string][]byte{}, image: make([]byte, size)}
	_, _ = rand.NewChaCha8([32]byte{1}).Read(s.image)
	var err error
	if s.info, err = verify.DescribeImage(bytes.NewReader(s.image), verify.DefaultBlockSize); err != nil {
		t.Fatal(err)
	}
	for i, d := range s.info.Blocks {
		off := i * int(s.info.BlockSize)
		s.blocks[string(verify.RawCID(d).Hash())] = s.image[off : off+s.info.BlockLen(i)]
	}
	envelope := []byte("an envelope")
	dir := verify.Directory(s.info, envelope, verify.FileRef{})
	s.dir = dir.CID
	for _, n := range append(s.info.Nodes(), dir) {
		s.blocks[string(n.CID.Hash())] = n.Data
	}
	links, err := car.Links(dir.Data)
	if err != nil || len(links) != 2 || links[0].Name != verify.DirectoryEnvelope {
		t.Fatalf("%v, %v", links, err)
	}
	s.blocks[string(links[0].To.Hash())] = envelope
	return s
}

func (s *shelf) config() Config {
	return Config{
		Listen: "127.0.0.1:0",
		Block: func(c cid.Cid) ([]byte, bool) {
			if s.get != nil {
				s.get()
			}
			b, ok := s.blocks[string(c.Hash())]
			return b, ok
		},
		Size: func(c cid.Cid) (int, bool) { b, ok := s.blocks[string(c.Hash())]; return len(b), ok },
		Open: func() bool { return !s.closed.Load() },
		Record: func(name string) ([]byte, time.Time, bool) {
			return []byte("a record"), time.Now().Add(time.Hour), name == "k51known"
		},
		Providers:  func() (string, []string) { return "12D3KooWPeer", []string{"/ip4/192.0.2.1/tcp/4417"} },
		Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
}

func (s *shelf) server(t *testing.T, change ...func(*Config)) *Server {
	t.Helper()
	cfg := s.config()
	for _, f := range change {
		f(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ask has a handler answer a request as from an address; header are pairs.
func ask(h http.Handler, from, method, url string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = from
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const client = "192.0.2.7:5000"

func TestRaw(t *testing.T) {
	s := newShelf(t, 100_000)
	h := s.server(t).Handler()
	leaf := "/ipfs/" + verify.RawCID(s.info.Blocks[1]).String()
	want := s.image[32<<10 : 64<<10]
	for _, get := range [][]string{{leaf + "?format=raw"}, {leaf, "Accept", "application/vnd.ipld.raw"}, {leaf, "Accept", "text/html, application/vnd.ipld.raw;q=0.9"}} {
		w := ask(h, client, "GET", get[0], get[1:]...)
		if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) || w.Header().Get("Content-Type") != mediaRaw || w.Header().Get("Content-Length") != "32768" {
			t.Errorf("%v: %d, %d bytes, %v", get, w.Code, w.Body.Len(), w.Header())
		}
	}
	w := ask(h, client, "GET", leaf+"?format=raw", "Range", "bytes=10-19")
	if w.Code != 206 || !bytes.Equal(w.Body.Bytes(), want[10:20]) {
		t.Errorf("a range: %d %v", w.Code, w.Header())
	}
	if w = ask(h, client, "HEAD", leaf+"?format=raw"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "32768" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	etag := w.Header().Get("Etag")
	if w = ask(h, client, "GET", leaf+"?format=raw", "If-None-Match", `"x", `+etag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("a block that the client has: %d", w.Code)
	}
	if w = ask(h, client, "GET", "/ipfs/bafkqaaa?format=raw"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("a probe: %d, %q", w.Code, w.Body)
	}
	missing := verify.RawCID([32]byte{1}).String()
	for url, want := range map[string]int{
		leaf: 406, leaf + "?format=html": 406, leaf + "/x?format=raw": 400, "/ipfs/nonsense?format=raw": 400,
		"/ipfs/" + missing + "?format=raw": 404, "/ipfs/" + missing + "?format=car": 404, "/": 404,
		"/ipfs/" + s.info.Root.String() + "/a?format=car": 404, "/ipfs/" + s.dir.String() + "/none?format=car": 404,
		"/ipfs/" + s.dir.String() + "?format=car&dag-scope=much": 400, "/ipfs/" + s.info.Root.String() + "?format=car&entity-bytes=1": 400,
		"/ipfs/" + s.info.Root.String() + "?format=car&entity-bytes=*:9": 400, "/ipfs/" + s.dir.String() + "?format=car&car-version=2": 400,
		"/ipfs/" + cid.NewCidV1(cid.DagProtobuf, verify.RawCID(s.info.Blocks[1]).Hash()).String() + "?format=car": 400,
	} {
		if w := ask(h, client, "GET", url); w.Code != want || want != 404 && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, want %d: %s", url, w.Code, want, w.Body)
		}
	}
	if w := ask(h, client, "POST", leaf+"?format=raw"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	s.closed.Store(true)
	if w := ask(h, client, "GET", leaf+"?format=raw"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("a node that serves nobody now: %d", w.Code)
	}
}

// blocksOf reads an archive.
func blocksOf(t *testing.T, data []byte) (root cid.Cid, out []cid.Cid) {
	t.Helper()
	r, err := car.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Roots[0], out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
}

func TestArchive(t *testing.T) {
	s := newShelf(t, 200*32<<10) // more blocks than one node links
	h := s.server(t).Handler()
	nodes := s.info.Nodes()
	var file []cid.Cid // depth first
	for i, d := range s.info.Blocks {
		if i == 0 {
			file = append(file, nodes[0].CID)
		}
		if i%174 == 0 {
			file = append(file, nodes[len(nodes)-1-i/174].CID)
		}
		file = append(file, verify.RawCID(d))
	}
	dirLinks, _ := car.Links(s.blocks[string(s.dir.Hash())])
	for _, tc := range []struct {
		query, accept string
		root          cid.Cid
		want          []cid.Cid
	}{
		{s.info.Root.String() + "?format=car", "", s.info.Root, file},
		{s.info.Root.String() + "?dag-scope=entity", mediaCAR + "; version=1; order=dfs; dups=y", s.info.Root, file},
		{s.info.Root.String() + "?format=car&dag-scope=block", "", s.info.Root, file[:1]},
		{s.dir.String() + "?format=car", "", s.dir, append([]cid.Cid{s.dir, dirLinks[0].To}, file...)},
		{s.dir.String() + "?format=car&dag-scope=entity", "", s.dir, []cid.Cid{s.dir}},
		{s.dir.String() + "/image?format=car", "", s.dir, append([]cid.Cid{s.dir}, file...)},
		{s.dir.String() + "/envelope.cbor?format=car", "", s.dir, []cid.Cid{s.dir, dirLinks[0].To}},
		{file[2].String() + "?format=car", "", file[2], file[2:3]},
		{s.info.Root.String() + "?format=car&entity-bytes=0:*", "", s.info.Root, file},
		{s.info.Root.String() + "?format=car&entity-bytes=0:0", "", s.info.Root, file[:3]},
		{s.info.Root.String() + "?format=car&entity-bytes=0:32767", "", s.info.Root, file[:3]},
		{s.info.Root.String() + "?format=car&entity-bytes=32767:32768", "", s.info.Root, file[:4]},
		{s.info.Root.String() + "?format=car&entity-bytes=-1:*", "", s.info.Root, []cid.Cid{file[0], file[176], file[len(file)-1]}},
		{s.info.Root.String() + "?format=car&entity-bytes=5:-6553595", "", s.info.Root, file[:3]},
		{s.info.Root.String() + "?format=car&entity-bytes=5701631:5701632", "", s.info.Root, []cid.Cid{file[0], file[1], file[175], file[176], file[177]}},
		{s.info.Root.String() + "?format=car&entity-bytes=5701632:99999999999", "", s.info.Root, append([]cid.Cid{file[0]}, file[176:]...)},
		{s.info.Root.String() + "?format=car&entity-bytes=-9223372036854775808:*", "", s.info.Root, file},
		{s.info.Root.String() + "?format=car&entity-bytes=6553600:*", "", s.info.Root, file[:1]},
		{s.info.Root.String() + "?format=car&entity-bytes=9:8", "", s.info.Root, file[:1]},
		{s.info.Root.String() + "?format=car&entity-bytes=9:-9223372036854775808", "", s.info.Root, file[:1]},
		{s.dir.String() + "/image?format=car&dag-scope=all&entity-bytes=40000:40001", "", s.dir, []cid.Cid{s.dir, file[0], file[1], file[3]}},
		{s.dir.String() + "?format=car&entity-bytes=1:2", "", s.dir, []cid.Cid{s.dir}},
		{file[2].String() + "?format=car&entity-bytes=1:2", "", file[2], file[2:3]},
	} {
		w := ask(h, client, "GET", "/ipfs/"+tc.query, "Accept", tc.accept)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), mediaCAR+"; version=1; order=dfs; dups=") || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s: %d, %d bytes, %v", tc.query, w.Code, w.Body.Len(), w.Header())
			continue
		}
		root, got := blocksOf(t, w.Body.Bytes())
		if root != tc.root || fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: root %s, %d blocks, want %d", tc.query, root, len(got), len(tc.want))
		}
	}
	if w := ask(h, client, "HEAD", "/ipfs/"+s.dir.String()+"?format=car"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
}

// TestArchiveOfEqualBlocks: an image of zeros is one block many times.
func TestArchiveOfEqualBlocks(t *testing.T) {
	s := newShelf(t, 1)
	zeros := make([]byte, 10*32<<10)
	info, err := verify.DescribeImage(bytes.NewReader(zeros), verify.DefaultBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	s.blocks[string(verify.RawCID(info.Blocks[0]).Hash())] = zeros[:32<<10]
	for _, n := range info.Nodes() {
		s.blocks[string(n.CID.Hash())] = n.Data
	}
	for query, want := range map[string]int{"": 2, "&car-dups=n": 2, "&car-dups=y": 11} {
		w := ask(s.server(t).Handler(), client, "GET", "/ipfs/"+info.Root.String()+"?format=car"+query)
		if _, got := blocksOf(t, w.Body.Bytes()); len(got) != want {
			t.Errorf("%q: %d blocks, want %d", query, len(got), want)
		}
	}
}

func TestRecordsAndProviders(t *testing.T) {
	s := newShelf(t, 100_000)
	h := s.server(t).Handler()
	for _, url := range []string{"/ipns/k51known?format=ipns-record", "/routing/v1/ipns/k51known"} {
		w := ask(h, client, "GET", url)
		if w.Code != 200 || w.Body.String() != "a record" || w.Header().Get("Content-Type") != mediaRecord || w.Header().Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
	}
	for url, want := range map[string]int{"/ipns/k51other?format=ipns-record": 404, "/ipns/k51known": 406, "/routing/v1/providers/x": 400} {
		if w := ask(h, client, "GET", url); w.Code != want {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
	var reply struct {
		Providers []struct {
			Schema, ID string
			Addrs      []string
		}
	}
	for c, want := range map[cid.Cid]int{s.info.Root: 1, verify.RawCID([32]byte{1}): 0} {
		w := ask(h, client, "GET", "/routing/v1/providers/"+c.String())
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || w.Code != 200 || len(reply.Providers) != want {
			t.Errorf("providers of %s: %d %s", c, w.Code, w.Body)
		}
	}
	silent := s.server(t, func(c *Config) { c.Providers = nil }).Handler()
	if w := ask(silent, client, "GET", "/routing/v1/providers/"+s.info.Root.String()); w.Code != 404 {
		t.Errorf("a private node tells its addresses: %d %s", w.Code, w.Body)
	}
}

// TestThreatGatewayCrowd: a crowd is told to come back, at different moments, and one
// network cannot take the places of the others.
func TestThreatGatewayCrowd(t *testing.T) {
	s := newShelf(t, 100_000)
	began, goOn := make(chan struct{}), make(chan struct{})
	var places atomic.Int64
	s.get = func() {
		if places.Add(-1) >= 0 { // who should have been refused does not wait
			began <- struct{}{}
			<-goOn
		}
	}
	h := s.server(t).Handler()
	url := "/ipfs/" + verify.RawCID(s.info.Blocks[0]).String() + "?format=raw"
	var wg sync.WaitGroup
	var served atomic.Int64
	hold := func(from string) {
		wg.Go(func() {
			if w := ask(h, from, "GET", url); w.Code == 200 {
				served.Add(1)
			}
		})
		<-began
	}
	refused := func(from string) {
		t.Helper()
		waits := map[string]bool{}
		for range 50 {
			w := ask(h, from, "GET", url)
			waits[w.Header().Get("Retry-After")] = true
			if w.Code != http.StatusTooManyRequests {
				t.Fatalf("one more from %s: %d", from, w.Code)
			}
		}
		if len(waits) < 2 || waits[""] || waits["0"] {
			t.Errorf("all are to come back at once: %v", waits)
		}
	}
	places.Store(maxPerNet)
	for i := range maxPerNet {
		hold(fmt.Sprintf("192.0.2.%d:80", i))
	}
	refused("192.0.2.200:80")
	places.Store(maxRequests - maxPerNet)
	for i := range maxRequests - maxPerNet {
		hold(fmt.Sprintf("[2001:db8:0:%x00::1]:80", i))
	}
	refused("[2001:db8:1::1]:80")
	close(goOn)
	wg.Wait()
	if served.Load() != maxRequests {
		t.Errorf("%d of %d were served", served.Load(), maxRequests)
	}
	s.get = nil
	if w := ask(h, "192.0.2.200:80", "GET", url); w.Code != 200 {
		t.Errorf("after the crowd: %d", w.Code)
	}
}

// TestThreatGatewayRate: replies together keep to the rate, and who would wait too long
// is told to come back.
func TestThreatGatewayRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 64 << 10
		s := newShelf(t, 1<<20)
		g := s.server(t, func(c *Config) { c.Rate = perSecond })
		h, url := g.Handler(), "/ipfs/"+s.info.Root.String()+"?format=car"
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				if w := ask(h, fmt.Sprintf("192.0.%d.1:80", i), "GET", url); w.Code != 200 {
					t.Errorf("download %d: %d", i, w.Code)
				}
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w := ask(h, client, "GET", url); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d", w.Code)
		}
		wg.Wait()
		took := time.Since(start).Seconds()
		if least := float64(9*len(s.image)-2*writePiece) / perSecond; took < least {
			t.Errorf("9 downloads took %.1f s, at the rate they take %.1f", took, least)
		}
		g.SetRate(0)
		start = time.Now()
		if w := ask(h, client, "GET", url); w.Code != 200 || time.Since(start) != 0 {
			t.Errorf("without a rate: %d, %v", w.Code, time.Since(start))
		}
	})
}

// pipes is a listener of pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// TestThreatGatewaySlowReader: who asks and does not read gives up its place.
func TestThreatGatewaySlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, 1<<20)
		g := s.server(t)
		ctx, cancel := context.WithCancel(t.Context())
		done, listener := make(chan error, 1), make(pipes)
		go func() { done <- web.Serve(ctx, listener, g.Handler(), limits, slog.New(slog.DiscardHandler)) }()
		here, there := net.Pipe()
		listener <- there
		go func() { _, _ = fmt.Fprintf(here, "GET /ipfs/%s?format=car HTTP/1.1\r\nHost: x\r\n\r\n", s.info.Root) }()
		_, _ = io.ReadFull(here, make([]byte, 50_000))
		busy := func() int { g.mu.Lock(); defer g.mu.Unlock(); return g.busy }
		if busy() != 1 {
			t.Errorf("%d requests are answered", busy())
		}
		time.Sleep(writeWithin + time.Second)
		synctest.Wait()
		if busy() != 0 {
			t.Error("who does not read keeps its place")
		}
		_ = here.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestThreatGatewayUnsentBody: who announces a body and sends none takes no place.
func TestThreatGatewayUnsentBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, 100_000)
		g := s.server(t)
		ctx, cancel := context.WithCancel(t.Context())
		done, listener := make(chan error, 1), make(pipes)
		go func() { done <- web.Serve(ctx, listener, g.Handler(), limits, slog.New(slog.DiscardHandler)) }()
		dial := func(header string) net.Conn {
			here, there := net.Pipe()
			listener <- there
			go func() {
				_, _ = fmt.Fprintf(here, "GET /ipfs/%s?format=car HTTP/1.1\r\nHost: x\r\n%s\r\n", s.info.Root, header)
			}()
			return here
		}
		var all []net.Conn
		for i := range maxPerNet {
			c := dial([]string{"Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"}[i%2])
			go func() { _, _ = io.Copy(io.Discard, c) }()
			all = append(all, c)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		g.mu.Lock()
		if g.busy != 0 {
			t.Errorf("%d places are held by bodies that do not come", g.busy)
		}
		g.mu.Unlock()
		honest := dial("Connection: close\r\n")
		line, _ := bufio.NewReader(honest).ReadString('\n')
		if !strings.Contains(line, "200") {
			t.Errorf("others hear %q", line)
		}
		for _, c := range append(all, honest) {
			_ = c.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestHalfAnArchiveIsNoArchive: a block that is damaged meanwhile breaks the reply off.
func TestHalfAnArchiveIsNoArchive(t *testing.T) {
	s := newShelf(t, 1<<20)
	cfg := s.config()
	whole := cfg.Block
	cfg.Block = func(c cid.Cid) ([]byte, bool) {
		if c == verify.RawCID(s.info.Blocks[20]) {
			return nil, false
		}
		return whole(c)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(g.Handler())
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/ipfs/" + s.info.Root.String() + "?format=car")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half an archive ends with %v", err)
	}
}

// TestDrainEndsWhatWasBegun: a download goes on to its end, new clients are told to come
// back later.
func TestDrainEndsWhatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, 1<<20)
		g := s.server(t, func(c *Config) { c.Rate = 256 << 10 })
		h, url := g.Handler(), "/ipfs/"+s.info.Root.String()+"?format=car"
		got := make(chan int, 1)
		go func() { got <- ask(h, client, "GET", url).Body.Len() }()
		time.Sleep(time.Second)
		drained := make(chan error, 1)
		go func() { drained <- g.Drain(t.Context()) }()
		synctest.Wait()
		if w := ask(h, "198.51.100.1:1", "GET", url); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("a new client: %d", w.Code)
		}
		select {
		case err := <-drained:
			t.Errorf("it ended before the download: %v", err)
		default:
		}
		if n := <-got; n < len(s.image) {
			t.Errorf("%d bytes came, the image has %d", n, len(s.image))
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}
