package control

import (
	"context"
	_ "embed" // the API's description
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/announce"
	"camswarm/announce/beacon"
	"camswarm/gc"
	"camswarm/node/strictjson"
	"camswarm/node/web"
	"camswarm/swarm/filestore"
	"camswarm/swarm/member"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// SocketName is the name of the control API's unix socket in a node's state
// directory. Whoever may connect to it (mode 0600: the node's user and root) may
// change limits and hand over releases, but cannot make a node serve or install
// anything that the pinned keys and the chain do not approve.
const SocketName = "control.sock"

// Errors of the control API.
var (
	// ErrRunning means that a living process answers the control socket.
	ErrRunning = errors.New("another node answers the control socket")
	// ErrUnknownProduct means that the node does not follow a product.
	ErrUnknownProduct = errors.New("product is not followed by this node")
	// ErrNotCounted means that a node counts no cameras.
	ErrNotCounted = errors.New("this node counts no cameras; a seed does with beacons.count = true")
	// ErrUnknownName means that no release which a node holds names an IPNS record.
	ErrUnknownName = errors.New("no release held here names this IPNS record")
)

// Provided is what became of a release that was handed to a node.
type Provided struct {
	Product     verify.ProductID `json:"product"`
	Sequence    uint64           `json:"sequence"`
	Version     string           `json:"version"`
	State       State            `json:"state"`
	ImageBytes  uint64           `json:"imageBytes"`
	ImageSHA256 string           `json:"imageSha256"` // 64 hexadecimal digits
}

// Backend is what the control API needs of a node.
type Backend interface {
	Status() Status
	Peers() []PeerStatus
	Releases() ([]HeldRelease, error)
	// Block gets one small block from the peers, and keeps it not.
	Block(ctx context.Context, c cid.Cid) ([]byte, error)
	Announce(ctx context.Context, a announce.Announcement) error
	Provide(ctx context.Context, envelope []byte, image io.Reader) (Provided, error)
	// PublishIPNS checks an IPNS record and keeps it on the DHT.
	PublishIPNS(ctx context.Context, name string, record []byte) (IPNSPublished, error)
	Look()
	// Retry starts over with the releases of a product that were given up, after
	// whatever kept them from being installed was mended; the zero ProductID
	// stands for every product.
	Retry(product verify.ProductID) error
	// ResetChain gives up what was accepted of the chain for a product, so that the
	// next quorum is believed although it contradicts it; the zero ProductID
	// stands for every product.
	ResetChain(ctx context.Context, product verify.ProductID) error
	// Revoke puts a newer revocation list of the node's private swarm into force.
	Revoke(list []byte) error
	// Collect removes what may go, or with dryRun only plans it.
	Collect(ctx context.Context, dryRun bool) (gc.Plan, error)
	// SetLimits applies a change and returns the limits that are set now.
	SetLimits(change LimitsChange) (Limits, error)
	// Busy begins, renews or ends a lease, and returns what holds then.
	Busy(lease Busy) (PoliteStatus, error)
	// Consent takes the owner's answer; ErrConsent if nobody waits for it.
	Consent(ctx context.Context, answer Consent) (ConsentStatus, error)
	// Fleet is what this seed counts of cameras; ErrNotCounted if it counts none.
	Fleet() (beacon.Statement, error)
	// Events are what happens, for those who listen.
	Events() *Events
}

// Server serves the control API on a unix socket.
type Server struct {
	path     string
	backend  Backend
	gatherer prometheus.Gatherer // nil: no /metrics
	log      *slog.Logger
}

// NewServer makes a server of the node behind backend on the socket path. gatherer
// may be nil: then there is no /metrics.
func NewServer(path string, backend Backend, gatherer prometheus.Gatherer, log *slog.Logger) *Server {
	return &Server{path: path, backend: backend, gatherer: gatherer, log: log}
}

// Run serves until ctx ends, then lets replies under way finish for a moment,
// removes the socket and waits for every handler.
func (c *Server) Run(ctx context.Context) error {
	listener, err := listenControl(c.path)
	if err != nil {
		return err
	}
	mine, err := os.Lstat(c.path)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if now, err := os.Lstat(c.path); err == nil && os.SameFile(mine, now) {
			_ = os.Remove(c.path)
		}
	}()

	return c.serve(ctx, listener)
}

