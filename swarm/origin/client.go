package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"syscall"

	"camswarm/swarm/tokens"
)

// Client returns an HTTP client for files of a server: HTTP/2 where it is spoken,
// proxies of the environment, certificates as config says (nil: the system's), few
// connections, no cookies, no compression. It has no timeout over all, since a body may
// take long on a thin line; see File.Read.
func Client(config *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: stayOutside}
	return &http.Client{
		CheckRedirect: redirect,
		Transport: transport{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    tlsTimeout,
			ResponseHeaderTimeout:  headerTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    maxConns,
			MaxConnsPerHost:        maxConns,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHeader,
		}},
	}
}

// A transport drops Locations that cannot be parsed, since net/http would quote them,
// and with them what they are signed with, in its error: the answer is a redirect to
// nowhere.
type transport struct{ *http.Transport }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err == nil {
		if _, bad := r.URL.Parse(resp.Header.Get("Location")); bad != nil {
			resp.Header.Del("Location")
		}
	}
	return resp, err
}

// LocalClient is Client for servers at private, link-local and loopback addresses: it
// connects to no other, and uses no proxy.
func LocalClient(config *tls.Config) *http.Client {
	c := Client(config)
	t := c.Transport.(transport)
	t.Proxy = nil
	t.DialContext = (&net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if !inside(address) {
			return fmt.Errorf("%s is not in the local network, and nothing else may be asked", address)
		}
		return nil
	}}).DialContext
	return c
}

// inside reports whether an address with a port is of the local network.
func inside(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && tokens.Local(a.Addr())
}

// trip is a request with its redirects, by its context.
type trip struct {
	inside   atomic.Bool // the first server is in the local network
	unsealed atomic.Bool // redirected to http
}

type tripKey struct{}

// withTrip returns a context for one request.
func withTrip(ctx context.Context) context.Context {
	t := new(trip)
	return httptrace.WithClientTrace(context.WithValue(ctx, tripKey{}, t), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !t.unsealed.Load() {
			t.inside.Store(inside(c.Conn.RemoteAddr().String()))
		}
	}})
}

// stayOutside refuses to be redirected from the Internet to an http server of the
// local network: whoever is on the way could have this device ask other devices there.
func stayOutside(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if t, ok := ctx.Value(tripKey{}).(*trip); ok && t.unsealed.Load() && !t.inside.Load() && inside(address) {
		return errors.New("redirected from the Internet into the local network")
	}
	return nil
}

// redirect follows what buckets and CDNs do, but never out of encryption, and sends
// nothing of the first URL along.
func redirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return errors.New("too many redirects")
	case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
		return errors.New("redirected from https to " + r.URL.Scheme)
	}
	if t, ok := r.Context().Value(tripKey{}).(*trip); ok && r.URL.Scheme == "http" {
		t.unsealed.Store(true)
	}
	r.Header.Del("Referer")
	return nil
}
