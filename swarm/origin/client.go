package origin

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// Client returns an HTTP client for files of a server: HTTP/2 where it is spoken,
// proxies of the environment, certificates as config says (nil: the system's), few
// connections, no cookies, no compression. It has no timeout over all, since a body may
// take long on a thin line; see File.Read.
func Client(config *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		CheckRedirect: redirect,
		Transport: &http.Transport{
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
		},
	}
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
	r.Header.Del("Referer")
	return nil
}
