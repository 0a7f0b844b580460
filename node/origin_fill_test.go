package node_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"camswarm/node"
)

// bucket serves files by path, by ranges, and counts the bytes.
type bucket struct {
	*httptest.Server
	files atomic.Pointer[map[string][]byte]
	sent  atomic.Int64
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{}
	b.files.Store(&map[string][]byte{})
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := (*b.files.Load())[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(&counted{w, &b.sent}, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(b.Close)
	return b
}

type counted struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.sent.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// A release whose image no node was given comes out of a bucket, as a flat file, and
// from then on from node to node; wrong bytes there are never installed.
func TestOriginFillsTheSwarm(t *testing.T) {
	good, bad := newBucket(t), newBucket(t)
	s := startSwarm(t, 3, func(_ string, c *node.Config) {
		c.Origin.Policy, c.Origin.Grace = node.OriginFallback, 100*time.Millisecond
		c.Origin.URLs = []string{bad.URL + "/{sequence}/{sha256}", good.URL + "/{sequence}"}
	})
	r := s.build(1, 1<<20)
	data := s.read(r.Path)
	good.files.Store(&map[string][]byte{"1": data})
	s.onChain(r)
	s.must(s.Announce(s.ctx, r))
	s.untilAllRun(1)
	for _, c := range s.Cameras {
		s.slotIs(c, r)
	}
	var origins int64
	for _, m := range s.Members() {
		origins += m.Node.Status().Traffic.FromOrigins
	}
	if origins < int64(len(data)) || good.sent.Load() < int64(len(data)) {
		t.Errorf("the nodes count %d bytes from origins, the bucket sent %d", origins, good.sent.Load())
	}

	named := false // the one that has nothing
	for _, m := range s.Members() {
		for _, a := range m.Node.Status().Alarms {
			named = named || a.Name == "origin_fails" && strings.Contains(a.Message, bad.URL) && strings.Contains(a.Message, "404")
		}
	}
	if !named {
		t.Error("no alarm names the origin that answered 404")
	}

	// The next one is there too, but other bytes stand under its name, at the first
	// origin whole and at the second in part.
	next := s.build(2, 1<<20)
	data = s.read(next.Path)
	flipped := bytes.Clone(data)
	for i := 5000; i < len(flipped); i += 40_000 {
		flipped[i] ^= 1
	}
	bad.files.Store(&map[string][]byte{"2/" + fmt.Sprintf("%x", next.Record.ImageSHA256): bytes.Repeat([]byte{7}, len(data))})
	good.files.Store(&map[string][]byte{"2": flipped})
	s.onChain(next)
	s.must(s.Announce(s.ctx, next))
	s.until("somebody has met the wrong bytes", func() bool {
		return s.metric(s.Cameras[0].Name, "camswarm_exchange_hostile_total", "poisoned_origin") > 0
	})
	s.must(s.provide(next.Envelope, data)) // the publisher hands the right ones to a seed
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.slotIs(c, next)
	}
}
