package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// File is a file at a URL. Its methods may be called from several goroutines.
type File struct {
	url  string
	size int64
	http *http.Client
	etag atomic.Pointer[string] // of the first answer; "" where there is none
	tags atomic.Bool            // it changed once: ETags say nothing any more
}

// New returns the file of size bytes at an http or https URL. Nothing is asked yet.
func New(rawURL string, size int64, client *http.Client) (*File, error) {
	if err := CheckURL(rawURL); err != nil {
		return nil, err
	}
	return &File{url: rawURL, size: size, http: client}, nil
}

// CheckURL says what is wrong with the URL of an origin: it is absolute, http or
// https, names a host and no user, and has at most MaxURL bytes of ASCII.
func CheckURL(s string) error {
	if len(s) > MaxURL {
		return fmt.Errorf("the URL is %d bytes long, at most %d are allowed", len(s), MaxURL)
	}
	if strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return errors.New("the URL holds spaces or what is not ASCII: write them as %XX")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("the URL cannot be read") // the error would repeat it, and what is secret in it
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New(`the URL must begin with "https://" or "http://"`)
	case u.Host == "":
		return errors.New("the URL names no host")
	case u.User != nil:
		return errors.New("the URL holds a user or password: use a presigned URL or a header of the server")
	case u.Fragment != "":
		return errors.New("the URL has a fragment (#…), which no server sees")
	}
	return nil
}

// String is the URL without its query, where presigned URLs keep their secret.
func (f *File) String() string {
	s, _, _ := strings.Cut(f.url, "?")
	return s
}

// Error is why a server did not deliver.
type Error struct {
	Reason string        // for people; never holds a query
	Status int           // of the answer; 0: there was none
	Wait   time.Duration // how long to leave it alone; 0: as the caller thinks
	err    error
}

// Errors that an Error wraps.
var (
	// ErrWhole: the server ignores ranges and sends the file from its beginning.
	ErrWhole = errors.New("the server does not answer ranges")
	// ErrOther: what is there is another file: its length or ETag differs.
	ErrOther = errors.New("the server has another file")
	// ErrMissing: it has none, or not for us (401, 403, 404, 410).
	ErrMissing = errors.New("the server does not have the file")
	// ErrSlow: it sends next to nothing.
	ErrSlow = errors.New("the server is too slow")
)

func (e *Error) Error() string {
	if e.err == nil {
		return "origin: " + e.Reason
	}
	return fmt.Sprintf("origin: %s: %v", e.Reason, e.err)
}

func (e *Error) Unwrap() error { return e.err }

// RetryAfter is Wait.
func (e *Error) RetryAfter() time.Duration { return e.Wait }

// Read asks for n bytes from off on and hands them to take, in order, in pieces of up
// to 16 KiB which are the caller's until take returns. An error of take ends it and is
// returned. Asked for the whole file it needs no server that answers ranges. A server
// may answer with less than was asked for and is asked for the rest. It ends when the
// server is silent: 10 s for the header, then 8 KiB in each 10 s.
//
// All other errors are *Error, or ctx's.
func (f *File) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	for range maxPieces {
		got, err := f.request(ctx, off, n, take)
		off, n = off+got, n-got
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case n == 0:
			return nil
		case got == 0:
			return &Error{Reason: "the answer is empty", Wait: goneWait, err: ErrOther}
		}
	}
	return &Error{Reason: fmt.Sprintf("one range came in more than %d answers", maxPieces), Wait: goneWait}
}

// request makes one request and returns how many bytes were taken.
func (f *File) request(ctx context.Context, off, n int64, take func([]byte) error) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(withTrip(ctx), http.MethodGet, f.url, nil)
	if err != nil {
		return 0, &Error{Reason: "the URL cannot be asked for", Wait: goneWait}
	}
	whole := off == 0 && n == f.size
	if !whole {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := f.http.Do(req)
	if err != nil {
		return 0, &Error{Reason: "it cannot be reached", err: withoutURL(err)}
	}
	defer resp.Body.Close()
	if err := f.check(resp, off, n, whole); err != nil {
		return 0, err
	}
	return f.body(ctx, cancel, resp.Body, n, take)
}

