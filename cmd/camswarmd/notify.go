package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// notifier speaks the protocol of sd_notify(3): datagrams to the socket named
// in NOTIFY_SOCKET. Without one it does nothing.
type notifier struct {
	deliver  func(state string) error // nil: nobody listens
	watchdog time.Duration            // systemd kills the service when it hears nothing for so long; 0: no watchdog
}

// newNotifier reads the environment that systemd sets.
func newNotifier(getenv func(string) string) notifier {
	var n notifier
	if socket := getenv("NOTIFY_SOCKET"); socket != "" {
		n.deliver = func(state string) error { return datagram(socket, state) }
	}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n // meant for another process
	}
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// send tells the service manager a state such as "READY=1".
func (n notifier) send(state string) error {
	if n.deliver == nil {
		return nil
	}
	return n.deliver(state)
}

// datagram sends one to a unix socket.
func datagram(socket, state string) error {
	// A name that starts with '@' is in the abstract name space; package net
	// knows that form.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte(state))
	return err
}

// watch reports READY=1 when alive first succeeds, then, if there is a
// watchdog, WATCHDOG=1 several times per period as long as alive succeeds: a node that
// looks online and does nothing is restarted. It returns when ctx ends.
func (n notifier) watch(ctx context.Context, log *slog.Logger, alive func(context.Context) error) {
	if n.deliver == nil {
		return
	}
	send := func(state string) {
		if err := n.send(state); err != nil {
			log.Warn("cannot notify the service manager", "state", state, "err", err)
		}
	}
	wait, ready := 50*time.Millisecond, false
	for {
		timeout := 10 * time.Second
		if n.watchdog > 0 {
			timeout = n.watchdog / 3
		}
		probe, cancel := context.WithTimeout(ctx, timeout)
		err := alive(probe)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && ready:
			log.Error("the node does not answer; the watchdog will restart it", "err", err)
		case err == nil && !ready:
			ready = true
			send("READY=1")
			if n.watchdog == 0 {
				return
			}
			wait = n.watchdog / 3
		case err == nil:
			send("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
