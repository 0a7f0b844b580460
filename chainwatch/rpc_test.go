package chainwatch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/verify"
)

// serve starts a JSON-RPC server on loopback that answers as f says.
func serve(t *testing.T, f http.HandlerFunc) Endpoint {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return Endpoint{URL: s.URL + "/v3/0123456789abcdef0123456789abcdef"}
}

// call makes one call and checks that no error repeats the endpoint's secret.
func call(t *testing.T, e Endpoint, timeout time.Duration) (json.RawMessage, error) {
	t.Helper()
	c, err := Dial(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.(*client).CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	raw, err := c.Call(ctx, "eth_chainId")
	if err != nil && strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("the error repeats a credential: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), c.(*client).host) {
		t.Errorf("the error does not name the endpoint: %v", err)
	}
	return raw, err
}

// id returns the id of a request.
func id(r *http.Request) json.RawMessage {
	var q struct {
		ID json.RawMessage `json:"id"`
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		return nil
	}
	return q.ID
}

func TestCall(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Method  string          `json:"method"`
			Params  []any           `json:"params"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Version != "2.0" || q.Params == nil || r.Method != http.MethodPost {
			t.Errorf("request %+v: %v", q, err)
		}
		if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("headers %v", r.Header)
		}
		if user, pass, _ := r.BasicAuth(); user != "me" || pass != "geheim" {
			t.Errorf("credentials %q %q", user, pass)
		}
		w.Header().Set("Content-Type", "text/plain") // some servers say so
		fmt.Fprintf(w, `{"extra":{"result":1},"id":%s,"result":%q,"jsonrpc":"2.0"}`+"\n", q.ID, q.Method)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c, err := Dial(Endpoint{URL: strings.Replace(s.URL, "http://", "http://me:geheim@", 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.(*client).CloseIdleConnections()
	for range 5 {
		raw, err := c.Call(t.Context(), "eth_chainId")
		if err != nil || string(raw) != `"eth_chainId"` {
			t.Fatalf("%s, %v", raw, err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("five calls took %d connections", n)
	}
}

// TestHostileAnswers is everything a server can do to a client; each has its
// name, and none gets anything through.
func TestHostileAnswers(t *testing.T) {
	body := func(format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.ReplaceAll(format, "$id", string(id(r))))
		}
	}
	for name, tt := range map[string]struct {
		attack string
		f      http.HandlerFunc
	}{
		"wrong id":              {"rpc_malformed", body(`{"jsonrpc":"2.0","id":99,"result":"0x1"}`)},
		"id as text":            {"rpc_malformed", body(`{"jsonrpc":"2.0","id":"$id","result":"0x1"}`)},
		"no id":                 {"rpc_malformed", body(`{"jsonrpc":"2.0","result":"0x1"}`)},
		"null id with a result": {"rpc_malformed", body(`{"jsonrpc":"2.0","id":null,"result":"0x1"}`)},
		"no version":            {"rpc_malformed", body(`{"id":$id,"result":"0x1"}`)},
		"version 1":             {"rpc_malformed", body(`{"jsonrpc":"1.0","id":$id,"result":"0x1"}`)},
		"neither":               {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id}`)},
		"both":                  {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"result":"0x1","error":{"code":1,"message":"x"}}`)},
		"result twice":          {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"result":"0x1","result":"0x2"}`)},
		"other case":            {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"Result":"0x1"}`)},
		"batch":                 {"rpc_malformed", body(`[{"jsonrpc":"2.0","id":$id,"result":"0x1"}]`)},
		"two answers":           {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"result":"0x1"}{"jsonrpc":"2.0","id":$id,"result":"0x2"}`)},
		"cut":                   {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"result":"0x1"`)},
		"nested without end":    {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"result":` + strings.Repeat("[", 60_000))},
		"a web page":            {"rpc_malformed", body(`<html>Welcome to the hotel's network</html>`)},
		"empty":                 {"rpc_malformed", body(``)},
		"error of no form":      {"rpc_malformed", body(`{"jsonrpc":"2.0","id":$id,"error":"no"}`)},
		"an error":              {"rpc_refused", body(`{"jsonrpc":"2.0","id":$id,"error":{"code":3,"message":"execution reverted"}}`)},
		"an error without id":   {"rpc_refused", body(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}`)},
		"limit in the answer":   {"rpc_rate_limited", body(`{"jsonrpc":"2.0","id":$id,"error":{"code":-32005,"message":"limit exceeded"}}`)},
		"not found":             {"rpc_unreachable", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }},
		"server error":          {"rpc_unreachable", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 500) }},
		"compressed unasked": {"rpc_malformed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 100<<20)) // 100 KB on the wire
			z.Close()
		}},
		"huge header": {"rpc_unreachable", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}},
		"cut connection": {"rpc_unreachable", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "{")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := call(t, serve(t, tt.f), 10*time.Second)
			if verify.AttackName(err) != tt.attack || verify.IsHard(err) {
				t.Errorf("%q, error %v, want %s", raw, err, tt.attack)
			}
			if len(fmt.Sprint(err)) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestThreatRPCHugeAnswer(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "209715200") },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			chunk := bytes.Repeat([]byte(" "), 32<<10)
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"one byte over": func(w http.ResponseWriter, r *http.Request) {
			answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":"0x1"}`, id(r))
			io.WriteString(w, answer+strings.Repeat(" ", maxAnswer+1-len(answer)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := call(t, serve(t, f), 20*time.Second); verify.AttackName(err) != "rpc_huge_answer" {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("at the limit", func(t *testing.T) {
		raw, err := call(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":"0x1"}`, id(r))
			io.WriteString(w, answer+strings.Repeat(" ", maxAnswer-len(answer)))
		}), 20*time.Second)
		if err != nil || string(raw) != `"0x1"` {
			t.Errorf("%s, %v", raw, err)
		}
	})
}

