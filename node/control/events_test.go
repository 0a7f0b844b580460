package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Events come as they happen; who comes back names the last and gets what followed,
// or is told that it is gone.
func TestEventsAreStreamedAndResumed(t *testing.T) {
	d := &desk{}
	c := serveControl(t, controlPath(t), d)
	hear := func(after string, kinds []EventKind, n int) (ids []string, got []Event) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		enough := errors.New("enough")
		err := c.Events(ctx, after, kinds, func(id string, e Event) error {
			ids, got = append(ids, id), append(got, e)
			if len(got) == n {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		return ids, got
	}
	heard := d.Events().Heard()
	go func() {
		<-heard
		for i := range uint64(3) {
			d.Events().Publish(Event{Kind: EventVerified, Sequence: i + 1})
			d.Events().Publish(Event{Kind: EventAlarm, Name: "x", Message: "line\nbreak"})
		}
	}()
	ids, got := hear("", nil, 6)
	if got[0].Kind != EventVerified || got[0].Sequence != 1 || got[5].Message != "line\nbreak" || got[0].At.IsZero() {
		t.Errorf("heard %+v", got)
	}
	if _, got := hear(ids[1], nil, 4); got[0].Sequence != 2 || got[2].Sequence != 3 {
		t.Errorf("resumed with %+v", got)
	}
	if _, got := hear(ids[0], []EventKind{EventVerified}, 2); got[0].Sequence != 2 || got[1].Sequence != 3 {
		t.Errorf("of one kind: %+v", got)
	}
	for _, id := range []string{"0000-1", "nonsense", ids[0] + "9999"} {
		if _, got := hear(id, nil, 1); got[0].Kind != EventMissed {
			t.Errorf("resumed after %q with %+v", id, got)
		}
	}
	for range eventRing {
		d.Events().Publish(Event{Kind: EventAlarm, Message: strings.Repeat("é", maxEventText)})
	}
	if _, got := hear(ids[5], nil, 1); got[0].Kind != EventMissed {
		t.Errorf("resumed with %+v", got[0].Kind)
	}
	if last := d.Events().Last(); len(last) != eventRing-1 || len(last[0].Message) > maxEventText+len("…") {
		t.Errorf("%d events are kept, of %d bytes", len(last), len(last[0].Message))
	}
}

// Who asks for a kind that is none is told which there are, and does not wait for ever.
func TestEventsOfNoKindAreRefused(t *testing.T) {
	c := serveControl(t, controlPath(t), &desk{})
	for _, kind := range []EventKind{"bogus", "alarm,bogus", "alarm,"} {
		err := c.Events(t.Context(), "", []EventKind{kind}, func(string, Event) error { return nil })
		if err == nil || !strings.Contains(err.Error(), `kinds: ["announced" "fetching"`) {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// denial_of_service: programs that listen and do not read, and more of them than
// there is room for. Nobody waits for them, what they may hold is bounded, and they
// are told why they are dropped.
func TestThreatDenialOfService_SlowListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		l, stop := serveOnPipes(d)
		defer stop()
		listen := func() (*bufio.Reader, *http.Response) {
			conn := l.dial(t)
			fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
			r := bufio.NewReaderSize(conn, 16)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			return r, resp
		}
		var slow []*http.Response
		for range maxListeners {
			_, resp := listen()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("refused with %d", resp.StatusCode)
			}
			slow = append(slow, resp)
		}
		if _, resp := listen(); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", resp.StatusCode)
		}
		began := time.Now()
		for range 10 * eventRing {
			d.Events().Publish(Event{Kind: EventLimits})
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("publishing waited %v for listeners", d)
		}
		// One wakes up in time to read why it is dropped.
		text := make(chan string)
		go func() {
			body, _ := io.ReadAll(slow[0].Body)
			text <- string(body)
		}()
		if got := <-text; !strings.Contains(got, `"kind":"dropped"`) || strings.Count(got, "data: ") > eventRing {
			t.Errorf("dropped without a word: %d bytes", len(got))
		}
		time.Sleep(eventWriteTimeout + time.Second)
		synctest.Wait()
		if n := d.Events().Listeners(); n != 0 {
			t.Errorf("%d listeners that do not read are still there", n)
		}
		if _, resp := listen(); resp.StatusCode != http.StatusOK {
			t.Errorf("no room afterwards: %d", resp.StatusCode)
		}
	})
}

// A node that stops ends the streams.
func TestEventsEndWithTheNode(t *testing.T) {
	d := &desk{}
	ctx, cancel := context.WithCancel(t.Context())
	path := controlPath(t)
	ended := make(chan error, 1)
	go func() { ended <- NewServer(path, d, nil, slog.New(slog.DiscardHandler)).Run(ctx) }()
	var c *Client
	for c == nil {
		c, _ = Dial(path)
	}
	defer c.Close()
	heard := d.Events().Heard()
	go func() { <-heard; cancel() }()
	if err := c.Events(t.Context(), "", nil, func(string, Event) error { return nil }); err == nil {
		t.Error("the stream ended without an error")
	}
	fatal(t, <-ended)
}
