package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func testData(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// serve starts a server on loopback; with h2 it speaks TLS and HTTP/2.
func serve(t *testing.T, h2 bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if h2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func fileAt(t *testing.T, url string, size int, c *http.Client) *File {
	t.Helper()
	f, err := New(url, int64(size), c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(f *File, off, n int) ([]byte, error) {
	var got bytes.Buffer
	err := f.Read(context.Background(), int64(off), int64(n), func(b []byte) error { got.Write(b); return nil })
	return got.Bytes(), err
}

// net/http's own file server is a real one: both versions of HTTP, any range.
func TestRead(t *testing.T) {
	data := testData(300_000)
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", h2), func(t *testing.T) {
			var protos atomic.Int32
			s := serve(t, h2, func(w http.ResponseWriter, r *http.Request) {
				protos.Store(int32(r.ProtoMajor))
				w.Header().Set("ETag", `"one"`)
				http.ServeContent(w, r, "image", time.Time{}, bytes.NewReader(data))
			})
			c := Client(nil)
			if h2 {
				c = Client(s.Client().Transport.(*http.Transport).TLSClientConfig)
			}
			f := fileAt(t, s.URL+"/image", len(data), c)
			for _, span := range [][2]int{{0, len(data)}, {0, 1}, {len(data) - 1, 1}, {12345, 100_000}} {
				got, err := read(f, span[0], span[1])
				if err != nil || !bytes.Equal(got, data[span[0]:span[0]+span[1]]) {
					t.Errorf("%d bytes at %d: %d came, %v", span[1], span[0], len(got), err)
				}
			}
			if want := map[bool]int32{false: 1, true: 2}[h2]; protos.Load() != want {
				t.Errorf("spoke HTTP/%d", protos.Load())
			}
		})
	}
}

// Everything that a server can answer, and what follows from it.
func TestAnswers(t *testing.T) {
	data := testData(100_000)
	part := func(w http.ResponseWriter, rng string, n int) {
		w.Header().Set("Content-Range", rng)
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(data[1000 : 1000+n])
	}
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		is      error         // nil: any
		wait    time.Duration // -1: any
		says    string
	}{
		{"the whole file", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }, ErrWhole, 0, "whole"},
		{"404", status(404), ErrMissing, goneWait, "404"},
		{"403", status(403), ErrMissing, goneWait, "403"},
		{"410", status(410), ErrMissing, goneWait, "410"},
		{"416", status(416), ErrOther, goneWait, "416"},
		{"429 with seconds", status(429, "Retry-After", "7"), nil, 7 * time.Second, "429"},
		{"503 with a date", status(503, "Retry-After", "Thu, 01 Jan 1970 00:01:30 GMT", "Date", "Thu, 01 Jan 1970 00:01:00 GMT"), nil, 30 * time.Second, "503"},
		{"429 for a century", status(429, "Retry-After", "3153600000"), nil, 0, "429"},
		{"429 for a year", status(429, "Retry-After", "31536000"), nil, maxWait, "429"},
		{"500", status(500), nil, 0, "500"},
		{"204", status(204), nil, goneWait, "204"},
		{"a redirect without a place", status(302), nil, -1, ""},
		{"no Content-Range", func(w http.ResponseWriter, _ *http.Request) { part(w, "", 5000) }, nil, goneWait, "Content-Range"},
		{"another range", func(w http.ResponseWriter, _ *http.Request) { part(w, "bytes 0-4999/100000", 5000) }, nil, goneWait, "0 to 4999"},
		{"more than was asked for", func(w http.ResponseWriter, _ *http.Request) { part(w, "bytes 1000-9999/100000", 9000) }, nil, goneWait, "1000 to 9999"},
		{"a longer file", func(w http.ResponseWriter, _ *http.Request) { part(w, "bytes 1000-5999/100001", 5000) }, ErrOther, goneWait, "100001"},
		{"a length that is none of it", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6000")
			part(w, "bytes 1000-5999/100000", 6000)
		}, nil, goneWait, "6000"},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			part(w, "bytes 1000-5999/100000", 5000)
		}, ErrOther, goneWait, "gzip"},
		{"several parts", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			part(w, "bytes 1000-5999/100000", 5000)
		}, nil, goneWait, "parts"},
		{"nothing at all", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, nil, 0, "reached"},
		{"a header without end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			w.WriteHeader(206)
		}, nil, 0, "reached"},
		{"a cut in the middle", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			part(w, "bytes 1000-5999/100000", 100)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, nil, 0, "broke off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, false, c.handler)
			f := fileAt(t, s.URL+"/image?X-Amz-Signature=secret", len(data), Client(nil))
			_, err := read(f, 1000, 5000)
			var e *Error
			if !errors.As(err, &e) || c.is != nil && !errors.Is(err, c.is) || c.wait >= 0 && e.Wait != c.wait || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (%+v)", err, e)
			}
			if strings.Contains(fmt.Sprint(err, f), "secret") {
				t.Errorf("the query is shown: %v, %v", err, f)
			}
		})
	}
}