// A body that arrives byte by byte ends with the call's time, whatever it does;
// so does a server that accepts and says nothing, or trickles its header. The time
// is virtual, so that a slow machine does not end a call before its answer begins.
func TestThreatRPCSlowLoris(t *testing.T) {
	const given = 5 * time.Second
	for name, c := range map[string]struct{ head, trickle, attack string }{
		"body":    {"HTTP/1.1 200 OK\r\n\r\n", " ", "rpc_slow_loris"},
		"silence": {"", "", "drop_request"},
		"header":  {"HTTP/1.1 200 OK\r\n", "X: y\r\n", "drop_request"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				var server sync.WaitGroup
				defer server.Wait()
				server.Go(func() {
					defer theirs.Close()
					if _, err := http.ReadRequest(bufio.NewReader(theirs)); err != nil {
						t.Error(err)
						return
					}
					io.WriteString(theirs, c.head)
					for range 100 { // ten times as long as the call may take
						if c.trickle != "" {
							if _, err := io.WriteString(theirs, c.trickle); err != nil {
								return
							}
						}
						time.Sleep(given / 10)
					}
				})
				e, err := Dial(Endpoint{URL: "http://127.0.0.1:1"})
				if err != nil {
					t.Fatal(err)
				}
				e.(*client).http.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
				ctx, cancel := context.WithTimeout(t.Context(), given)
				defer cancel()
				began := time.Now()
				if _, err := e.Call(ctx, "eth_chainId"); verify.AttackName(err) != c.attack || time.Since(began) != given {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := call(t, Endpoint{URL: "http://" + l.Addr().String()}, 5*time.Second); verify.AttackName(err) != "rpc_unreachable" {
			t.Errorf("error %v", err)
		}
	})
}

// No redirect is followed: an endpoint could otherwise make cameras ask anybody.
func TestThreatNetRedirect(t *testing.T) {
	var reached atomic.Bool
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { reached.Store(true) })
	for _, code := range []int{301, 302, 303, 307, 308} {
		_, err := call(t, serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, code) }), 5*time.Second)
		if verify.AttackName(err) != "net_redirect" {
			t.Errorf("%d: error %v", code, err)
		}
	}
	if reached.Load() {
		t.Error("a redirect was followed")
	}
}

