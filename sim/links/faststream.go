package links

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/quic-go/quic-go"
)

var (
	errWriteClosed = errors.New("links: write on a stream that is closed for writing")
	errStreamEnded = errors.New("links: the stream is closed")
)

// fastStream is one side of a stream, guarded by the core's lock.
type fastStream struct {
	x      *fastConn
	id     uint64
	listed bool // in x.sending
	wake   sync.Cond

	// Writing.
	out       []byte // to be sent: of the Write that waits, or a copy
	sent      int64
	sendLimit int64
	fin       bool // no Write follows
	finSent   bool
	writeErr  error
	resetSent bool
	writeEnd  deadline

	// Reading.
	in        [][]byte
	arrived   int64 // all before it
	highest   int64
	early     []frame // arrived before their turn
	final     int64   // size, -1: not known
	readErr   error
	stopped   bool  // by CloseRead
	credited  int64 // to the connection's window
	receiving window
	readEnd   deadline
	atEnd     bool // io.EOF was returned
	gone      bool
}

var _ network.MuxedStream = (*fastStream)(nil)

type deadline struct {
	at    time.Time
	armed int64
}

func newFastStream(x *fastConn, id uint64) *fastStream {
	s := &fastStream{x: x, id: id, sendLimit: streamWindow, final: -1, receiving: window{size: streamWindow, most: streamWindowM, limit: streamWindow}}
	s.wake.L = &x.net.mu
	x.streams[id] = s
	return s
}

// lock locks the core at the present; the function returned unlocks it.
func (s *fastStream) lock() func() {
	c := s.x.net.core
	c.mu.Lock()
	c.run()
	return func() {
		c.arm()
		c.mu.Unlock()
	}
}

// wait waits for a change or the deadline.
func (s *fastStream) wait(d *deadline) error {
	if !d.at.IsZero() {
		at := int64(d.at.Sub(s.x.net.start))
		if at <= s.x.net.now {
			return os.ErrDeadlineExceeded
		}
		if d.armed != at {
			d.armed = at
			s.x.net.push(event{at: at, f: s.wake.Broadcast})
		}
	}
	s.x.net.arm()
	s.wake.Wait()
	s.x.net.run()
	return nil
}

func (s *fastStream) Write(b []byte) (int, error) {
	defer s.lock()()
	for {
		if err := s.writable(); err != nil {
			return 0, err
		}
		if !s.writeEnd.at.IsZero() && int64(s.writeEnd.at.Sub(s.x.net.start)) <= s.x.net.now {
			return 0, os.ErrDeadlineExceeded
		}
		if len(b) == 0 {
			return 0, nil
		}
		if len(s.out)+len(b) <= datagram-headers {
			s.out = append(s.out, b...)
			s.list()
			return len(b), nil
		}
		if len(s.out) == 0 {
			break
		}
		if err := s.wait(&s.writeEnd); err != nil {
			return 0, err
		}
	}
	s.out = b[:len(b):len(b)]
	s.list()
	start := s.sent
	for s.sent-start < int64(len(b)) {
		err := s.writable()
		if err == nil {
			err = s.wait(&s.writeEnd)
		}
		if err != nil && s.sent-start < int64(len(b)) {
			s.out = nil // the rest is the caller's again
			return int(s.sent - start), err
		}
	}
	return len(b), nil
}

func (s *fastStream) writable() error {
	switch {
	case s.x.err != nil:
		return s.x.err
	case s.writeErr != nil:
		return s.writeErr
	case s.fin:
		return errWriteClosed
	}
	return nil
}

func (s *fastStream) list() {
	if !s.listed && s.x.err == nil && (s.finOnly() || len(s.out) > 0 && s.sent < s.sendLimit) {
		s.listed = true
		s.x.sending = append(s.x.sending, s)
	}
	s.x.flushSoon()
}

func (s *fastStream) finOnly() bool {
	return s.fin && !s.finSent && len(s.out) == 0 && s.writeErr == nil
}

