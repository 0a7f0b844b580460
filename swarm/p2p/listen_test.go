package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"
)

// notOurs are addresses of TEST-NET-1, which no machine has unless a test gives it one.
var notOurs = []string{"/ip4/192.0.2.1/tcp/14417", "/ip4/192.0.2.1/udp/14417/quic-v1"}

// lines is a log that is read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(words ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// TestAddressOfNoneOfOurInterfacesIsWaitedFor: at boot a node may come before its
// addresses. It listens where it can, says what it waits for and dials out.
func TestAddressOfNoneOfOurInterfacesIsWaitedFor(t *testing.T) {
	var log lines
	half := newNet(t, netConfig(RoleCamera, append([]string{"/ip4/127.0.0.1/tcp/0"}, notOurs...)...), Options{Logger: log.logger()})
	s := half.Status()
	if slices.Contains(s.Listen, notOurs[0]) {
		t.Skip("this machine binds addresses that it does not have")
	}
	if len(s.Listen) != 1 || !strings.HasPrefix(s.Listen[0], "/ip4/127.0.0.1/tcp/") {
		t.Errorf("listens on %v", s.Listen)
	}
	if len(s.Awaited) != 2 || s.Awaited[0].Addr != notOurs[0] || s.Awaited[1].Addr != notOurs[1] || s.Awaited[0].Error == "" || s.Awaited[0].Since.IsZero() {
		t.Errorf("waits for %+v", s.Awaited)
	}
	for _, a := range notOurs {
		if n := log.count("does not have the address yet", a); n != 1 {
			t.Errorf("%d lines say that %s is waited for", n, a)
		}
	}
	none := newNet(t, netConfig(RoleCamera, notOurs...))
	runNet(t, none)
	if got := none.Status().Listen; len(got) != 0 {
		t.Errorf("listens on %v", got)
	}
	if err := connectNets(t, none, half); err != nil {
		t.Errorf("a node without an address cannot dial: %v", err)
	}
	if err := connectNets(t, none, newNet(t, netConfig(RoleCamera, "/ip4/127.0.0.1/udp/0/quic-v1"))); err != nil {
		t.Errorf("nor by QUIC: %v", err)
	}
}

// TestAwaitedAddressIsTriedWithBackOff in virtual time, with what a bind can say.
func TestAwaitedAddressIsTriedWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		var mu sync.Mutex
		var tried []string
		var result error
		answer := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			result = err
		}
		times := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(tried)
		}
		began := time.Now()
		l := newListeners(func(ma.Multiaddr) error {
			mu.Lock()
			defer mu.Unlock()
			tried = append(tried, fmt.Sprint(int(time.Since(began).Seconds())))
			return result
		}, time.Now, log.logger())
		answer(&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.run(ctx)
		}()
		defer func() { cancel(); <-done }()
		if err := l.listen(ma.StringCast(notOurs[0])); err != nil {
			t.Fatal(err)
		}
		time.Sleep(95 * time.Second)
		synctest.Wait()
		if got := strings.Join(times(), " "); got != "0 1 3 7 15 31 61 91" {
			t.Errorf("tried at %s s", got)
		}
		answer(syscall.EADDRINUSE) // the address is there, and another program on its port
		time.Sleep(time.Minute)
		synctest.Wait()
		if a := l.awaited(); len(a) != 1 || a[0].Error != syscall.EADDRINUSE.Error() || !a[0].Since.Equal(began) {
			t.Errorf("waits for %+v", a)
		}
		answer(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		bound := len(times())
		time.Sleep(time.Hour)
		synctest.Wait()
		if a := l.awaited(); len(a) != 0 || len(times()) != bound {
			t.Errorf("waits for %+v, tried %d times after it was bound", a, len(times())-bound)
		}
		if log.count("does not have the address yet") != 1 || log.count("cannot listen yet", "in use") != 1 || log.count("has the address now", notOurs[0]) != 1 {
			t.Errorf("the log says:\n%s", log.buf.String())
		}
		answer(errors.New("no such socket"))
		if err := l.listen(ma.StringCast(notOurs[0])); !errors.Is(err, ErrConfig) {
			t.Errorf("what does not pass by itself is waited for: %v", err)
		}
		answer(syscall.EACCES)
		if err := l.listen(ma.StringCast(notOurs[0])); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "may bind") {
			t.Errorf("a port without permission: %v", err)
		}
	})
}
