package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits bound what clients can hold of a server. None may be zero but WriteTimeout.
type Limits struct {
	Conns         int           // connections at once; one more ends that which has gone longest without a request
	HeaderBytes   int           // of a request
	HeaderTimeout time.Duration // to read a request's header
	IdleTimeout   time.Duration // of a kept connection
	WriteTimeout  time.Duration // from the end of the header to the end of the reply; 0: the handler sees to it
	StopTimeout   time.Duration // for replies under way when the context ends
	NoBodies      bool          // refuse requests that have a body, before the handler
}

// Serve answers requests on a listener until ctx ends, which it closes then; it lets
// replies under way finish for StopTimeout, and waits for every handler. Requests have
// ctx as their base; with lasting replies under way, a handler that must not be cut off
// at once looks at the request's own end alone, see context.WithoutCancel. The error is
// the listener's, nil when ctx ended it.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, limits Limits, log *slog.Logger) (err error) {
	handler = occupying(handler)
	if limits.NoBodies {
		handler = bodiless(handler)
	}
	handlers := &tracked{next: handler}
	defer handlers.stop()
	srv := &http.Server{
		Handler:           handlers,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withGuest,
		ReadHeaderTimeout: limits.HeaderTimeout,
		WriteTimeout:      limits.WriteTimeout,
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() {
		served <- srv.Serve(&door{Listener: listener, limit: limits.Conns, conns: map[*guest]struct{}{}})
	}()
	select {
	case err = <-served:
		_ = srv.Close()
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), limits.StopTimeout)
	defer cancel()
	if srv.Shutdown(stop) != nil {
		_ = srv.Close()
	}
	<-served
	return nil
}

// bodiless refuses requests with a body. net/http reads what a handler leaves of one
// before it sends the reply, however long the client takes, and the handler's first
// kilobytes wait for it.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			w.Header().Set("Connection", "close")
			http.Error(w, "send no body", http.StatusRequestEntityTooLarge)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tracked is a handler whose runs can be waited for, which http.Server.Close
// does not do.
type tracked struct {
	next    http.Handler
	mu      sync.Mutex
	stopped bool
	running sync.WaitGroup
}

// ServeHTTP implements http.Handler.
func (h *tracked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	stopped := h.stopped
	if !stopped {
		h.running.Add(1)
	}
	h.mu.Unlock()
	if stopped {
		return // the connection is closed
	}
	defer h.running.Done()
	h.next.ServeHTTP(w, r)
}

// stop lets no more requests in and waits for those that run.
func (h *tracked) stop() {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.running.Wait()
}
