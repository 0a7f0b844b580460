package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
)

// TCP serves a TCP address and tells where it listens. The zero value is ready.
type TCP struct {
	addr atomic.Pointer[net.Addr]
}

// Addr is where it listens; nil before ServeTCP does.
func (t *TCP) Addr() net.Addr {
	if a := t.addr.Load(); a != nil {
		return *a
	}
	return nil
}

// ServeTCP listens on an address and answers as [Serve] does, by the handler that is
// made for where it listens. It says once that it does, under what; the error begins
// with the setting's name.
func (t *TCP) ServeTCP(ctx context.Context, what, setting, listen string, handler func(net.Addr) http.Handler, limits Limits, log *slog.Logger) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	addr := listener.Addr()
	t.addr.Store(&addr)
	log.Info(what, "url", "http://"+addr.String())
	if err := Serve(ctx, listener, handler(addr), limits, log); err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	return nil
}