// What an endpoint redirects to, where its API key may stand again, is not told in an
// error, also where the address or the header is malformed.
func TestThreatKeyExposure_Redirect(t *testing.T) {
	for _, c := range []struct{ header, attack string }{
		{"Location: https://rpc.example/%zz?key=hidden", "net_redirect"},
		{"Location: http://[hidden", "net_redirect"},
		{"Location //rpc.example/?key=hidden", "rpc_unreachable"},
	} {
		e := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(rw, "HTTP/1.1 302 Found\r\n%s\r\nContent-Length: 0\r\n\r\n", c.header)
			rw.Flush()
		})
		if _, err := call(t, e, 30*time.Second); verify.AttackName(err) != c.attack || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: error %v", c.header, err)
		}
	}
}

func TestThreatRPCRateLimited(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		code        int
		after, date string
		want        time.Duration
	}{
		{429, "", "", 0},
		{429, "7", "", 7 * time.Second},
		{503, "120", "", 2 * time.Minute},
		{429, "18446744073709551615", "", maxRetryAfter},
		{429, "99999999999999999999999", "", 0},
		{429, "-5", "", 0},
		{429, "soon", "", 0},
		{429, "Fri, 15 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 2027 08:00:00 GMT", 30 * time.Second}, // the camera's own clock says anything
		{429, "Fri, 15 Jan 2027 07:00:00 GMT", "Fri, 15 Jan 2027 08:00:00 GMT", 0},
		{503, "Fri, 15 Jan 2999 07:00:00 GMT", "Fri, 15 Jan 2027 08:00:00 GMT", maxRetryAfter},
	} {
		_, err := call(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			if tt.date != "" {
				w.Header().Set("Date", tt.date)
			}
			if tt.after != "" {
				w.Header().Set("Retry-After", tt.after)
			}
			w.WriteHeader(tt.code)
		}), 5*time.Second)
		var retry *RetryError
		if verify.AttackName(err) != "rpc_rate_limited" || !errors.As(err, &retry) || retry.After != tt.want {
			t.Errorf("%d %q: error %v, want to wait %v", tt.code, tt.after, err, tt.want)
		}
	}
	if d := retryAfter(http.Header{"Retry-After": {now.Add(90 * time.Second).UTC().Format(http.TimeFormat)}}, now); d < 85*time.Second || d > 90*time.Second {
		t.Errorf("a date without the answer's own Date: %v", d)
	}
}

func TestQuantitiesAreStrict(t *testing.T) {
	for in, want := range map[string]uint64{`"0x0"`: 0, `"0x1252"`: 4690, `"0xFf"`: 255, `"0xffffffffffffffff"`: 1<<64 - 1} {
		if got, err := ParseQuantity(json.RawMessage(in)); err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{`"0x"`, `"0x00"`, `"0x01"`, `"1252"`, `"0X1"`, `"0x1_0"`, `"0x+1"`, `"0x-1"`, `"0x 1"`, `"0xg"`, `"0x10000000000000000"`, `4690`, `null`, `["0x1"]`, `""`, ``} {
		if got, err := ParseQuantity(json.RawMessage(in)); err == nil {
			t.Errorf("%s was read as %d", in, got)
		}
	}
	for _, in := range []string{`"0x1"`, `"0xzz"`, `"00"`, `null`, `{}`} {
		if got, err := parseData(json.RawMessage(in)); err == nil {
			t.Errorf("%s was read as %x", in, got)
		}
	}
}

// over serves a node's answers over HTTP.
func over(t *testing.T, n *node) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params []any           `json:"params"`
		}
		if err := json.NewDecoder(bufio.NewReader(r.Body)).Decode(&q); err != nil {
			t.Error(err)
		}
		result, err := n.Call(r.Context(), q.Method, q.Params...)
		if err != nil {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":%q}}`, q.ID, err)
			return
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, q.ID, result)
	}
}

