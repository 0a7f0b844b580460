package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A camera whose clock says 1970 can still ask an https endpoint; one with a
// clock that may be right holds certificates to their dates.
func TestThreatClockAt1970(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: begin.AddDate(0, 3, 0),
		DNSNames: []string{"rpc.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	handshake := func(host string, roots *x509.CertPool, now time.Time) error {
		cfg := TLSConfig(host, roots, func() time.Time { return now })
		cfg.ServerName = host // as net/http sets it
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", s.Listener.Addr().String(), cfg)
		if err == nil {
			conn.Close()
		}
		return err
	}
	good := begin.AddDate(0, 1, 0)
	for _, host := range []string{"rpc.example", "127.0.0.1"} {
		for name, now := range map[string]time.Time{"right": good, "1970": time.Unix(42, 0), "2000": time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), "2106": time.Unix(1<<32-1, 0)} {
			if err := handshake(host, roots, now); err != nil {
				t.Errorf("%s at %s: %v", host, name, err)
			}
		}
		if err := handshake(host, roots, begin.AddDate(1, 0, 0)); err == nil {
			t.Errorf("%s: an expired certificate was accepted by a good clock", host)
		}
		for _, now := range []time.Time{good, time.Unix(42, 0)} {
			if err := handshake(host, x509.NewCertPool(), now); err == nil {
				t.Errorf("%s at %v: a certificate of nobody was accepted", host, now)
			}
		}
	}
	for _, now := range []time.Time{good, time.Unix(42, 0)} {
		if err := handshake("other.example", roots, now); err == nil {
			t.Errorf("at %v: a certificate for another host was accepted", now)
		}
		if err := handshake("127.0.0.2", roots, now); err == nil {
			t.Errorf("at %v: a certificate for another address was accepted", now)
		}
	}
}