// serve is Run on a listener, which it closes.
func (c *Server) serve(ctx context.Context, listener net.Listener) error {
	err := web.Serve(ctx, listener, c.handler(), web.Limits{
		Conns: maxControlConns, HeaderBytes: maxControlHeader,
		HeaderTimeout: controlHeaderTimeout, IdleTimeout: controlIdleTimeout, StopTimeout: controlStopTimeout,
	}, c.log)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// CheckPath refuses a path that is too long for a unix socket, and says what to do.
func CheckPath(path string) error {
	if len(path) <= maxSocketPath-socketTempExtra {
		return nil
	}
	return fmt.Errorf("control socket: the path %s is too long for a unix socket (%d bytes, at most %d); choose a shorter state_dir, or name a short symbolic link to it",
		path, len(path), maxSocketPath-socketTempExtra)
}

// listenControl listens on path with mode 0600. The socket is made in a private
// directory and then moved into place, so that it never exists with another
// mode. One that a dead process left behind is replaced, one that answers is
// not.
func listenControl(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("control socket: %s exists and is no socket; remove it", path)
	default:
		conn, err := net.DialTimeout("unix", path, controlDialTimeout)
		if err == nil {
			_ = conn.Close()
			return nil, fmt.Errorf("%w %s; stop that camswarmd or choose another state_dir", ErrRunning, path)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("control socket: cannot tell whether somebody answers: %w", err)
		}
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".")
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(private) }()
	fresh := filepath.Join(private, "s")
	if len(fresh) > maxSocketPath {
		return nil, fmt.Errorf("control socket: the path %s is too long for a unix socket (%d bytes); choose a shorter state_dir", path, maxSocketPath)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	listener.SetUnlinkOnClose(false) // it goes by another name soon
	err = os.Chmod(fresh, 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), listener.Close())
	}
	return listener, nil
}

// route is one method of one path.
type route struct {
	method string
	limit  int64 // bytes of the request's body
	// streams says that the body is long and read as it is needed: each part of it
	// must come in time, not the whole.
	streams bool
	// quick says that it needs nothing but memory, and always finds a place.
	quick bool
	query []string // the query keys it knows
	serve func(http.ResponseWriter, *http.Request) (reply any, err error)

	// What GET /v1/openapi.json says of it, which a test holds to this table.
	takes string       // media type of the body, "" for none
	body  reflect.Type // of a JSON body
	gives string       // media type of the reply
	reply reflect.Type // of a JSON reply
}

// replies completes a route whose reply is a T in JSON.
func replies[T any](rt route, serve func(*http.Request) (T, error)) route {
	rt.gives, rt.reply = "application/json", reflect.TypeFor[T]()
	rt.serve = func(_ http.ResponseWriter, r *http.Request) (any, error) { return serve(r) }
	return rt
}

// asked completes a route whose request is a B in JSON and whose reply a T. Unknown
// fields, trailing bytes and what validate refuses are the request's fault. Fields that
// the request does not say stay as they are in unsaid.
func asked[B, T any](unsaid B, validate func(*B) error, serve func(*http.Request, B) (T, error)) route {
	rt := route{method: http.MethodPost, limit: maxControlJSON, takes: "application/json", body: reflect.TypeFor[B]()}
	return replies(rt, func(r *http.Request) (reply T, err error) {
		b := unsaid
		if err = strictjson.Decode(r.Body, &b); err == nil {
			err = validate(&b)
		} else {
			err = plainJSON(err)
		}
		if err != nil {
			return reply, badBody(err)
		}
		return serve(r, b)
	})
}

// Done is the reply of requests that have nothing to tell.
type Done struct{}

// openAPI is written by go test -run OpenAPI ./node/control -update.
//
//go:embed openapi.json
var openAPI []byte

