package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// ReadBody reads a body up to one byte over the limit. What was read when ctx
// ended counts as cut off: a server that is told of our hanging up may end its
// body properly before the connection is gone.
func ReadBody(ctx context.Context, body io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil {
		err = ctx.Err()
	}
	return data, err
}

// Client returns a client for one host that bounds time and header, and
// follows no redirect. The body is for the caller to bound. roots nil: the system's.
func Client(host string, roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Timeout: CallTimeout,
		Transport: noRedirects{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        TLSConfig(host, roots, time.Now),
			TLSHandshakeTimeout:    tlsTimeout,
			DisableCompression:     true,
			MaxIdleConns:           1,
			MaxIdleConnsPerHost:    1,
			MaxConnsPerHost:        2,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHeader,
		}},
	}
}

// noRedirects drops the Location of answers, so that net/http neither follows it nor
// quotes it, and the API key in it, in an error when it cannot be parsed.
type noRedirects struct{ *http.Transport }

func (t noRedirects) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err == nil {
		resp.Header.Del("Location")
	}
	return resp, err
}

// TLSConfig verifies certificates as usual, except that a device whose clock is
// certainly wrong (no RTC: 1970) does not hold the certificate's dates against
// the server: it could otherwise never learn the time from the chain. What an
// old stolen certificate buys is one operator's vote on such a device.
func TLSConfig(host string, roots *x509.CertPool, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(cs tls.ConnectionState) error {
			name := host
			if cs.ServerName != "" {
				name = cs.ServerName // differs from host only for an https proxy; empty for IP addresses
			}
			leaf := cs.PeerCertificates[0]
			opts := x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now()}
			for _, c := range cs.PeerCertificates[1:] {
				opts.Intermediates.AddCert(c)
			}
			if !ClockSane(opts.CurrentTime) {
				opts.CurrentTime = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
			}
			_, err := leaf.Verify(opts)
			return err
		},
	}
}

// WithoutURL drops the URL that net/http puts into errors, and the header that it
// quotes: both may hold an API key.
func WithoutURL(err error) error {
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return errors.New("its header cannot be read")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// Redact writes a URL without what may be a credential: user info, the query, and path
// segments of 16 or more bytes, where providers put API keys.
func Redact(u *url.URL) string {
	var b strings.Builder
	b.WriteString(u.Scheme + "://" + u.Host)
	for i, segment := range strings.Split(u.EscapedPath(), "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		if len(segment) >= 16 {
			segment = "***"
		}
		b.WriteString(segment)
	}
	if u.RawQuery != "" {
		b.WriteString("?***")
	}
	return b.String()
}

// TimedOut reports whether an error is that of a time that ran out.
func TimedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// Printable makes a text from outside safe to log and bounds it.
func Printable(s string) string {
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