// A server may hand over a range in several answers; one that hands over next to
// nothing each time is left.
func TestShortAnswers(t *testing.T) {
	data := testData(100_000)
	for _, size := range []int{7_000, 10} {
		s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
			var first, last int
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
			last = min(last, first+size-1)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(data)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[first : last+1])
		})
		got, err := read(fileAt(t, s.URL, len(data), Client(nil)), 500, 50_000)
		if size > 10 && (err != nil || !bytes.Equal(got, data[500:50_500])) {
			t.Errorf("answers of %d: %d bytes, %v", size, len(got), err)
		}
		if size == 10 && err == nil {
			t.Error("a server that sends ten bytes at a time is read for ever")
		}
	}
}

// A bucket redirects to where the object is, with a query that is nobody else's
// business; nothing leads out of encryption, and not in circles.
func TestRedirects(t *testing.T) {
	data := testData(10_000)
	var referer atomic.Value
	plain := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		referer.Store(r.Header.Get("Referer"))
		http.ServeContent(w, r, "image", time.Time{}, bytes.NewReader(data))
	})
	var target atomic.Value
	hop := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.Load().(string), http.StatusFound)
	}
	first, sealed := serve(t, false, hop), serve(t, true, hop)
	target.Store(plain.URL + "/there?sig=2")
	got, err := read(fileAt(t, first.URL+"/here?sig=1", len(data), Client(nil)), 100, 5000)
	if err != nil || !bytes.Equal(got, data[100:5100]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if r := referer.Load(); r != "" {
		t.Errorf("the first URL is told to the second server: %v", r)
	}
	c := Client(sealed.Client().Transport.(*http.Transport).TLSClientConfig)
	if _, err := read(fileAt(t, sealed.URL, len(data), c), 100, 5000); err == nil {
		t.Error("redirected from https to http")
	}
	target.Store(first.URL + "/again")
	if _, err := read(fileAt(t, first.URL, len(data), Client(nil)), 100, 5000); err == nil {
		t.Error("redirected in a circle")
	}
}

// A file that is replaced while it is read is noticed, once: a CDN whose servers give
// each an ETag of its own is read, as hashes decide.
func TestChangedFile(t *testing.T) {
	data := testData(10_000)
	var tag atomic.Value
	tag.Store(`"one"`)
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag.Load().(string))
		http.ServeContent(w, r, "image", time.Time{}, bytes.NewReader(data))
	})
	f := fileAt(t, s.URL, len(data), Client(nil))
	for i, c := range []struct {
		tag string
		is  error
	}{{`"one"`, nil}, {`"one"`, nil}, {`"two"`, ErrOther}, {`"two"`, nil}, {`"one"`, nil}, {`"three"`, nil}} {
		tag.Store(c.tag)
		if _, err := read(f, 0, 100); !errors.Is(err, c.is) {
			t.Errorf("look %d: %v", i, err)
		}
	}
}

