package control

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"camswarm/verify"
)

// Event is something that happened on a node, as GET /v1/events tells it. Fields that
// do not concern its kind are left out.
type Event struct {
	Kind     EventKind        `json:"kind"`
	At       time.Time        `json:"at"` // by the device's clock, which may stand at 1970
	Product  verify.ProductID `json:"product,omitzero"`
	Sequence uint64           `json:"sequence,omitempty"`
	Version  string           `json:"version,omitempty"`
	Progress *Progress        `json:"progress,omitempty"` // of fetching
	Name     string           `json:"name,omitempty"`     // of alarm and alarm_over: which; of refused: the attack's, if it has one
	Message  string           `json:"message,omitempty"`  // for people
	Limits   *PoliteStatus    `json:"limits,omitempty"`   // of limits: what holds now
}

// EventKind says what happened.
type EventKind string

// Kinds of events.
const (
	EventAnnounced  EventKind = "announced"   // an announcement that the chain confirms
	EventFetching   EventKind = "fetching"    // progress, at most once a second
	EventVerified   EventKind = "verified"    // the whole image is here and right
	EventConsent    EventKind = "consent"     // the owner's consent is wanted
	EventInstalling EventKind = "installing"  // the installer is called now
	EventInstalled  EventKind = "installed"   // it is done; whether it runs is not known yet
	EventConfirmed  EventKind = "confirmed"   // it runs
	EventFailed     EventKind = "failed"      // the installer refused it
	EventRolledBack EventKind = "rolled_back" // it did not come up, or was not confirmed in time
	EventRefused    EventKind = "refused"     // a release was turned down, or a stage of it failed
	EventAlarm      EventKind = "alarm"       // one began or says something else
	EventAlarmOver  EventKind = "alarm_over"
	EventLimits     EventKind = "limits"  // what holds of limits and modes changed
	EventDropped    EventKind = "dropped" // the stream's own last word: the reader was too slow
	EventMissed     EventKind = "missed"  // the stream's own first word: events after Last-Event-ID are gone
)

// EventKinds returns all kinds.
func EventKinds() []EventKind {
	return []EventKind{
		EventAnnounced, EventFetching, EventVerified, EventConsent, EventInstalling, EventInstalled, EventConfirmed,
		EventFailed, EventRolledBack, EventRefused, EventAlarm, EventAlarmOver, EventLimits, EventDropped, EventMissed,
	}
}

// Validate refuses a kind that no event is of.
func (k EventKind) Validate() error {
	if all := EventKinds(); !slices.Contains(all, k) {
		return fmt.Errorf("no event is of the kind %q; kinds: %q", string(k), all)
	}
	return nil
}

// Events keeps what happened last, and hands it to those who listen. What it holds is
// bounded, whatever the listeners do: each has a place in one ring, and who falls out
// of it is dropped.
type Events struct {
	boot string // tells the ids of this run from another's

	mu        sync.Mutex
	last      uint64 // number of the newest event; the first is 1
	ring      [eventRing]Event
	listeners int
	news      chan struct{}   // closed at the next event
	heard     []chan struct{} // told when the first listener comes
}

// NewEvents returns an empty ring.
func NewEvents() *Events {
	var boot [4]byte
	_, _ = rand.Read(boot[:]) // never fails
	return &Events{boot: hex.EncodeToString(boot[:]), news: make(chan struct{})}
}

// Publish adds an event. It never waits.
func (e *Events) Publish(ev Event) {
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	ev.At = ev.At.UTC().Round(0).Truncate(time.Millisecond)
	ev.Message = clip(ev.Message)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.ring[e.last%eventRing] = ev
	close(e.news)
	e.news = make(chan struct{})
}

// clip bounds a text that may come from elsewhere.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxEventText {
		s = strings.ToValidUTF8(s[:maxEventText], "") + "…"
	}
	return s
}

// Listeners returns how many listen.
func (e *Events) Listeners() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.listeners
}

// Heard returns a channel of capacity 1 that is told when somebody begins to listen,
// so that what is only watched for listeners need not run otherwise.
func (e *Events) Heard() <-chan struct{} {
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, c)
	return c
}

