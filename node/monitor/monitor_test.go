package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// start runs a server on a free port of loopback until the test ends.
func start(t *testing.T, cfg Config) (s *Server, url string) {
	t.Helper()
	cfg.Listen, cfg.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	if cfg.Gatherer == nil {
		cfg.Gatherer = prometheus.NewRegistry()
	}
	s = New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for s.Addr() == nil {
		select {
		case err := <-done:
			done <- err
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	return s, "http://" + s.Addr().String()
}

func get(t *testing.T, url, host string) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func TestHealthAndReadiness(t *testing.T) {
	var stuck atomic.Bool
	var missing atomic.Pointer[[]Missing]
	missing.Store(&[]Missing{{What: "release", Product: "acme.example/cam-1", Message: "release 2 is not held whole"}})
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "answer"}, func() float64 { return 42 }))
	s, url := start(t, Config{
		Gatherer: reg,
		Alive: func(context.Context) error {
			if stuck.Load() {
				return errors.New("its loop stands still")
			}
			return nil
		},
		Ready: func() Readiness { return Readiness{Missing: *missing.Load()} },
	})
	if status, body, _ := get(t, url+"/metrics", ""); status != http.StatusOK || !strings.Contains(body, "answer 42") {
		t.Errorf("/metrics: %d %s", status, body)
	}
	if status, body, _ := get(t, url+"/healthz", ""); status != http.StatusOK || body != "{\"alive\":true}\n" {
		t.Errorf("/healthz: %d %s", status, body)
	}
	stuck.Store(true)
	if status, body, _ := get(t, url+"/healthz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "stands still") {
		t.Errorf("/healthz of a stuck node: %d %s", status, body)
	}
	status, body, _ := get(t, url+"/readyz", "")
	var r Readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusServiceUnavailable || r.Ready || len(r.Missing) != 1 || r.Missing[0].Product != "acme.example/cam-1" {
		t.Errorf("/readyz: %d %s", status, body)
	}
	missing.Store(new([]Missing))
	if status, body, _ := get(t, url+"/readyz", ""); status != http.StatusOK || body != "{\"ready\":true,\"missing\":[]}\n" {
		t.Errorf("/readyz: %d %s", status, body)
	}
	s.Handle("GET /page/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
	if status, body, _ := get(t, url+"/page/", ""); status != http.StatusOK || body != "a page" {
		t.Errorf("an added handler: %d %s", status, body)
	}
	for body, want := range map[string]int{"": http.StatusMethodNotAllowed, "x": http.StatusRequestEntityTooLarge} {
		resp, err := http.Post(url+"/metrics", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("POST of %q: %d", body, resp.StatusCode)
		}
	}
}

// TestThreatMonitorRebinding: a page of a stranger, in a browser on the seed's own
// machine, has its name lead to loopback.
func TestThreatMonitorRebinding(t *testing.T) {
	_, url := start(t, Config{Ready: func() Readiness { return Readiness{} }})
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "localhost:9464": 200, "127.0.0.1": 200, "[::1]:9464": 200,
		"evil.example": 421, "evil.example:9464": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421,
	} {
		if got, _, _ := get(t, url+"/readyz", host); got != want {
			t.Errorf("host %q: %d, want %d", host, got, want)
		}
	}
}

// TestScrapesAreBounded: who scrapes more at once is refused, and /readyz still answers.
func TestScrapesAreBounded(t *testing.T) {
	reg, began, goOn := prometheus.NewRegistry(), make(chan struct{}), make(chan struct{})
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slow"}, func() float64 {
		began <- struct{}{}
		<-goOn
		return 1
	}))
	_, url := start(t, Config{Gatherer: reg, Ready: func() Readiness { return Readiness{} }})
	done := make(chan error, maxScrapes)
	for range maxScrapes {
		go func() {
			resp, err := http.Get(url + "/metrics")
			if err == nil {
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					err = fmt.Errorf("%s", resp.Status)
				}
			}
			done <- err
		}()
	}
	for range maxScrapes {
		<-began
	}
	if status, _, _ := get(t, url+"/metrics", ""); status != http.StatusServiceUnavailable {
		t.Errorf("one scrape too many: %d", status)
	}
	if status, _, _ := get(t, url+"/readyz", ""); status != http.StatusOK {
		t.Errorf("/readyz meanwhile: %d", status)
	}
	close(goOn)
	for range maxScrapes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestHugeHeaderIsRefused: a header has a limit.
func TestHugeHeaderIsRefused(t *testing.T) {
	_, url := start(t, Config{Ready: func() Readiness { return Readiness{} }})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // what is refused may not be read to its end
		_, _ = fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", limits.HeaderBytes+8<<10))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", resp.Status)
	}
}

func TestCheckListen(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9464": "", "127.0.0.2:0": "", "[::1]:9464": "", "localhost:9464": "", "[::ffff:127.0.0.1]:1": "",
		"0.0.0.0:9464": "public", "[::]:9464": "public", ":9464": "public", "192.0.2.1:9464": "public", "[fe80::1%eth0]:1": "public",
		"9464": "bad", "127.0.0.1": "bad", "127.0.0.1:": "bad", "127.0.0.1:70000": "bad", "seed.example:9464": "bad", "": "bad",
	} {
		err := CheckListen(listen)
		got := ""
		if errors.Is(err, ErrPublic) {
			got = "public"
		} else if err != nil {
			got = "bad"
		}
		if got != want {
			t.Errorf("%q: %v, want %q", listen, err, want)
		}
	}
}

// TestThreatMonitorUnsentBodies: who announces a body and sends none is refused, and
// does not keep the watchdog's probe from its answer.
func TestThreatMonitorUnsentBodies(t *testing.T) {
	var last net.Conn
	ready := func() Readiness {
		_ = last.Close() // it was let in
		return Readiness{}
	}
	s, url := start(t, Config{Alive: func(context.Context) error { return nil }, Ready: ready})
	for i := range limits.Conns {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		last = c
		_, _ = fmt.Fprint(c, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); !strings.Contains(line, " 413 ") {
			t.Fatalf("request %d is answered %q, %v", i, line, err)
		}
	}
	resp, err := http.Get(url + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the probe: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
}