// next takes up to most bytes to send. more tells that there is more that may
// be sent, now or when the connection's window opens.
func (s *fastStream) next(most int) (f frame, ok, more bool) {
	if s.writeErr != nil {
		return f, false, false
	}
	n := min(int64(len(s.out)), int64(most), s.sendLimit-s.sent, s.x.sendLimit-s.x.sentData)
	if n <= 0 && !s.finOnly() {
		return f, false, len(s.out) > 0 && s.sent < s.sendLimit
	}
	f = frame{kind: dataFrame, stream: s.id, off: s.sent, data: append([]byte(nil), s.out[:n]...)}
	s.out = s.out[n:]
	s.sent += n
	s.x.sentData += n
	if len(s.out) == 0 {
		s.out = nil
		f.fin = s.fin
		s.finSent = s.finSent || s.fin
		s.wake.Broadcast()
		s.collect()
	}
	return f, true, len(s.out) > 0 && s.sent < s.sendLimit
}

// handle takes a frame that has arrived.
func (x *fastConn) handle(f *frame) {
	switch f.kind {
	case connLimitFrame:
		x.sendLimit = max(x.sendLimit, f.off)
		x.flushSoon()
		return
	case streamsFrame:
		x.openLimit = max(x.openLimit, f.off)
		x.wake.Broadcast()
		return
	case pingFrame, finishFrame:
		return
	}
	s := x.streams[f.stream]
	if s == nil && f.stream%2 == x.acceptFrom%2 && f.stream >= x.acceptFrom {
		for ; x.acceptFrom <= f.stream; x.acceptFrom += 2 {
			s = newFastStream(x, x.acceptFrom)
			x.accept = append(x.accept, s)
		}
		x.wake.Broadcast()
	}
	if s == nil {
		return // both sides were done with it
	}
	switch f.kind {
	case streamLimitFrame:
		if f.off > s.sendLimit {
			s.sendLimit = f.off
			s.list()
		}
	case stopFrame:
		s.cancelWrite(f.code, true)
	case resetFrame:
		if s.readErr == nil && !s.atEnd {
			s.readErr = streamError(f.code, true)
		}
		s.in, s.early = nil, nil
		s.final = f.off
		s.credit(f.off)
		s.wake.Broadcast()
		s.collect()
	case dataFrame:
		s.data(f)
	}
}

func (s *fastStream) data(f *frame) {
	end := f.off + int64(len(f.data))
	if f.fin {
		s.final = end
	}
	s.receiving.arrived(s.x.net.now)
	s.x.receiving.arrived(s.x.net.now)
	s.highest = max(s.highest, end)
	if s.readErr != nil {
		s.credit(s.highest)
		if f.fin {
			s.collect()
		}
		return
	}
	switch {
	case f.off > s.arrived:
		s.early = append(s.early, *f)
		return
	case end > s.arrived:
		s.in = append(s.in, f.data[s.arrived-f.off:])
		s.arrived = end
	case !f.fin:
		return
	}
	for i := 0; i < len(s.early); i++ {
		if e := s.early[i]; e.off <= s.arrived {
			s.early = append(s.early[:i], s.early[i+1:]...)
			if end := e.off + int64(len(e.data)); end > s.arrived {
				s.in = append(s.in, e.data[s.arrived-e.off:])
				s.arrived = end
			}
			i = -1
		}
	}
	s.wake.Broadcast()
}

