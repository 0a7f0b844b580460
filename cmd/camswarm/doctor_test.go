package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/node/control"
)

// askew is an endpoint in front of the real one that changes its answers.
func askew(t *testing.T, target string, change func(result string) string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			var answer map[string]json.RawMessage
			var result string
			if json.Unmarshal(body, &answer) == nil && json.Unmarshal(answer["result"], &result) == nil {
				answer["result"], _ = json.Marshal(change(result))
				body, _ = json.Marshal(answer)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL
}

// word replaces one 32-byte word of the registry's answer, counted from its start.
func word(i int, value func(old []byte)) func(string) string {
	return func(result string) string {
		if b, err := hex.DecodeString(strings.TrimPrefix(result, "0x")); err == nil && len(b) > 32*(i+1) {
			value(b[32*i : 32*(i+1)])
			return "0x" + hex.EncodeToString(b)
		}
		return result
	}
}

// Words of the registry's answer, after the offset of the struct.
const (
	wordTime   = 3
	wordDigest = 6
)

// TestDoctorExplainsEveryEndpoint runs a node on honest endpoints, a liar, a
// stale, a wrong-chain, an absent and an absurd one, and reads what is said of each.
func TestDoctorExplainsEveryEndpoint(t *testing.T) {
	w := newTool(t)
	file, err := readRegistryFile(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	chain := file.RPC[0]
	same := func(s string) string { return s }
	absent := httptest.NewServer(http.NotFoundHandler())
	absent.Close()
	stale := word(wordTime, func(b []byte) { copy(b[24:], []byte{0, 0, 0, 0, 0x60, 0, 0, 0}) }) // 2021
	absurd := word(wordTime, func(b []byte) { copy(b[24:], bytes.Repeat([]byte{0xff}, 8)) })
	endpoints := []chainwatch.Endpoint{
		{URL: chain, Operator: "honest-1"},
		{URL: askew(t, chain, same), Operator: "honest-2"},
		{URL: askew(t, chain, same), Operator: "honest-3"},
		{URL: askew(t, chain, same), Operator: "honest-4"},
		{URL: askew(t, chain, same), Operator: "honest-5"},
		{URL: askew(t, chain, same), Operator: "honest-6"},
		{URL: askew(t, chain, word(wordDigest, func(b []byte) { b[0] ^= 1 })), Operator: "liar"},
		{URL: askew(t, chain, stale), Operator: "stale"},
		{URL: askew(t, chain, func(s string) string {
			if len(s) < 16 {
				return "0x1"
			}
			return s
		}), Operator: "wrong"},
		{URL: absent.URL, Operator: "absent"},
	}
	cam := filepath.Join(w.dir, "cam")
	must(t, append(w.ask("provision", "--dir", cam, "--role", "camera", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	checkListen(t, cam)
	start := func(endpoints []chainwatch.Endpoint, quorum int) (stop func()) {
		cfg, err := node.LoadConfig(filepath.Join(cam, configFile))
		if err != nil {
			t.Fatal(err)
		}
		c := &cfg.Products[0].Chain
		c.Endpoints, c.QuorumStart, c.QuorumStop, c.MaxStale = endpoints, quorum, 0, 10*time.Minute
		n, err := node.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		for len(n.Status().Products) == 0 || !looked(n.Status().Products[0].Chain) {
			select {
			case err := <-done:
				t.Fatalf("the node ended: %v", err)
			case <-time.After(10 * time.Millisecond):
				n.Look()
			}
		}
		return func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	doctor := func() (lines map[string]string, code int) {
		r := camswarm(t, "doctor", "--socket", cam, "--json")
		var all []finding
		if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
			t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
		}
		lines = map[string]string{}
		for _, f := range all {
			key := f.Topic
			if f.Topic == "endpoint" {
				_, rest, _ := strings.Cut(f.Message, "(")
				key, _, _ = strings.Cut(rest, ")")
			}
			lines[key] = f.Level + " " + f.Message
		}
		t.Logf("\n%s", camswarm(t, "doctor", "--socket", cam).stdout)
		return lines, r.code
	}

	stop := start(append(endpoints, chainwatch.Endpoint{URL: askew(t, chain, absurd), Operator: "absurd"}), 6)
	lines, _ := doctor()
	for operator, says := range map[string][]string{
		"honest-1": {"ok ", "revision 2 at block"},
		"honest-4": {"ok ", "revision 2 at block"},
		"liar":     {"warn ", "contradicts", "rpc_single_liar", "revision 2", "replace it"},
		"stale":    {"warn ", "behind", "rpc_stale_head", "behind the quorum", "caught up"},
		"wrong":    {"warn ", "failing", "rpc_wrong_chain", "serves chain 1, not 31337", "correct the endpoint", "never answered", "asked again after"},
		"absent":   {"warn ", "failing", "rpc_unreachable", "never answered", "check its address"},
		"absurd":   {"warn ", "revision 2", "impossible time"},
		"chain":    {"ok ", "revision 2 accepted"},
		"alarm":    {"bad ", "rpc_single_liar", "contradicts the quorum"},
	} {
		for _, word := range says {
			if !strings.Contains(lines[operator], word) {
				t.Errorf("%s: %q does not say %q", operator, lines[operator], word)
			}
		}
	}
	stop()

	// Two honest ones among four are no quorum, and every one is explained.
	stop = start([]chainwatch.Endpoint{endpoints[0], endpoints[1], endpoints[6], endpoints[9]}, 0)
	defer stop()
	lines, code := doctor()
	if code != exitFailed || !strings.HasPrefix(lines["chain"], "bad ") || !strings.Contains(lines["chain"], "no 3 of them say the same") {
		t.Errorf("exit code %d, chain %q", code, lines["chain"])
	}
}

// looked reports that every endpoint has been judged, and none is waited for.
func looked(c control.ChainStatus) bool {
	for _, e := range c.Endpoints {
		if e.State == string(chainwatch.StateUnknown) || e.State == string(chainwatch.StateSlow) {
			return false
		}
	}
	return len(c.Endpoints) > 0
}
