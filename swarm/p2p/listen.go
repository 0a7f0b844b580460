package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// AwaitedAddr is an address of Config.Listen that this machine does not have yet.
type AwaitedAddr struct {
	Addr  string    `json:"addr"`
	Since time.Time `json:"since"`
	Error string    `json:"error"` // of the last attempt to bind it
}

// listeners binds the addresses of a host and waits for those that are not of
// this machine yet: a node is often started before its network is.
type listeners struct {
	bind func(ma.Multiaddr) error
	now  func() time.Time
	log  *slog.Logger

	mu    sync.Mutex
	waits []awaited
	added chan struct{} // capacity 1: there is one more to wait for
}

type awaited struct {
	addr  ma.Multiaddr
	since time.Time
	err   error
}

func newListeners(bind func(ma.Multiaddr) error, now func() time.Time, log *slog.Logger) *listeners {
	return &listeners{bind: bind, now: now, log: log, added: make(chan struct{}, 1)}
}

// listen binds one address, or notes it for run if this machine does not have it
// yet. An address family that the kernel lacks is only logged, so that the default
// list works without IPv6.
func (l *listeners) listen(a ma.Multiaddr) error {
	err := l.bind(a)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) && !manet.IsIPUnspecified(a) {
		l.mu.Lock()
		l.waits = append(l.waits, awaited{addr: a, since: l.now(), err: err})
		l.mu.Unlock()
		select {
		case l.added <- struct{}{}:
		default:
		}
		l.log.Warn("this machine does not have the address yet; the node listens there as soon as it does", "addr", a.String())
		return nil
	}
	if _, probe := net.Listen("tcp6", "[::1]:0"); probe != nil && a[0].Protocol().Code == ma.P_IP6 {
		l.log.Info("this machine has no IPv6; not listening", "addr", a.String())
		return nil
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: cannot listen on %s: the port is taken; stop the other program or choose another port in listen", ErrConfig, a)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: cannot listen on %s: %w; choose a port that this user may bind, from 1024 on", ErrConfig, a, err)
	}
	return fmt.Errorf("%w: cannot listen on %s: %w", ErrConfig, a, err)
}

// run tries the awaited addresses again until ctx ends, after 1 s and then ever
// more rarely, up to every 30 s. What else keeps one from being bound by then,
// such as a port that is taken, is logged and does not end the node either.
func (l *listeners) run(ctx context.Context) {
	pause := listenRetry
	for {
		var due <-chan time.Time
		if len(l.awaited()) > 0 {
			due = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.added:
			pause = listenRetry
		case <-due:
			pause = min(2*pause, listenRetryMax)
			l.retry()
		}
	}
}

func (l *listeners) retry() {
	l.mu.Lock()
	waits := slices.Clone(l.waits)
	l.mu.Unlock()
	for _, w := range waits {
		err := l.bind(w.addr)
		l.mu.Lock()
		i := slices.IndexFunc(l.waits, func(o awaited) bool { return o.addr.Equal(w.addr) })
		if err == nil {
			l.waits = slices.Delete(l.waits, i, i+1)
		} else {
			l.waits[i].err = err
		}
		l.mu.Unlock()
		switch {
		case err == nil:
			l.log.Info("this machine has the address now; listening", "addr", w.addr.String())
		case err.Error() != w.err.Error():
			l.log.Warn("cannot listen yet; it is tried again", "addr", w.addr.String(), "err", err)
		}
	}
}

// awaited lists the addresses that are waited for.
func (l *listeners) awaited() (out []AwaitedAddr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waits {
		out = append(out, AwaitedAddr{Addr: w.addr.String(), Since: w.since, Error: w.err.Error()})
	}
	return out
}