func (c *Server) routes() map[string]route {
	get := route{method: http.MethodGet}
	post := func(limit int64, takes string, query ...string) route {
		return route{method: http.MethodPost, limit: limit, takes: takes, query: query}
	}
	provide := post(maxControlProvide, "multipart/form-data")
	provide.streams = true
	routes := map[string]route{
		"/v1/status":      replies(route{method: http.MethodGet, quick: true}, c.status),
		"/v1/peers":       replies(get, c.peers),
		"/v1/releases":    replies(get, c.releases),
		"/v1/fleet":       replies(get, func(*http.Request) (beacon.Statement, error) { return c.backend.Fleet() }),
		"/v1/block":       replies(route{method: http.MethodGet, query: []string{"cid"}}, c.block),
		"/v1/announce":    replies(post(maxControlAnnounce, "application/cbor"), c.announce),
		"/v1/provide":     replies(provide, c.provide),
		"/v1/ipns":        replies(post(maxControlIPNS, "application/vnd.ipfs.ipns-record", "name"), c.publishIPNS),
		"/v1/look":        replies(post(0, ""), c.look),
		"/v1/revoke":      replies(post(member.MaxRevocationsSize, "application/octet-stream"), c.revoke),
		"/v1/retry":       replies(post(0, "", "product"), c.retry),
		"/v1/chain/reset": replies(post(0, "", "product"), c.resetChain),
		"/v1/gc":          replies(post(0, "", "dry_run"), c.collect),
		"/v1/limits":      asked(LimitsChange{}, (*LimitsChange).validate, func(_ *http.Request, b LimitsChange) (Limits, error) { return c.backend.SetLimits(b) }),
		"/v1/busy":        asked(Busy{Seconds: secondsUnsaid}, (*Busy).validate, func(_ *http.Request, b Busy) (PoliteStatus, error) { return c.backend.Busy(b) }),
		"/v1/consent":     asked(Consent{}, (*Consent).validate, func(r *http.Request, b Consent) (ConsentStatus, error) { return c.backend.Consent(r.Context(), b) }),
		"/v1/events":      {method: http.MethodGet, quick: true, query: []string{"kinds"}, gives: "text/event-stream", serve: c.stream},
		"/v1/openapi.json": {method: http.MethodGet, gives: "application/json", serve: func(w http.ResponseWriter, _ *http.Request) (any, error) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(openAPI)
			return nil, nil
		}},
	}
	if c.gatherer != nil {
		metrics := metricsHandler(c.gatherer)
		routes["/metrics"] = route{method: http.MethodGet, gives: "text/plain", serve: func(w http.ResponseWriter, r *http.Request) (any, error) {
			metrics.ServeHTTP(w, r)
			return nil, nil
		}}
	}
	return routes
}

// handler checks the request's outside, runs its route and writes the reply.
func (c *Server) handler() http.Handler {
	routes := c.routes()
	bodies, others := make(chan struct{}, maxControlBodies), make(chan struct{}, maxControlOthers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := http.NewResponseController(w)
		if r.ContentLength != 0 { // net/http waits for what nobody reads of it before it replies
			_ = conn.SetReadDeadline(time.Now().Add(controlBodyTimeout))
		}
		rt, ok := routes[r.URL.Path]
		if !ok {
			c.fail(w, r, &requestError{http.StatusNotFound, fmt.Errorf("no such path: %s", r.URL.Path)})
			return
		}
		if r.Method != rt.method {
			w.Header().Set("Allow", rt.method)
			c.fail(w, r, &requestError{http.StatusMethodNotAllowed, fmt.Errorf("%s takes %s, not %s", r.URL.Path, rt.method, r.Method)})
			return
		}
		if err := checkQuery(r.URL.RawQuery, rt.query); err != nil {
			c.fail(w, r, err)
			return
		}
		if r.ContentLength > rt.limit {
			c.fail(w, r, &http.MaxBytesError{Limit: rt.limit})
			return
		}
		places := others
		if rt.limit > 0 && r.ContentLength != 0 {
			places = bodies
		}
		if !rt.quick {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			default:
				// What is left of the body is not waited for either.
				_ = conn.SetReadDeadline(time.Now().Add(time.Second))
				w.Header().Set("Connection", "close")
				c.fail(w, r, &requestError{http.StatusServiceUnavailable, errors.New("the node is busy with other requests; try again")})
				return
			}
		}
		body := &timely{ReadCloser: r.Body, conn: conn}
		if !rt.streams {
			body.until = time.Now().Add(controlBodyTimeout)
		}
		r.Body = http.MaxBytesReader(w, body, rt.limit)
		_ = conn.SetWriteDeadline(time.Time{}) // of the connection's last reply
		if rt.reply == nil && !rt.quick {      // it writes as it goes
			_ = conn.SetWriteDeadline(time.Now().Add(controlReplyTimeout))
		}
		reply, err := rt.serve(w, r)
		if r.ContentLength != 0 && !body.ended {
			_ = conn.SetReadDeadline(time.Now().Add(controlBodyTimeout))
		}
		if !rt.quick || reply != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(controlReplyTimeout))
		}
		switch {
		case err != nil:
			c.fail(w, r, err)
		case reply != nil:
			writeJSON(w, http.StatusOK, reply)
		}
	})
}

