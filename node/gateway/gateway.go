package gateway

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"camswarm/node/web"
	"camswarm/swarm/tokens"
)

// Config is what a Server serves, and where. No field may be zero but Providers.
type Config struct {
	Listen string // address and port
	Rate   int64  // bytes per second of all replies together; 0: no limit

	// Block returns a block that is held, whose bytes were hashed; it must fetch none.
	Block func(cid.Cid) (data []byte, ok bool)
	// Size is the length of a block that is held, which it does not read.
	Size func(cid.Cid) (n int, ok bool)
	// Open is whether anything is served now; else clients come back later.
	Open func() bool
	// Record returns the signed IPNS record of a name, and until when it may be kept.
	Record func(name string) (record []byte, until time.Time, ok bool)
	// Providers returns the node's peer id and addresses; nil: they are not told.
	Providers func() (id string, addrs []string)

	Registerer prometheus.Registerer // of the gateway's metrics
	Log        *slog.Logger          // must not be nil
}

// Server is the gateway's listener.
type Server struct {
	web.TCP
	cfg   Config
	rate  *rate.Limiter
	count *prometheus.CounterVec
	sent  prometheus.Counter

	mu   sync.Mutex
	over bool // nothing more is begun, see Drain
	busy int
	nets map[netip.Prefix]int
}

// New wires a server and listens nowhere yet.
func New(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg, rate: rate.NewLimiter(rate.Inf, 0), nets: map[netip.Prefix]int{},
		count: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "camswarm_gateway_requests_total",
			Help: "Requests to the gateway, by kind (raw, car, record, providers, other) and status: ok, missing, refused (no such thing here), busy (told to come back), broken (the client went or did not read)."}, []string{"kind", "status"}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{Name: "camswarm_gateway_sent_bytes_total", Help: "Bytes of replies of the gateway."}),
	}
	s.SetRate(cfg.Rate)
	return s, errors.Join(cfg.Registerer.Register(s.count), cfg.Registerer.Register(s.sent))
}

// SetRate changes the rate of all replies together, in bytes per second; 0: no limit.
func (s *Server) SetRate(bytesPerSecond int64) {
	if bytesPerSecond == 0 {
		s.rate.SetLimit(rate.Inf)
		return
	}
	s.rate.SetBurst(int(max(bytesPerSecond/4, 2*writePiece)))
	s.rate.SetLimit(rate.Limit(bytesPerSecond))
}

// Run serves until ctx ends; replies under way have a second more.
func (s *Server) Run(ctx context.Context) error {
	return s.ServeTCP(ctx, "gateway", "gateway.listen", s.cfg.Listen, func(net.Addr) http.Handler { return s.Handler() }, limits, s.cfg.Log)
}

// Handler answers the gateway's requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ipfs/{cid}", s.within(s.ipfs))
	mux.HandleFunc("GET /ipfs/{cid}/{path...}", s.within(s.ipfs))
	mux.HandleFunc("GET /ipns/{name}", s.within(s.ipns))
	mux.HandleFunc("GET /routing/v1/ipns/{name}", s.within(s.ipns))
	mux.HandleFunc("GET /routing/v1/providers/{cid}", s.within(s.providers))
	return mux
}

// The statuses of a reply, as they are counted.
const (
	statusOK      = "ok"
	statusMissing = "missing"
	statusRefused = "refused"
	statusBusy    = "busy"
	statusBroken  = "broken"
)

// errMissing means that something is not held here.
var errMissing = errors.New("not held here; this gateway fetches nothing")

// A refusal is an error with its HTTP status.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

// errBusy means that the client has to come back.
var errBusy = errors.New("too many requests")

// within has a handler run within the budgets, and answers its error. A handler that
// has begun its reply returns what broke it.
func (s *Server) within(serve func(*reply, *http.Request) (kind string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, status := "other", statusBusy
		out := &reply{ResponseWriter: w, s: s, r: r, conn: http.NewResponseController(w)}
		defer func() {
			s.count.WithLabelValues(kind, status).Inc()
			s.sent.Add(float64(out.sent))
		}()
		from := network(r.RemoteAddr)
		if !s.enter(from) {
			later(w, http.StatusTooManyRequests, 0)
			return
		}
		defer s.leave(from)
		if s.ends() || !s.cfg.Open() {
			later(w, http.StatusServiceUnavailable, time.Minute)
			return
		}
		var err error
		var no *refusal
		kind, err = serve(out, r)
		switch {
		case err == nil:
			status = statusOK
		case out.begun:
			status = statusBroken
			panic(http.ErrAbortHandler) // half an archive must not look like one
		case errors.Is(err, errBusy):
			later(w, http.StatusTooManyRequests, out.delay)
		case errors.Is(err, errMissing):
			status = statusMissing
			fail(w, http.StatusNotFound, err.Error())
		case errors.As(err, &no):
			status = statusRefused
			fail(w, no.code, no.text)
		default:
			status = statusBroken
			fail(w, http.StatusInternalServerError, err.Error())
		}
	}
}

