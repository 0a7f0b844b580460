package localnet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/chainwatch/registry/bindings"
)

// View is the registry's answer to check(product, region), as the contract
// encodes it.
type View = bindings.FirmwareRegistryView

// Candidate is a release on offer in a View.
type Candidate = bindings.FirmwareRegistryCandidate

// Endpoint is one operator's JSON-RPC server: a port of its own in front of the
// development chain, which can be made to lie.
type Endpoint struct {
	Operator string
	URL      string

	server *http.Server
	done   chan struct{}

	mu   sync.Mutex
	lie  func(*View) bool
	lies int64
}

// newEndpoint serves the chain at target on a free port of loopback.
func newEndpoint(operator, target string) (*Endpoint, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("chain endpoint: %w", err)
	}
	e := &Endpoint{Operator: operator, URL: "http://" + l.Addr().String(), done: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ModifyResponse: e.answer,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	e.server = &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(e.done)
		_ = e.server.Serve(l)
	}()
	return e, nil
}

// Lie makes the endpoint change each view that it answers with, until it is
// called with nil. change reports whether it did; those count as lies. It is
// called from many goroutines.
func (e *Endpoint) Lie(change func(*View) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lie = change
}

// Lies returns the number of false answers so far.
func (e *Endpoint) Lies() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lies
}

// answer changes an answer on its way to whoever asked.
func (e *Endpoint) answer(r *http.Response) error {
	e.mu.Lock()
	lie := e.lie
	e.mu.Unlock()
	if lie == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	if changed, ok := change(body, lie); ok {
		body = changed
		e.mu.Lock()
		e.lies++
		e.mu.Unlock()
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}

// change makes a lie of a JSON-RPC answer, if it holds a view.
func change(body []byte, lie func(*View) bool) ([]byte, bool) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return nil, false
	}
	result, _ := answer["result"].(string)
	if len(result) < 2 {
		return nil, false
	}
	data, err := hex.DecodeString(result[2:])
	if err != nil {
		return nil, false
	}
	contract := bindings.NewFirmwareRegistry()
	view, err := contract.UnpackCheck(data)
	if err != nil || !lie(&view) {
		return nil, false
	}
	if data, err = contract.GetABI().Methods["check"].Outputs.Pack(view); err != nil {
		return nil, false
	}
	answer["result"] = "0x" + hex.EncodeToString(data)
	body, err = json.Marshal(answer)
	return body, err == nil
}

func (e *Endpoint) config() chainwatch.Endpoint {
	return chainwatch.Endpoint{URL: e.URL, Operator: e.Operator}
}

func (e *Endpoint) close() error {
	err := e.server.Close()
	<-e.done
	return err
}
