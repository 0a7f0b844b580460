package node_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"camswarm/node"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// gatewayOf is a URL that leads to the gateway of a seed that is to start yet.
func gatewayOf(t *testing.T, s **swarm) string {
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: (*s).Seed.Node.GatewayAddr().String()})
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// TestCameraFetchesFromAGateway: a seed's gateway is an origin like any other, and gives
// what the seed has of approved releases and nothing else.
func TestCameraFetchesFromAGateway(t *testing.T) {
	var s *swarm
	gateway := gatewayOf(t, &s)
	s = startSwarm(t, 2, func(name string, c *node.Config) {
		switch {
		case c.Role == node.RoleSeed:
			c.Gateway.Listen = "127.0.0.1:0"
		case strings.HasSuffix(name, "1"):
			c.Origin.Policy, c.Origin.URLs = node.OriginFastest, []string{gateway + "/ipfs/{block}?format=raw"}
		}
	})
	s.until("the gateway listens", func() bool { return s.Seed.Node.GatewayAddr() != nil })
	r := s.build(1, 3_000_000)
	get := func(path string) int {
		t.Helper()
		resp, err := http.Get(gateway + path)
		s.must(err)
		s.must(resp.Body.Close())
		return resp.StatusCode
	}
	root := "/ipfs/" + r.Manifest.Image.Root.String() + "?format=car"
	if status := get(root); status != http.StatusNotFound {
		t.Errorf("a release that is not published: %d", status)
	}
	s.release(r, toAll)
	s.untilAllRun(1)
	if status := get(root); status != http.StatusOK {
		t.Errorf("the release: %d", status)
	}
	for path, want := range map[string]int{
		"/ipfs/" + r.Record.EnvelopeCID().String() + "?format=raw":                                               200,
		"/ipfs/" + verify.Directory(r.Manifest.Image, r.Envelope, verify.FileRef{}).CID.String() + "?format=car": 200,
		"/ipfs/" + verify.RawCID([32]byte{1}).String() + "?format=raw":                                           404,
		"/routing/v1/providers/" + r.Manifest.Image.Root.String():                                                200,
	} {
		if status := get(path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	took := 0
	for _, c := range s.Cameras {
		if c.Node.Status().Traffic.FromOrigins > 0 {
			took++
		}
	}
	if took != 1 {
		t.Errorf("%d cameras took something from the gateway, one knows it", took)
	}
}

func TestGatewayOfAPrivateSwarmNeedsStrangers(t *testing.T) {
	c := node.GatewayConfig{Listen: "0.0.0.0:8080"}
	private := p2p.DefaultConfig()
	private.Membership = "member"
	if err := c.Validate(&private); err == nil || !strings.Contains(err.Error(), "strangers") {
		t.Errorf("%v", err)
	}
	private.Strangers = true
	if err := c.Validate(&private); err != nil {
		t.Error(err)
	}
	c.Listen = "8080"
	if err := c.Validate(&private); err == nil {
		t.Error("a port alone is taken for an address")
	}
}