// A server that sends a byte now and then holds nobody (slow loris).
func TestThreatSlowRetrieval_Origin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := &http.Client{Transport: slow{every: time.Second}}
		f := fileAt(t, "https://origin.example/image", 100_000, c)
		_, err := read(f, 0, 50_000)
		if !errors.Is(err, ErrSlow) || time.Since(began) > 2*slowAfter {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		// One that is slow and honest is read to its end.
		f = fileAt(t, "https://origin.example/image", 100_000, &http.Client{Transport: slow{every: time.Second, piece: 1000}})
		if _, err := read(f, 0, 50_000); err != nil {
			t.Error(err)
		}
		// Nor is it to blame for a slow disk, or a limit on what is taken.
		if err := f.Read(t.Context(), 0, 5000, func([]byte) error { time.Sleep(3 * slowAfter); return nil }); err != nil {
			t.Error(err)
		}
	})
}

// slow is a transport that answers every range, some bytes at a time. It stands for a
// hostile server in virtual time.
type slow struct {
	every time.Duration
	piece int // bytes; 0: 1
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	var first, last int
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
	return &http.Response{
		StatusCode: http.StatusPartialContent, ContentLength: int64(last - first + 1),
		Header: http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/100000", first, last)}},
		Body:   &trickle{ctx: r.Context(), slow: s, left: last - first + 1},
	}, nil
}

type trickle struct {
	slow
	ctx  context.Context
	left int
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(b.every):
	}
	n := min(len(p), max(b.piece, 1), b.left)
	b.left -= n
	return n, nil
}

func (b *trickle) Close() error { return nil }

func TestCheckURL(t *testing.T) {
	for _, ok := range []string{"https://a.example/x?y=%20z", "http://127.0.0.1:9000/b/k", "https://[2001:db8::1]/x"} {
		if err := CheckURL(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "ftp://a/x", "/x", "https:///x", "https://u:p@a/x", "https://a/x#y", "https://a/ x", "https://a/\u00e4", "https://a/%zz", "https://a/" + strings.Repeat("x", MaxURL)} {
		err := CheckURL(bad)
		if err == nil {
			t.Errorf("%q passes", bad)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// No header makes reading panic, or a range come out that was not sent.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 0-9/*", "bytes */10", "bytes 9-0/10", "bytes 0-18446744073709551615/1", "bytes +1-2/3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, size, ok := contentRange(s)
		if ok && (first < 0 || last < first || size >= 0 && last >= size) {
			t.Fatalf("%q: %d-%d/%d", s, first, last, size)
		}
	})
}

// A gateway has a URL for each block.
func TestBlocks(t *testing.T) {
	data := testData(100_000)
	var asked atomic.Int32
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var i int
		if _, err := fmt.Sscanf(r.URL.Path, "/ipfs/%d", &i); err != nil || r.URL.RawQuery != "format=raw" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data[i*30_000 : min((i+1)*30_000, len(data))])
	})
	b, err := NewBlocks("gateway", int64(len(data)), 30_000, func(i int) string { return fmt.Sprintf("%s/ipfs/%d?format=raw", s.URL, i) }, Client(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ off, n, requests int }{{0, 100_000, 4}, {30_000, 60_000, 2}, {90_000, 10_000, 1}, {29_999, 2, 2}, {12, 5, 1}} {
		asked.Store(0)
		var got bytes.Buffer
		err := b.Read(context.Background(), int64(c.off), int64(c.n), func(p []byte) error { got.Write(p); return nil })
		if err != nil || !bytes.Equal(got.Bytes(), data[c.off:c.off+c.n]) || int(asked.Load()) != c.requests {
			t.Errorf("%d at %d: %d bytes, %d requests, %v", c.n, c.off, got.Len(), asked.Load(), err)
		}
	}
}