func fail(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, code)
}

// later tells a client when to come back: after a while, each at another moment.
func later(w http.ResponseWriter, code int, after time.Duration) {
	seconds := max(retryLeast, int(after/time.Second)) + rand.IntN(retrySpread+1)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	fail(w, code, "busy; come back later")
}

// Drain has the gateway tell clients to come back later, and returns when all replies
// that had begun have ended, or ctx has.
func (s *Server) Drain(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		s.over = true
		busy := s.busy
		s.mu.Unlock()
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *Server) ends() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// enter takes a place for a request from a network, if there is one.
func (s *Server) enter(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy >= maxRequests || s.nets[from] >= maxPerNet {
		return false
	}
	s.busy++
	s.nets[from]++
	return true
}

func (s *Server) leave(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.nets[from]--; s.nets[from] == 0 {
		delete(s.nets, from)
	}
}

// network is that of a client: /24 or /56, as peers' budgets have it.
func network(remote string) netip.Prefix {
	a, _ := netip.ParseAddrPort(remote) // the invalid one of what is none
	return tokens.NetworkOf(a.Addr())
}

// reply is a reply that is paced, and broken off if the client does not read.
type reply struct {
	http.ResponseWriter
	s     *Server
	r     *http.Request
	conn  *http.ResponseController
	begun bool
	sent  int64
	delay time.Duration // why it is refused
	err   error         // what broke it
}

// admit refuses a reply whose first bytes would wait too long for the rate.
func (w *reply) admit() error {
	now := time.Now()
	first := w.s.rate.ReserveN(now, writePiece)
	defer first.CancelAt(now)
	if w.delay = first.DelayFrom(now); w.delay > maxDelay {
		return errBusy
	}
	return nil
}

// Write sends bytes at the rate of the gateway.
func (w *reply) Write(p []byte) (n int, err error) {
	w.begun = true
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), writePiece)]
		if err = w.s.rate.WaitN(w.r.Context(), len(piece)); err != nil {
			break
		}
		_ = w.conn.SetWriteDeadline(time.Now().Add(writeWithin)) // recorders of tests have none
		var k int
		k, err = w.ResponseWriter.Write(piece)
		n, w.sent, p = n+k, w.sent+int64(k), p[k:]
	}
	w.err = err
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// parse reads a CID that this gateway may have.
func parse(text string) (cid.Cid, error) {
	c, err := cid.Decode(text)
	if err != nil {
		return cid.Undef, &refusal{http.StatusBadRequest, "no CID: " + err.Error()}
	}
	return c, nil
}

// inline returns the bytes that an identity CID holds itself: what clients probe with.
func inline(c cid.Cid) ([]byte, bool) {
	d, err := mh.Decode(c.Hash())
	if err != nil || d.Code != mh.IDENTITY || len(d.Digest) > maxInline {
		return nil, false
	}
	return d.Digest, true
}

// block returns a block that is held, or that its CID holds.
func (s *Server) block(c cid.Cid) ([]byte, error) {
	if data, ok := inline(c); ok {
		return data, nil
	}
	if data, ok := s.cfg.Block(c); ok {
		return data, nil
	}
	return nil, errMissing
}

// format is what the client asks for, by the query or else by the header Accept, and
// the parameters of its media type.
func format(r *http.Request) (name string, params map[string]string) {
	params = map[string]string{}
	accept := r.Header.Get("Accept")
	for part := range strings.SplitSeq(accept, ",") {
		kind, rest, _ := strings.Cut(part, ";")
		known := map[string]string{
			mediaRaw: formatRaw, mediaCAR: formatCAR, mediaRecord: formatRecord,
		}[strings.TrimSpace(kind)]
		if known == "" {
			continue
		}
		for p := range strings.SplitSeq(rest, ";") {
			if k, v, ok := strings.Cut(p, "="); ok {
				params[strings.TrimSpace(k)] = strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
		name = known
		break
	}
	if q := r.URL.Query().Get("format"); q != "" {
		name = q
	}
	return name, params
}

// The formats and their media types.
const (
	formatRaw    = "raw"
	formatCAR    = "car"
	formatRecord = "ipns-record"
	mediaRaw     = "application/vnd.ipld.raw"
	mediaCAR     = "application/vnd.ipld.car"
	mediaRecord  = "application/vnd.ipfs.ipns-record"
)