// timely is the body of a request that has to come in time. Who sends a part and
// then nothing must not keep a connection for good.
type timely struct {
	io.ReadCloser
	conn  *http.ResponseController
	until time.Time // for the whole body; zero: each read has controlBodyTimeout
	ended bool      // nothing more is to come
}

// Read reads within the time. At the end it takes the deadline off, which would
// otherwise end the request while its reply is being made.
func (t *timely) Read(b []byte) (int, error) {
	until := t.until
	if until.IsZero() {
		until = time.Now().Add(controlBodyTimeout)
	}
	_ = t.conn.SetReadDeadline(until) // connections that have none are tests' own
	n, err := t.ReadCloser.Read(b)
	t.ended = err != nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &requestError{http.StatusRequestTimeout, fmt.Errorf("nothing more of it came within %v", controlBodyTimeout)}
	case err != nil || t.until.IsZero():
		_ = t.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (c *Server) status(*http.Request) (Status, error) { return c.backend.Status(), nil }

func (c *Server) peers(*http.Request) ([]PeerStatus, error) {
	return emptyNotNull(c.backend.Peers()), nil
}

func (c *Server) releases(*http.Request) ([]HeldRelease, error) {
	held, err := c.backend.Releases()
	return emptyNotNull(held), err
}

func (c *Server) block(r *http.Request) ([]byte, error) {
	id, err := cid.Decode(r.URL.Query().Get("cid"))
	if err != nil {
		return nil, &requestError{http.StatusBadRequest, fmt.Errorf("cid: %w", err)}
	}
	ctx, cancel := context.WithTimeout(r.Context(), controlBlockTimeout)
	defer cancel()
	block, err := c.backend.Block(ctx, id)
	if errors.Is(err, filestore.ErrBadFile) {
		err = &requestError{http.StatusBadRequest, err}
	}
	return block, err
}

func (c *Server) announce(r *http.Request) (Done, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return Done{}, badBody(err)
	}
	a, err := announce.Decode(data)
	if err != nil {
		return Done{}, badBody(err)
	}
	return Done{}, c.backend.Announce(r.Context(), *a)
}

func (c *Server) provide(r *http.Request) (out Provided, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return out, &requestError{http.StatusUnsupportedMediaType, errors.New("provide takes multipart/form-data with the parts \"envelope\" and \"image\"")}
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return out, badBody(err)
	}
	part, err := parts.NextRawPart()
	if err != nil {
		return out, badBody(err)
	}
	if part.FormName() != "envelope" {
		return out, badBody(fmt.Errorf("the first part is %q; send \"envelope\"", part.FormName()))
	}
	envelope, err := io.ReadAll(io.LimitReader(part, verify.MaxEnvelopeSize+1))
	if err != nil {
		return out, badBody(err)
	}
	if len(envelope) > verify.MaxEnvelopeSize {
		return out, &http.MaxBytesError{Limit: verify.MaxEnvelopeSize}
	}
	if part, err = parts.NextRawPart(); err != nil {
		return out, badBody(err)
	}
	if part.FormName() != "image" {
		return out, badBody(fmt.Errorf("the second part is %q; send \"image\"", part.FormName()))
	}
	return c.backend.Provide(r.Context(), envelope, bodyReader{part})
}

// bodyReader marks what breaks while a request's body is read as that body's fault.
type bodyReader struct{ io.Reader }

func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = badBody(err)
	}
	return n, err
}

func (c *Server) publishIPNS(r *http.Request) (out IPNSPublished, err error) {
	record, err := io.ReadAll(r.Body)
	if err != nil {
		return out, badBody(err)
	}
	out, err = c.backend.PublishIPNS(r.Context(), r.URL.Query().Get("name"), record)
	if errors.Is(err, p2p.ErrIPNS) {
		err = &requestError{http.StatusBadRequest, err}
	}
	return out, err
}

func (c *Server) look(*http.Request) (Done, error) {
	c.backend.Look()
	return Done{}, nil
}

func (c *Server) revoke(r *http.Request) (Done, error) {
	list, err := io.ReadAll(r.Body)
	if err != nil {
		return Done{}, badBody(err)
	}
	if err := c.backend.Revoke(list); err != nil {
		return Done{}, &requestError{http.StatusBadRequest, err}
	}
	return Done{}, nil
}

func (c *Server) retry(r *http.Request) (Done, error) {
	product, err := queryProduct(r)
	if err != nil {
		return Done{}, err
	}
	return Done{}, c.backend.Retry(product)
}

