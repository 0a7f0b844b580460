package web

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// door is a listener that lets everybody in at once. Beyond limit connections it hangs
// up on whoever has gone longest without a request: half of a header, sent by however
// many, keeps nobody out, such as the watchdog's probe. If all have requests under way
// it hangs up on the one that came.
type door struct {
	net.Listener
	limit int

	mu    sync.Mutex
	conns map[*guest]struct{}
	moves uint64
}

// guest is a connection that came through a door.
type guest struct {
	net.Conn
	door *door

	// Guarded by door.mu.
	busy  bool   // a request is under way
	since uint64 // the move by which it came, or its last request ended
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := d.admit(c); g != nil {
			return g, nil
		}
		_ = c.Close()
	}
}

func (d *door) admit(c net.Conn) *guest {
	d.mu.Lock()
	var out *guest
	if len(d.conns) >= d.limit {
		for g := range d.conns {
			if !g.busy && (out == nil || g.since < out.since) {
				out = g
			}
		}
		if out == nil {
			d.mu.Unlock()
			return nil
		}
		delete(d.conns, out)
	}
	d.moves++
	g := &guest{Conn: c, door: d, since: d.moves}
	d.conns[g] = struct{}{}
	d.mu.Unlock()
	if out != nil {
		_ = out.Close()
	}
	return g
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.door.mu.Lock()
	delete(g.door.conns, g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}

// occupy notes that a request is under way, or that it has ended.
func (g *guest) occupy(busy bool) {
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	g.door.moves++
	g.busy, g.since = busy, g.door.moves
}

type guestKey struct{}

// withGuest is for http.Server.ConnContext.
func withGuest(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, c)
}

// occupying tells the door while next handles a request.
func occupying(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
			g.occupy(true)
			defer g.occupy(false)
		}
		next.ServeHTTP(w, r)
	})
}