// net_onpath: whoever sits between a camera and its endpoints can change what
// comes over plain http and show a certificate of their own over https. The
// first costs that operator's vote, the second is no answer at all.
func TestThreatNetOnpath(t *testing.T) {
	world := newWorld()
	world.publish(2)
	truth := world.at(world.now()).Rev
	onPath := func(v *verify.View) {
		v.Rev, v.Latest = v.Rev+1, 3
		v.Candidates = append([]verify.Candidate{rogue(3)}, v.Candidates...)
	}
	tlsServer := httptest.NewUnstartedServer(over(t, &node{world: world, lie: onPath}))
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsServer.StartTLS()
	defer tlsServer.Close()
	cfg := DefaultConfig()
	cfg.ChainID, cfg.Registry, cfg.QuorumStart, cfg.MinGap = testRegistry.ChainID, testRegistry.Address.String(), 3, 100*time.Millisecond
	cfg.Endpoints = []Endpoint{
		{URL: tlsServer.URL, Operator: "https"},
		{URL: serve(t, over(t, &node{world: world, lie: onPath})).URL, Operator: "http"},
	}
	for i := range 3 {
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: serve(t, over(t, &node{world: world})).URL, Operator: fmt.Sprint("honest", i)})
	}
	w, err := New(cfg, testProduct, testRegion, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	v, err := w.View(ctx, truth)
	if err != nil || v.Rev != truth || v.Candidates[0].Envelope != release(2).Envelope {
		t.Errorf("view %+v, %v", v, err)
	}
	for w.Endpoints()[1].Attack == "" && ctx.Err() == nil { // found out in the second look
		w.Look()
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	all := w.Endpoints()
	if s := all[0]; s.State != StateFailing || s.Attack != "rpc_unreachable" || !strings.Contains(s.LastError, "certificate") {
		t.Errorf("https: %+v", s)
	}
	if s := all[1]; s.State != StateContradict || s.Attack != "rpc_single_liar" {
		t.Errorf("http: %+v", s)
	}
	if now, _ := w.Current(); now.Rev != truth {
		t.Errorf("revision %d is in force, want %d", now.Rev, truth)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The whole watcher over real HTTP with hostile servers beside honest ones: it
// accepts the honest view and names each attack.
func TestWatcherAmongHostileServers(t *testing.T) {
	world := newWorld()
	hostile := map[string]http.HandlerFunc{
		"rpc_huge_answer":  func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1<<20)) },
		"rpc_rate_limited": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"net_redirect":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"rpc_wrong_chain": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":"0x1"}`, id(r))
		},
	}
	cfg := DefaultConfig()
	cfg.ChainID, cfg.Registry, cfg.QuorumStart = testRegistry.ChainID, testRegistry.Address.String(), 5
	attacks := []string{}
	for attack, f := range hostile {
		attacks = append(attacks, attack)
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: serve(t, f).URL, Operator: attack})
	}
	for i := range 5 {
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: serve(t, over(t, &node{world: world})).URL, Operator: fmt.Sprint("honest", i)})
	}
	w, err := New(cfg, testProduct, testRegion, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	v, err := w.View(ctx, 1)
	if err != nil || v.Rev != 1 || v.Candidates[0].Envelope != release(1).Envelope {
		t.Errorf("view %+v, %v", v, err)
	}
	for w.Status().Looked.IsZero() && ctx.Err() == nil { // the first look's end
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	for i, s := range w.Endpoints() {
		if i < len(attacks) && s.Attack != attacks[i] || i >= len(attacks) && s.State != StateOK {
			t.Errorf("endpoint %d: %+v", i, s)
		}
		if strings.Contains(s.URL+s.LastError, "0123456789abcdef") {
			t.Errorf("endpoint %d repeats a credential: %+v", i, s)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