// check looks at an answer's header.
func (f *File) check(resp *http.Response, off, n int64, whole bool) error {
	fail := func(err error, wait time.Duration, format string, args ...any) error {
		return &Error{Reason: fmt.Sprintf(format, args...), Status: resp.StatusCode, Wait: wait, err: err}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && !whole:
	case code == http.StatusOK && whole:
	case code == http.StatusOK:
		return fail(ErrWhole, 0, "it answered a range with the whole file")
	case code == http.StatusRequestedRangeNotSatisfiable:
		return fail(ErrOther, goneWait, "it has no bytes at %d (416)", off)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound, code == http.StatusGone:
		return fail(ErrMissing, goneWait, "it answered with status %d", code)
	case code == http.StatusTooManyRequests || code >= 500:
		return fail(nil, retryAfter(resp.Header), "it answered with status %d", code)
	default:
		return fail(nil, goneWait, "it answered with status %d", code)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fail(ErrOther, goneWait, "the answer is compressed (%q), though that was not asked for", printable(e))
	}
	if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); strings.HasPrefix(t, "multipart/") {
		return fail(nil, goneWait, "the answer has several parts")
	}
	if whole {
		if resp.ContentLength >= 0 && resp.ContentLength != f.size {
			return fail(ErrOther, goneWait, "the file there has %d bytes, not %d", resp.ContentLength, f.size)
		}
	} else {
		first, last, size, ok := contentRange(resp.Header.Get("Content-Range"))
		switch {
		case !ok:
			return fail(nil, goneWait, "the Content-Range %q cannot be read", printable(resp.Header.Get("Content-Range")))
		case size >= 0 && size != f.size:
			return fail(ErrOther, goneWait, "the file there has %d bytes, not %d", size, f.size)
		case first != off || last >= off+n:
			return fail(nil, goneWait, "it sent bytes %d to %d for %d to %d", first, last, off, off+n-1)
		case resp.ContentLength >= 0 && resp.ContentLength != last-first+1:
			return fail(nil, goneWait, "it sends %d bytes for %d to %d", resp.ContentLength, first, last)
		}
	}
	etag := resp.Header.Get("ETag")
	if !f.etag.CompareAndSwap(nil, &etag) && *f.etag.Load() != etag && !f.tags.Swap(true) {
		// Once: of a CDN each server may have an ETag of its own.
		return fail(ErrOther, time.Minute, "the file there has changed meanwhile (its ETag did)")
	}
	return nil
}

// body hands over at most n bytes of a body.
func (f *File) body(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, n int64, take func([]byte) error) (int64, error) {
	var total atomic.Int64
	var taking atomic.Bool // for which the server is not to blame
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		tick := time.NewTicker(slowAfter)
		defer tick.Stop()
		before := int64(0)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			now := total.Load()
			if now-before < slowBytes && !taking.Load() {
				cancel(ErrSlow)
				return
			}
			before = now
		}
	}()
	buf := make([]byte, piece)
	for total.Load() < n {
		k, err := body.Read(buf[:min(int64(len(buf)), n-total.Load())])
		if k > 0 {
			total.Add(int64(k))
			taking.Store(true)
			if err := take(buf[:k]); err != nil {
				return total.Load(), err
			}
			taking.Store(false)
		}
		if err != nil {
			switch {
			case total.Load() == n || errors.Is(err, io.EOF):
				return total.Load(), nil // less than asked for: the rest is asked for
			case errors.Is(context.Cause(ctx), ErrSlow):
				return total.Load(), &Error{Reason: fmt.Sprintf("it sent less than %d bytes in %v", slowBytes, slowAfter), Wait: time.Minute, err: ErrSlow}
			}
			return total.Load(), &Error{Reason: "the answer broke off", err: withoutURL(err)}
		}
	}
	return n, nil
}

// contentRange reads "bytes first-last/size"; size is -1 for "*".
func contentRange(s string) (first, last, size int64, ok bool) {
	s, found := strings.CutPrefix(s, "bytes ")
	span, total, cut := strings.Cut(strings.TrimSpace(s), "/")
	from, to, dash := strings.Cut(span, "-")
	if !found || !cut || !dash {
		return 0, 0, 0, false
	}
	number := func(s string) (int64, bool) {
		n, err := strconv.ParseUint(s, 10, 63)
		return int64(n), err == nil && s[0] != '+'
	}
	first, ok1 := number(from)
	last, ok2 := number(to)
	size, ok3 := int64(-1), true
	if total != "*" {
		size, ok3 = number(total)
	}
	ok = ok1 && ok2 && ok3 && first <= last && (size < 0 || last < size)
	return first, last, size, ok
}

// retryAfter is what a server asks for, 0 if it says nothing: seconds or a date (RFC
// 9110 section 10.2.3), which is compared with the server's own clock.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, maxWait)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(date), 0), maxWait)
}

// withoutURL drops the URL that net/http puts into errors, and the header that it
// quotes: a presigned URL is secret.
func withoutURL(err error) error {
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return errors.New("its header cannot be read")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// printable makes a header's text safe to show.
func printable(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
