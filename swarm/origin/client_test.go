package origin

import (
	"context"
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
	first := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, victim.URL+"/reboot", http.StatusFound)
	})
	for _, from := range []string{"203.0.113.1:80", "192.168.1.2:80"} {
		asked.Store(0)
		c := Client(nil)
		transport := c.Transport.(*http.Transport)
		transport.Proxy = nil
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != from {
				return dial(ctx, network, address)
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(first.URL, "http://"))
			return at{conn, from}, err
		}
		_, err := read(fileAt(t, "http://"+from+"/image", 1000, c), 0, 100)
		if local := inside(from); err == nil || (asked.Load() > 0) != local {
			t.Errorf("from %s: the other device was asked %d times: %v", from, asked.Load(), err)
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
		"203.0.113.1:80": false, "[2001:db8::1]:80": false, "": false,
	} {
		if inside(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
