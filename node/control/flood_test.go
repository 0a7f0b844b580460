package control

import (
	"bufio"
	"context"
	"fmt"
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
func serveOnPipes(d *desk) (l *pipes, stop func()) {
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