func (s *fastStream) Read(b []byte) (int, error) {
	defer s.lock()()
	for {
		switch {
		case s.readErr != nil:
			return 0, s.readErr
		case s.atEnd:
			return 0, io.EOF
		case s.x.err != nil && !(s.final == s.arrived && len(s.in) == 0):
			return 0, s.x.err
		case !s.readEnd.at.IsZero() && int64(s.readEnd.at.Sub(s.x.net.start)) <= s.x.net.now:
			return 0, os.ErrDeadlineExceeded
		case len(s.in) > 0 && len(b) > 0:
			n := 0
			for n < len(b) && len(s.in) > 0 {
				k := copy(b[n:], s.in[0])
				n += k
				if s.in[0] = s.in[0][k:]; len(s.in[0]) == 0 {
					s.in[0] = nil
					s.in = s.in[1:]
				}
			}
			s.credit(s.credited + int64(n))
			if s.receiving.consumed(int64(n), s.x.net.now, s.x.rtt, nil) && s.final < 0 && s.x.err == nil {
				s.x.receiving.atLeast(s.receiving.size*3/2, s.x.net.now, s.x.reserve)
				s.x.control = append(s.x.control, frame{kind: streamLimitFrame, stream: s.id, off: s.receiving.limit})
				s.x.flushSoon()
			}
			if s.final == s.arrived && len(s.in) == 0 {
				s.atEnd = true
				s.collect()
				return n, io.EOF
			}
			return n, nil
		case s.final == s.arrived && len(s.in) == 0:
			s.atEnd = true
			s.collect()
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		if err := s.wait(&s.readEnd); err != nil {
			return 0, err
		}
	}
}

// credit tells the connection's window that all bytes up to here are done with.
func (s *fastStream) credit(to int64) {
	if to <= s.credited || s.x.err != nil {
		return
	}
	n := to - s.credited
	s.credited = to
	x := s.x
	if x.receiving.consumed(n, x.net.now, x.rtt, x.reserve) {
		x.control = append(x.control, frame{kind: connLimitFrame, off: x.receiving.limit})
		x.flushSoon()
	}
}

func streamError(code network.StreamErrorCode, remote bool) error {
	return &network.StreamError{ErrorCode: code, Remote: remote, TransportError: &quic.StreamError{ErrorCode: quic.StreamErrorCode(code), Remote: remote}}
}

func (s *fastStream) cancelWrite(code network.StreamErrorCode, remote bool) {
	if s.writeErr != nil || s.finSent && !remote || s.finSent && s.gone || s.x.err != nil {
		return
	}
	s.writeErr = streamError(code, remote)
	s.out = nil
	if !s.finSent {
		s.resetSent = true
		s.x.control = append(s.x.control, frame{kind: resetFrame, stream: s.id, off: s.sent, code: code})
		s.x.flushSoon()
	}
	s.wake.Broadcast()
	s.collect()
}

func (s *fastStream) cancelRead(code network.StreamErrorCode) {
	if s.readErr != nil || s.atEnd || s.x.err != nil {
		return
	}
	s.readErr, s.stopped = streamError(code, false), true
	s.in, s.early = nil, nil
	s.credit(s.highest)
	if s.final < 0 {
		s.x.control = append(s.x.control, frame{kind: stopFrame, stream: s.id, code: code})
		s.x.flushSoon()
	}
	s.wake.Broadcast()
	s.collect()
}

// collect forgets the stream when both directions are over.
func (s *fastStream) collect() {
	read := s.atEnd || s.readErr != nil && s.final >= 0
	write := s.finSent || s.writeErr != nil
	if s.gone || !read || !write || s.x.err != nil {
		return
	}
	s.gone = true
	if s.final >= 0 {
		s.credit(s.final)
	}
	if s.id%2 == s.x.acceptFrom%2 {
		s.x.granted++
		s.x.control = append(s.x.control, frame{kind: streamsFrame, off: s.x.granted})
		s.x.flushSoon()
	}
	s.x.forget(s)
}

func (x *fastConn) forget(s *fastStream) { delete(x.streams, s.id) }

func (s *fastStream) CloseWrite() error {
	defer s.lock()()
	return s.closeWrite()
}

func (s *fastStream) closeWrite() error {
	switch {
	case s.x.err != nil || s.fin:
		return nil
	case s.writeErr != nil:
		return errStreamEnded
	}
	s.fin = true
	s.list()
	return nil
}

func (s *fastStream) CloseRead() error {
	defer s.lock()()
	s.cancelRead(0)
	return nil
}

func (s *fastStream) Close() error {
	defer s.lock()()
	s.cancelRead(0)
	return s.closeWrite()
}

func (s *fastStream) Reset() error { return s.ResetWithError(0) }

func (s *fastStream) ResetWithError(code network.StreamErrorCode) error {
	defer s.lock()()
	s.cancelRead(code)
	s.cancelWrite(code, false)
	return nil
}

func (s *fastStream) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

func (s *fastStream) SetReadDeadline(t time.Time) error { return s.setDeadline(&s.readEnd, t) }

func (s *fastStream) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.writeEnd, t) }

func (s *fastStream) setDeadline(d *deadline, t time.Time) error {
	defer s.lock()()
	d.at = t
	s.wake.Broadcast()
	return nil
}
