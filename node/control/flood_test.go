package control

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections in memory, on virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "pipe"} }

// dial connects to the server.
func (p *pipes) dial(t *testing.T) net.Conn {
	mine, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() { _ = mine.Close() })
	return mine
}

// serveOnPipes serves on virtual time until stop is called.
func serveOnPipes(d Backend) (l *pipes, stop func()) {
	l = &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- NewServer("unused", d, nil, slog.New(slog.DiscardHandler)).serve(ctx, l) }()
	return l, func() {
		cancel()
		_ = l.Close()
		<-ended
	}
}

// Unfinished bodies neither keep the watchdog's probe from its answer nor stay.
func TestThreatDenialOfService_UnfinishedBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serveOnPipes(&desk{})
		defer stop()
		dial := func() net.Conn { return l.dial(t) }
		began := time.Now()
		codes := make(chan int, 40)
		for i := range 40 {
			c := dial()
			path := []string{"/v1/limits", "/v1/announce", "/v1/revoke", "/v1/ipns?name=x", "/v1/busy", "/v1/consent"}[i%6]
			go func() {
				fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", path)
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					codes <- 0
					return
				}
				_ = resp.Body.Close()
				codes <- resp.StatusCode
			}()
		}
		synctest.Wait()
		probe := dial()
		fmt.Fprint(probe, "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(probe), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the probe: %v, %v", resp, err)
		}
		_ = resp.Body.Close()
		if d := time.Since(began); d > time.Second {
			t.Errorf("the probe waited %v", d)
		}
		got := map[int]int{}
		for range 40 {
			got[<-codes]++
		}
		if d := time.Since(began); d > controlBodyTimeout+time.Second {
			t.Errorf("the bodies were waited for %v", d)
		}
		if got[http.StatusServiceUnavailable] != 40-maxControlBodies || got[http.StatusRequestTimeout] != maxControlBodies {
			t.Errorf("answers %v", got)
		}
	})
}

// Connections that never finish a header, more than there are places and of every kind,
// keep neither the watchdog's probe nor a request under way from their answers.
func TestThreatDenialOfService_HalfOpenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serveOnPipes(&desk{})
		defer stop()
		began := time.Now()
		half := func(n int) {
			for i := range n {
				c := l.dial(t)
				go func() { _, _ = fmt.Fprint(c, []string{"", "G", "GET /v1/status HTTP/1.1\r\nHost: x\r\n"}[i%3]) }()
			}
			synctest.Wait()
		}
		half(maxControlConns)
		working := l.dial(t)
		fmt.Fprint(working, "POST /v1/busy HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{")
		synctest.Wait()
		half(300)
		probe := l.dial(t)
		fmt.Fprint(probe, "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(probe), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the probe: %v, %v", resp, err)
		}
		_ = resp.Body.Close()
		fmt.Fprint(working, `"seconds":1}`)
		resp, err = http.ReadResponse(bufio.NewReader(working), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the request that was under way: %v, %v", resp, err)
		}
		_ = resp.Body.Close()
		if d := time.Since(began); d > time.Second {
			t.Errorf("the probe waited %v", d)
		}
	})
}

// crowded has more peers than a connection buffers.
type crowded struct{ *desk }

func (crowded) Peers() []PeerStatus { return make([]PeerStatus, 500) }

// Who asks for what takes its time and does not read the answer leaves room for the
// probe, and is hung up on.
func TestThreatDenialOfService_UnreadReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serveOnPipes(crowded{&desk{}})
		defer stop()
		for range maxControlConns + 1 {
			c := l.dial(t)
			go func() { _, _ = fmt.Fprint(c, "GET /v1/peers HTTP/1.1\r\nHost: x\r\n\r\n") }()
		}
		synctest.Wait()
		get := func(path string) int {
			c := l.dial(t)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return 0
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		if probe, peers := get("/v1/status"), get("/v1/peers"); probe != http.StatusOK || peers != http.StatusServiceUnavailable {
			t.Errorf("the probe: %d; one more of these: %d", probe, peers)
		}
		time.Sleep(controlReplyTimeout + time.Second)
		if got := get("/v1/peers"); got != http.StatusOK {
			t.Errorf("once the others had their time: %d", got)
		}
	})
}

// Bodies that are announced in pieces, where none is taken, and do not come hold no
// place for good.
func TestThreatDenialOfService_UnsentBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serveOnPipes(crowded{&desk{}})
		defer stop()
		for range maxControlOthers {
			c := l.dial(t)
			go func() {
				_, _ = fmt.Fprint(c, "GET /v1/peers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
				_, _ = io.Copy(io.Discard, c)
			}()
		}
		time.Sleep(controlBodyTimeout + time.Second)
		synctest.Wait()
		c := l.dial(t)
		fmt.Fprint(c, "GET /v1/peers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("one that has no body: %v, %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	})
}
