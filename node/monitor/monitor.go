package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"camswarm/node/web"
)

// Readiness says whether a node can do what it is there for, and if not, why.
type Readiness struct {
	Ready   bool      `json:"ready"`
	Missing []Missing `json:"missing"` // what must come first; empty if Ready
}

// Missing is one thing that a node waits for.
type Missing struct {
	What    string `json:"what"`              // a stable word, such as "peers", "chain" or "release"
	Product string `json:"product,omitempty"` // of which, absent if of the node
	Message string `json:"message"`
}

// Config is what a Server serves, and where.
type Config struct {
	Listen   string                          // address and port; see CheckListen
	Gatherer prometheus.Gatherer             // of /metrics
	Alive    func(ctx context.Context) error // of /healthz: nil if the node is not stuck
	Ready    func() Readiness                // of /readyz; must not wait
	Log      *slog.Logger                    // must not be nil
}

// Server is the listener. Add handlers with Handle before Run.
type Server struct {
	web.TCP
	cfg Config
	mux *http.ServeMux
}

// New wires a server and listens nowhere yet.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux()}
	s.Handle("GET /metrics", promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	s.Handle("GET /healthz", http.HandlerFunc(s.healthz))
	s.Handle("GET /readyz", http.HandlerFunc(s.readyz))
	return s
}

// Handle adds a handler for a pattern of http.ServeMux, such as "GET /fleet/", before
// Run. It panics if the pattern is taken. What it serves can be read by everybody who
// reaches the listener; it must change nothing, answer within 30 s, and bound what it
// reads. It may be called while other requests are answered.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	handler := func(addr net.Addr) http.Handler {
		if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
			return localNames(s.mux)
		}
		return s.mux
	}
	return s.ServeTCP(ctx, "monitoring", "http.listen", s.cfg.Listen, handler, limits, s.cfg.Log)
}

// localNames refuses requests to names of others: a page in a browser on this machine
// could have its own name lead here (DNS rebinding) and read what is served.
func localNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" {
			http.Error(w, "ask for localhost or for the address", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// health is the reply of /healthz.
type health struct {
	Alive bool   `json:"alive"`
	Error string `json:"error,omitempty"`
}

func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), aliveTimeout)
	defer cancel()
	if err := s.cfg.Alive(ctx); err != nil {
		reply(w, http.StatusServiceUnavailable, health{Error: err.Error()})
		return
	}
	reply(w, http.StatusOK, health{Alive: true})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	ready := s.cfg.Ready()
	status := http.StatusOK
	if ready.Ready = len(ready.Missing) == 0; !ready.Ready {
		status = http.StatusServiceUnavailable
	} else {
		ready.Missing = []Missing{}
	}
	reply(w, status, ready)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone hears nothing
}

// ErrPublic means that an address can be reached from elsewhere.
var ErrPublic = errors.New("it can be reached from other machines")

// CheckListen says what is wrong with an address to listen on: it is an IP address,
// or "localhost", and a port. ErrPublic if the address is none of this machine alone.
func CheckListen(listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf(`%q is no address and port, such as "127.0.0.1:9464"`, listen)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%q has no port of 0 to 65535", listen)
	}
	if host == "localhost" {
		return nil
	}
	switch addr, err := netip.ParseAddr(host); {
	case host == "":
		return ErrPublic
	case err != nil:
		return fmt.Errorf("%q is no IP address", host)
	case !addr.Unmap().IsLoopback():
		return ErrPublic
	}
	return nil
}