func (c *Server) resetChain(r *http.Request) (Done, error) {
	product, err := queryProduct(r)
	if err != nil {
		return Done{}, err
	}
	return Done{}, c.backend.ResetChain(r.Context(), product)
}

// queryProduct reads the optional product of a query; zero: none.
func queryProduct(r *http.Request) (product verify.ProductID, err error) {
	if r.URL.Query().Has("product") {
		if err := product.UnmarshalText([]byte(r.URL.Query().Get("product"))); err != nil {
			return verify.ProductID{}, &requestError{http.StatusBadRequest, err}
		}
	}
	return product, nil
}

func (c *Server) collect(r *http.Request) (out GCReport, err error) {
	dryRun := false
	if s := r.URL.Query().Get("dry_run"); s != "" {
		if dryRun, err = strconv.ParseBool(s); err != nil {
			return out, &requestError{http.StatusBadRequest, fmt.Errorf("dry_run is %q; write true or false", s)}
		}
	}
	plan, err := c.backend.Collect(r.Context(), dryRun)
	if err != nil && !(dryRun && errors.Is(err, gc.ErrNoSpace)) {
		return out, err
	}
	return gcReport(plan, dryRun), nil
}

// checkQuery refuses query keys that are not known, and any that stands twice.
func checkQuery(raw string, known []string) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return &requestError{http.StatusBadRequest, err}
	}
	for key, v := range values {
		if !slices.Contains(known, key) || len(v) != 1 {
			return &requestError{http.StatusBadRequest, fmt.Errorf("query key %q is unknown or stands twice; known: %q", key, known)}
		}
	}
	return nil
}

// requestError is a request that is wrong in itself.
type requestError struct {
	status int
	err    error
}

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// plainJSON words what a decoder of JSON finds wrong for who wrote the request.
func plainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case err == io.EOF:
		return &requestError{http.StatusBadRequest, errors.New("the body is empty; see /v1/openapi.json")}
	case err == io.ErrUnexpectedEOF:
		return errors.New("it ends in the middle")
	case !errors.As(err, &wrong):
		return err
	}
	want := "another value"
	switch t := wrong.Type; {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), t.Kind() == reflect.String:
		want = "a string"
	case t.Kind() == reflect.Bool:
		want = "true or false"
	case t.Kind() == reflect.Struct:
		want = "an object"
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		want = "a whole number, not below 0,"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		want = "a whole number"
	}
	if wrong.Field == "" {
		return fmt.Errorf("%s is wanted", want)
	}
	return fmt.Errorf("%s: %s is wanted", wrong.Field, want)
}

// badBody marks an error as the fault of the request's body.
func badBody(err error) error {
	var tooLong *http.MaxBytesError
	var known *requestError
	if errors.As(err, &tooLong) || errors.As(err, &known) {
		return err
	}
	return &requestError{http.StatusBadRequest, fmt.Errorf("request body: %w", err)}
}

// statusOf maps an error to an HTTP status code.
func statusOf(err error) int {
	var (
		request *requestError
		tooLong *http.MaxBytesError
		refusal *verify.Error
	)
	switch {
	case errors.As(err, &request):
		return request.status
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, gc.ErrNoSpace), gc.IsFull(err):
		return http.StatusInsufficientStorage
	case errors.Is(err, ErrUnknownProduct), errors.Is(err, ErrUnknownName), errors.Is(err, ErrNotCounted):
		return http.StatusNotFound
	case errors.Is(err, ErrConsent), errors.Is(err, ErrLeases):
		return http.StatusConflict
	case errors.Is(err, ErrWrongLimit):
		return http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	case errors.As(err, &refusal):
		if verify.IsHard(err) {
			return http.StatusUnprocessableEntity
		}
		return http.StatusConflict // it may become right later
	default:
		return http.StatusInternalServerError
	}
}

// errorReply is the body of every reply with a status of 400 or more.
type errorReply struct {
	Error  string `json:"error"`
	Attack string `json:"attack,omitempty"`
}

func (c *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		c.log.Warn("control request failed", "method", r.Method, "path", r.URL.Path, "status", status, "err", err)
	}
	text := err.Error()
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		text = fmt.Sprintf("the request is over its limit of %d bytes", tooLong.Limit)
	}
	writeJSON(w, status, errorReply{Error: strings.ToValidUTF8(text, "?"), Attack: verify.AttackName(err)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the reply could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}

// emptyNotNull makes a nil list encode as [].
func emptyNotNull[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