// join makes room for a listener; false: there are enough.
func (e *Events) join() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listeners >= maxListeners {
		return false
	}
	e.listeners++
	for _, c := range e.heard {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return true
}

func (e *Events) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners--
}

// after returns the events that followed number n, and what is closed at the next.
// ok is false if some of them are gone.
func (e *Events) after(n uint64) (list []Event, news <-chan struct{}, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n > e.last || e.last-n > eventRing-1 {
		return nil, e.news, n == e.last
	}
	for i := n + 1; i <= e.last; i++ {
		list = append(list, e.ring[i%eventRing])
	}
	return list, e.news, true
}

// Last returns the events that are kept, oldest first.
func (e *Events) Last() []Event {
	e.mu.Lock()
	n := e.last - min(e.last, eventRing-1)
	e.mu.Unlock()
	list, _, _ := e.after(n)
	return list
}

// start finds where a listener begins: after the event that it names, or now.
func (e *Events) start(lastID string) (n uint64, missed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if lastID == "" {
		return e.last, false
	}
	boot, number, _ := strings.Cut(lastID, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || boot != e.boot || n > e.last || e.last-n > eventRing-1 {
		return e.last, true
	}
	return n, false
}

// stream serves GET /v1/events: server-sent events until the client goes, the node
// stops, or the client reads too slowly.
func (c *Server) stream(w http.ResponseWriter, r *http.Request) (any, error) {
	e := c.backend.Events()
	ids := r.Header.Values("Last-Event-ID")
	if len(ids) > 1 || len(ids) == 1 && len(ids[0]) > maxEventID {
		return nil, &requestError{http.StatusBadRequest, fmt.Errorf("one Last-Event-ID of at most %d bytes", maxEventID)}
	}
	var kinds []string
	if q := r.URL.Query().Get("kinds"); q != "" {
		kinds = strings.Split(q, ",")
		for _, k := range kinds {
			if err := EventKind(k).Validate(); err != nil {
				return nil, &requestError{http.StatusBadRequest, err}
			}
		}
	}
	if !e.join() {
		return nil, &requestError{http.StatusServiceUnavailable, fmt.Errorf("%d programs listen already; close one", maxListeners)}
	}
	defer e.leave()
	conn := http.NewResponseController(w)
	write := func(id, kind string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_ = conn.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
		if id != "" {
			id = "id: " + id + "\n"
		}
		if kind != "" {
			kind = "event: " + kind + "\n"
		}
		if _, err := fmt.Fprintf(w, "%s%sdata: %s\n\n", id, kind, data); err != nil {
			return err
		}
		return conn.Flush()
	}
	n, missed := e.start(r.Header.Get("Last-Event-ID"))
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_ = conn.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
	if _, err := fmt.Fprint(w, ": camswarm events\n\n"); err != nil || conn.Flush() != nil {
		return nil, nil
	}
	if missed && write("", string(EventMissed), Event{Kind: EventMissed, At: time.Now().UTC(), Message: "what happened after that event is not kept any more, or its id is of another run: ask for the status"}) != nil {
		return nil, nil
	}
	alive := time.NewTicker(eventAlive)
	defer alive.Stop()
	for {
		list, news, ok := e.after(n)
		if !ok {
			_ = write("", string(EventDropped), Event{Kind: EventDropped, At: time.Now().UTC(), Message: fmt.Sprintf("more than %d events were not read in time: connect again, and ask for the status", eventRing-1)})
			return nil, nil
		}
		for _, ev := range list {
			n++
			if kinds != nil && !slices.Contains(kinds, string(ev.Kind)) {
				continue
			}
			if write(e.boot+"-"+strconv.FormatUint(n, 10), string(ev.Kind), ev) != nil {
				return nil, nil
			}
		}
		select {
		case <-r.Context().Done():
			return nil, nil
		case <-news:
		case <-alive.C: // who has gone without a word is noticed
			_ = conn.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
			if _, err := fmt.Fprint(w, ":\n\n"); err != nil || conn.Flush() != nil {
				return nil, nil
			}
		}
	}
}
