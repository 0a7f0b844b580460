package origin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// A server on the Internet, or whoever is on the way to it, cannot have a camera ask
// other devices of its network; one in the network may redirect within it.
func TestThreatNetRedirect_Origin(t *testing.T) {
	var asked atomic.Int32
	victim := serve(t, false, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	var to string
	first := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+"/reboot", http.StatusFound)
	})
	for _, c := range []struct{ from, to string }{
		{"203.0.113.1:80", "127.0.0.1"}, {"203.0.113.1:80", "0.0.0.0"}, {"203.0.113.1:80", "[::]"}, {"192.168.1.2:80", "127.0.0.1"},
	} {
		from := c.from
		to = strings.Replace(victim.URL, "127.0.0.1", c.to, 1)
		asked.Store(0)
		c := Client(nil)
		over := c.Transport.(transport)
		over.Proxy = nil
		dial := over.DialContext
		over.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != from {
				return dial(ctx, network, address)
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(first.URL, "http://"))
			return at{conn, from}, err
		}
		_, err := read(fileAt(t, "http://"+from+"/image", 1000, c), 0, 100)
		if local := inside(from); err == nil || (asked.Load() > 0) != local {
			t.Errorf("from %s to %s: the other device was asked %d times: %v", from, to, asked.Load(), err)
		}
	}
}

// What an origin redirects to is presigned, so no error tells it, also where the
// address or the header is malformed.
func TestThreatKeyExposure_Redirect(t *testing.T) {
	for _, header := range []string{
		"Location: https://bucket.example/%zz?X-Amz-Signature=hidden",
		"Location: http://[hidden",
		"Location //bucket.example/?X-Amz-Signature=hidden",
	} {
		s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(rw, "HTTP/1.1 302 Found\r\n%s\r\nContent-Length: 0\r\n\r\n", header)
			rw.Flush()
		})
		_, err := read(fileAt(t, s.URL, 1000, Client(nil)), 0, 100)
		if _, ok := errors.AsType[*Error](err); !ok || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// at is a connection with a server that seems to be elsewhere.
type at struct {
	net.Conn
	addr string
}

func (c at) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.addr)
	return a
}

// A client of the local network connects to nothing else.
func TestLocalClient(t *testing.T) {
	s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {})
	if resp, err := LocalClient(nil).Get(s.URL); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
	}
	if _, err := LocalClient(nil).Get("http://203.0.113.1/"); err == nil || !strings.Contains(err.Error(), "not in the local network") {
		t.Error(err)
	}
	for address, want := range map[string]bool{
		"10.0.0.1:80": true, "[::ffff:192.168.1.1]:80": true, "169.254.169.254:80": true, "[fe80::1%eth0]:80": true, "[fd00::1]:80": true, "127.0.0.1:80": true,
		"0.0.0.0:80": true, "[::]:80": true,
		"203.0.113.1:80": false, "[2001:db8::1]:80": false, "": false,
	} {
		if inside(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
