package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/announce"
	"camswarm/announce/beacon"
	"camswarm/gc"
	"camswarm/node/strictjson"
	"camswarm/swarm"
	"camswarm/swarm/units"
	"camswarm/verify"
)

// desk is a small Backend that notes what it was asked.
type desk struct {
	counts crypto.PrivKey // nil: no fleet is counted

	revoked  []byte
	mu       sync.Mutex
	err      error // what every request that can fail answers
	looks    int
	retried  []verify.ProductID
	reset    []verify.ProductID
	heard    []announce.Announcement
	envelope []byte
	image    []byte
	record   []byte // of IPNS
	collects []bool // dryRun of each
	limits   Limits
	leases   []Busy
	answers  []Consent
	events   *Events
	provide  func(ctx context.Context, image io.Reader) error // instead of reading the image
}

func (d *desk) Fleet() (beacon.Statement, error) {
	if d.counts == nil {
		return beacon.Statement{}, ErrNotCounted
	}
	return beacon.Fleet{Reports: []beacon.Report{{Name: "acme.example/cam-1", Cameras: 1, Rows: []beacon.Row{{State: beacon.StateHeld, Release: 2, Cameras: 1}}}}}.Sign(d.counts)
}

func (d *desk) Status() Status {
	return Status{
		PeerID: "12D3Koo", DID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Role: "camera", UptimeSeconds: 7, ListenAddrs: []string{"/ip4/127.0.0.1/tcp/1"},
		StartedAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		Products: []ProductStatus{{
			ID: verify.ProductID{1}, Name: "acme.example/cam-1", Region: "eu",
			Chain:     ChainStatus{Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}}, Rev: 3, Quorum: "ok", Endpoints: []EndpointStatus{}},
			Installed: &InstalledStatus{Sequence: 1, Version: "1.0", Confirmed: true},
			Target:    &TargetStatus{Sequence: 2, State: StateFetching, Reason: "eligible", Progress: &Progress{Blocks: 3, TotalBlocks: 9}},
			Held:      []HeldRelease{{Product: verify.ProductID{1}, Sequence: 1, State: StateConfirmed, Bytes: 4096}},
		}},
		Alarms: []Alarm{},
	}
}

func (d *desk) Peers() []PeerStatus { return nil }

func (d *desk) Releases() ([]HeldRelease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	return []HeldRelease{{Product: verify.ProductID{1}, Sequence: 4, Version: "1.4", State: StateVerified, Bytes: 99}}, nil
}

func (d *desk) Block(_ context.Context, c cid.Cid) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []byte("block " + c.String()), d.err
}

func (d *desk) Announce(_ context.Context, a announce.Announcement) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, a)
	return d.err
}

func (d *desk) Provide(ctx context.Context, envelope []byte, image io.Reader) (Provided, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.provide != nil {
		return Provided{}, d.provide(ctx, image)
	}
	if d.err != nil {
		return Provided{}, d.err
	}
	data, err := io.ReadAll(image)
	if err != nil {
		return Provided{}, err
	}
	d.envelope, d.image = envelope, data
	return Provided{Product: verify.ProductID{1}, Sequence: 5, Version: "1.5", ImageBytes: uint64(len(data)), State: StateFetched}, nil
}

func (d *desk) PublishIPNS(_ context.Context, name string, record []byte) (IPNSPublished, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.record = record
	return IPNSPublished{Name: name, Release: 3}, d.err
}

func (d *desk) Look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks++
}

func (d *desk) ResetChain(_ context.Context, product verify.ProductID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reset = append(d.reset, product)
	return d.err
}

func (d *desk) Revoke(list []byte) error { d.revoked = list; return nil }

func (d *desk) Retry(product verify.ProductID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retried = append(d.retried, product)
	return d.err
}

func (d *desk) Collect(_ context.Context, dryRun bool) (gc.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.collects = append(d.collects, dryRun)
	item := gc.Item{Product: verify.ProductID{1}, Sequence: 1, Bytes: 6}
	return gc.Plan{Decisions: []gc.Decision{{Item: item, Remove: true, Reason: gc.RemoveStale}}, BytesBefore: 6}, d.err
}

func (d *desk) SetLimits(change LimitsChange) (Limits, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if change.UploadLimit != nil {
		d.limits.UploadLimit = *change.UploadLimit
	}
	if change.DownloadLimit != nil {
		d.limits.DownloadLimit = *change.DownloadLimit
	}
	if change.Mode != nil {
		d.limits.Mode = *change.Mode
	}
	return d.limits, d.err
}

func (d *desk) Busy(lease Busy) (PoliteStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leases = append(d.leases, lease)
	return PoliteStatus{Serves: "nobody", Fetches: "all", Reasons: []string{"busy"}, Busy: []Lease{{Holder: lease.Holder, Seconds: lease.Seconds}}}, d.err
}

func (d *desk) Consent(_ context.Context, answer Consent) (ConsentStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers = append(d.answers, answer)
	return ConsentStatus{State: string(answer.Answer)}, d.err
}

func (d *desk) Events() *Events {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.events == nil {
		d.events = NewEvents()
	}
	return d.events
}

// serveControl runs a control server until the test ends and returns a client.
func serveControl(t *testing.T, path string, backend Backend) *Client {
	t.Helper()
	reg := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "camswarm_test_total", Help: "A test."})
	reg.MustRegister(counter)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- NewServer(path, backend, reg, slog.New(slog.DiscardHandler)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("control server: %v", err)
		}
	})
	for {
		client, err := Dial(path)
		if err == nil {
			t.Cleanup(client.Close)
			return client
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("control server ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

func controlPath(t *testing.T) string { return filepath.Join(t.TempDir(), SocketName) }

func TestControlCarriesEveryRequest(t *testing.T) {
	d := &desk{limits: Limits{Mode: swarm.ModeShare}}
	c := serveControl(t, controlPath(t), d)
	ctx := t.Context()

	status, err := c.Status(ctx)
	fatal(t, err)
	if want := d.Status(); !reflect.DeepEqual(status, want) {
		t.Errorf("status\n%+v, want\n%+v", status, want)
	}
	if peers, err := c.Peers(ctx); err != nil || peers == nil || len(peers) != 0 {
		t.Errorf("peers %v (%v), want an empty list", peers, err)
	}
	if held, err := c.Releases(ctx); err != nil || len(held) != 1 || held[0].State != StateVerified || held[0].Bytes != 99 {
		t.Errorf("releases %+v (%v)", held, err)
	}

	digest := verify.RawCID([32]byte{7})
	if b, err := c.Block(ctx, digest); err != nil || string(b) != "block "+digest.String() {
		t.Errorf("block %q (%v)", b, err)
	}
	said := announce.Announcement{Product: verify.ProductID{1}, Sequence: 5, Rev: 9, Block: 100, Envelope: []byte("envelope")}
	fatal(t, c.Announce(ctx, said))
	if len(d.heard) != 1 || !reflect.DeepEqual(d.heard[0], said) {
		t.Errorf("the node heard %+v, want %+v", d.heard, said)
	}

	image := firmwareBytes(5, 3_000_000)
	envelope := []byte("--boundary-like\r\n\r\nenvelope\x00bytes")
	got, err := c.Provide(ctx, envelope, bytes.NewReader(image), int64(len(image)))
	fatal(t, err)
	if !bytes.Equal(d.envelope, envelope) || !bytes.Equal(d.image, image) {
		t.Errorf("the node was given %d and %d bytes, not the envelope and the image", len(d.envelope), len(d.image))
	}
	if got.Sequence != 5 || got.Version != "1.5" || got.State != StateFetched || got.ImageBytes != uint64(len(image)) {
		t.Errorf("provided %+v", got)
	}

	published, err := c.PublishIPNS(ctx, "k51/name?", []byte("record"))
	if err != nil || published.Name != "k51/name?" || published.Release != 3 || string(d.record) != "record" {
		t.Errorf("IPNS record %q published: %+v, %v", d.record, published, err)
	}
	fatal(t, c.Look(ctx))
	if d.looks != 1 {
		t.Errorf("the node looked %d times", d.looks)
	}
	fatal(t, c.Retry(ctx, verify.ProductID{}), c.Retry(ctx, verify.ProductID{7}), c.Revoke(ctx, []byte("a list")))
	if string(d.revoked) != "a list" {
		t.Errorf("the node was handed the list %q", d.revoked)
	}
	if !reflect.DeepEqual(d.retried, []verify.ProductID{{}, {7}}) {
		t.Errorf("the node was told to retry %v", d.retried)
	}
	fatal(t, c.ResetChain(ctx, verify.ProductID{}), c.ResetChain(ctx, verify.ProductID{7}))
	if !reflect.DeepEqual(d.reset, []verify.ProductID{{}, {7}}) {
		t.Errorf("the node was told to reset %v", d.reset)
	}
	for _, dryRun := range []bool{true, false} {
		report, err := c.GC(ctx, dryRun)
		fatal(t, err)
		if report.DryRun != dryRun || report.BytesBefore != 6 || len(report.Releases) != 1 || report.Releases[0].Reason != gc.RemoveStale {
			t.Errorf("collection: %+v", report)
		}
	}
	if !reflect.DeepEqual(d.collects, []bool{true, false}) {
		t.Errorf("the node collected with dry run %v", d.collects)
	}

	up, mode := units.Rate(64_000), swarm.ModeLeech
	limits, err := c.SetLimits(ctx, LimitsChange{UploadLimit: &up})
	if want := (Limits{UploadLimit: 64_000, Mode: swarm.ModeShare}); err != nil || limits != want {
		t.Errorf("limits %+v (%v), want %+v", limits, err, want)
	}
	if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/limits", "application/json", strings.NewReader(`{"downloadLimit":"16Mbit/s"}`)); status != http.StatusOK || d.limits.DownloadLimit != 2_000_000 {
		t.Errorf("a limit with its unit: %d, %+v", status, d.limits)
	}
	d.limits.DownloadLimit = 0
	limits, err = c.SetLimits(ctx, LimitsChange{Mode: &mode})
	if want := (Limits{UploadLimit: 64_000, Mode: swarm.ModeLeech}); err != nil || limits != want {
		t.Errorf("limits %+v (%v), want %+v", limits, err, want)
	}

	lease, err := c.Busy(ctx, Busy{Seconds: 30, Holder: "rtsp", Inhibit: true})
	if err != nil || lease.Serves != "nobody" || len(d.leases) != 1 || d.leases[0] != (Busy{Seconds: 30, Holder: "rtsp", Inhibit: true}) {
		t.Errorf("busy: %+v (%v), asked for %+v", lease, err, d.leases)
	}
	word := Consent{Product: verify.ProductID{1}, Sequence: 2, Answer: AnswerLater, Seconds: 3600}
	given, err := c.Consent(ctx, word)
	if err != nil || given.State != "later" || len(d.answers) != 1 || d.answers[0] != word {
		t.Errorf("consent: %+v (%v), said %+v", given, err, d.answers)
	}

	if _, err := c.Fleet(ctx); err == nil || !strings.Contains(err.Error(), "beacons.count") {
		t.Errorf("a fleet that nobody counts: %v", err)
	}
	d.counts, _, err = crypto.GenerateEd25519Key(rand.Reader)
	fatal(t, err)
	if f, err := c.Fleet(ctx); err != nil || len(f.Reports) != 1 || f.Reports[0].Cameras != 1 || f.Reports[0].Rows[0].State != beacon.StateHeld {
		t.Errorf("fleet %+v (%v)", f, err)
	}

	metrics, err := c.Metrics(ctx)
	if err != nil || !strings.Contains(string(metrics), "camswarm_test_total 0") {
		t.Errorf("metrics %q (%v)", metrics, err)
	}
}

func TestControlSocketIsPrivateAndGoesWithTheNode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, SocketName)
	t.Run("running", func(t *testing.T) {
		serveControl(t, path, &desk{})
		info, err := os.Lstat(path)
		fatal(t, err)
		if info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("mode %v, want a socket with 0600", info.Mode())
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the state directory holds %v (%v), want only the socket", entries, err)
		}
	})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the state directory holds %v (%v) after the node ended", entries, err)
	}
}

func TestControlReplacesTheSocketOfADeadProcess(t *testing.T) {
	path := controlPath(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	fatal(t, err)
	dead.SetUnlinkOnClose(false)
	fatal(t, dead.Close())
	if _, err := Dial(path); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "is camswarmd running?") {
		t.Errorf("dialling a dead socket: %v", err)
	}
	_, err = serveControl(t, path, &desk{}).Status(t.Context())
	fatal(t, err)
}

func TestControlRefusesTheSocketOfALivingProcess(t *testing.T) {
	path := controlPath(t)
	first := serveControl(t, path, &desk{})
	err := NewServer(path, &desk{}, nil, slog.New(slog.DiscardHandler)).Run(t.Context())
	if !errors.Is(err, ErrRunning) {
		t.Errorf("error %v, want ErrRunning", err)
	}
	if _, err := first.Status(t.Context()); err != nil {
		t.Errorf("the first node no longer answers: %v", err)
	}
	if _, err := Dial(path); err != nil {
		t.Errorf("the first node's socket is gone: %v", err)
	}
}

func TestControlTouchesNothingThatIsNoSocket(t *testing.T) {
	path := controlPath(t)
	fatal(t, os.WriteFile(path, []byte("precious"), 0o600))
	if err := NewServer(path, &desk{}, nil, slog.New(slog.DiscardHandler)).Run(t.Context()); err == nil {
		t.Error("a file was taken for a socket")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "precious" {
		t.Errorf("the file holds %q now (%v)", data, err)
	}

	long := filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath), SocketName)
	fatal(t, os.Mkdir(filepath.Dir(long), 0o700))
	if err := NewServer(long, &desk{}, nil, slog.New(slog.DiscardHandler)).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "shorter state_dir") {
		t.Errorf("a path too long: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(long)); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
	if _, err := Dial(long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("dialling a path too long: %v", err)
	}
}

func TestClientSaysThatNobodyIsThere(t *testing.T) {
	path := controlPath(t)
	_, err := Dial(path)
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "is camswarmd running?") {
		t.Errorf("error %v", err)
	}
}

// rawRequest sends a request that the Client would not.
func rawRequest(t *testing.T, c *Client, method, path, kind string, b io.Reader) (int, http.Header, errorReply) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://camswarmd"+path, b)
	fatal(t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := c.http.Do(req)
	fatal(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	fatal(t, err)
	var reply errorReply
	if resp.StatusCode >= 400 {
		if err := json.Unmarshal(data, &reply); err != nil || reply.Error == "" {
			t.Errorf("%s %s: %d with the body %q, want an error in JSON", method, path, resp.StatusCode, data)
		}
	}
	return resp.StatusCode, resp.Header, reply
}

func TestControlRefusesWhatItDoesNotKnow(t *testing.T) {
	d := &desk{}
	c := serveControl(t, controlPath(t), d)
	for path, rt := range NewServer("", d, prometheus.NewRegistry(), nil).routes() {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "BREW"} {
			if method == rt.method {
				continue
			}
			if status, header, _ := rawRequest(t, c, method, path, "", nil); status != http.StatusMethodNotAllowed || header.Get("Allow") != rt.method {
				t.Errorf("%s %s: %d, allowed %q", method, path, status, header.Get("Allow"))
			}
		}
		if status, _, _ := rawRequest(t, c, rt.method, path+"?colour=red", "", nil); status != http.StatusBadRequest {
			t.Errorf("%s %s with an unknown query: %d", rt.method, path, status)
		}
		if status, _, _ := rawRequest(t, c, rt.method, path+"/", "", nil); status != http.StatusNotFound {
			t.Errorf("%s %s/: %d", rt.method, path, status)
		}
	}
	for _, path := range []string{"/", "/v1", "/v2/status", "/v1/../v1/status", "//v1/status"} {
		if status, _, _ := rawRequest(t, c, http.MethodGet, path, "", nil); status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	for _, query := range []string{"dry_run=perhaps", "dry_run=true&dry_run=false", "dry_run=%zz"} {
		if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/gc?"+query, "", nil); status != http.StatusBadRequest {
			t.Errorf("gc with %s: %d", query, status)
		}
	}
	for _, query := range []string{"product=", "product=7", "product=" + strings.Repeat("x", 64), "product=%zz"} {
		for _, path := range []string{"/v1/retry?", "/v1/chain/reset?"} {
			if status, _, _ := rawRequest(t, c, http.MethodPost, path+query, "", nil); status != http.StatusBadRequest {
				t.Errorf("%s%s: %d", path, query, status)
			}
		}
	}
	for _, body := range []string{"", "null", "{}", "[]", `{"uploadLimit":-1}`, `{"uploadLimit":1.5}`, `{"uploadLimit":"1Mb"}`, `{"uploadLimit":"2MB"}`, `{"uploadLimit":null}`, `{"mode":"SHARE"}`,
		`{"mode":""}`, `{"uploadLimit":1,"colour":"red"}`, `{"uploadLimit":1} {}`, `{"uploadLimit":1}x`, `{"uploadLimit":99999999999999999999}`} {
		if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/limits", "application/json", strings.NewReader(body)); status != http.StatusBadRequest {
			t.Errorf("limits %s: %d", body, status)
		}
	}
	if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/announce", "", strings.NewReader("no announcement")); status != http.StatusBadRequest {
		t.Errorf("announce: %d", status)
	}
	form := func(parts ...string) string {
		var b strings.Builder
		for _, p := range parts {
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\nbytes\r\n", p)
		}
		return b.String() + "--x--\r\n"
	}
	for _, body := range []string{"", form(), form("envelope"), form("image", "envelope"), form("envelope", "envelope")} {
		if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/provide", "multipart/form-data; boundary=x", strings.NewReader(body)); status != http.StatusBadRequest {
			t.Errorf("provide %q: %d", body, status)
		}
	}
	if status, _, _ := rawRequest(t, c, http.MethodPost, "/v1/provide", "application/json", strings.NewReader("{}")); status != http.StatusUnsupportedMediaType {
		t.Errorf("provide in JSON: %d", status)
	}
	if d.image != nil || d.heard != nil || d.collects != nil || d.looks != 0 || d.retried != nil || d.reset != nil || d.limits != (Limits{}) {
		t.Errorf("something came through: %+v", d)
	}
}

// endless_data through the control socket.
func TestControlRefusesBodiesOverTheirLimit(t *testing.T) {
	d := &desk{}
	c := serveControl(t, controlPath(t), d)
	zeros := func(n int64) io.Reader { return io.LimitReader(zeroes{}, n) }
	tests := []struct {
		name, path, kind string
		body             io.Reader
	}{
		{"status takes no body", "/v1/look", "", bytes.NewReader([]byte{1})},
		{"limits, length told", "/v1/limits", "", bytes.NewReader(make([]byte, maxControlJSON+1))},
		{"limits, length not told", "/v1/limits", "", io.MultiReader(strings.NewReader(`{"mode":"`), zeros(1<<20))},
		{"announcement, length told", "/v1/announce", "", bytes.NewReader(make([]byte, maxControlAnnounce+1))},
		{"announcement without end", "/v1/announce", "", zeroes{}},
		{"envelope without end", "/v1/provide", "multipart/form-data; boundary=x",
			io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"envelope\"\r\n\r\n"), zeroes{})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, _, reply := rawRequest(t, c, http.MethodPost, tt.path, tt.kind, tt.body)
			if status != http.StatusRequestEntityTooLarge || !strings.Contains(reply.Error, "over its limit") {
				t.Errorf("%d %q", status, reply.Error)
			}
		})
	}
	if d.image != nil || d.heard != nil || d.looks != 0 {
		t.Errorf("something came through: %+v", d)
	}
}

// zeroes never ends. The strings around it are valid text, so that a decoder
// does not stop at it for another reason.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestErrorsHaveTheRightStatus(t *testing.T) {
	d := &desk{}
	c := serveControl(t, controlPath(t), d)
	for _, tt := range []struct {
		err    error
		status int
		attack string
	}{
		{&verify.Error{Attack: "arbitrary_installation", Hard: true, Err: errors.New("no")}, http.StatusUnprocessableEntity, "arbitrary_installation"},
		{fmt.Errorf("wrapped: %w", &verify.Error{Attack: "gossip_before_chain", Err: errors.New("not yet")}), http.StatusConflict, "gossip_before_chain"},
		{fmt.Errorf("%w: 5 bytes", gc.ErrNoSpace), http.StatusInsufficientStorage, ""},
		{&fs.PathError{Op: "write", Path: "image", Err: syscall.ENOSPC}, http.StatusInsufficientStorage, ""},
		{fmt.Errorf("%w: x", ErrUnknownProduct), http.StatusNotFound, ""},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, ""},
		{errors.New("something broke"), http.StatusInternalServerError, ""},
	} {
		d.mu.Lock()
		d.err = tt.err
		d.mu.Unlock()
		err := c.Announce(t.Context(), announce.Announcement{Product: verify.ProductID{1}, Rev: 1})
		var got *Error
		if !errors.As(err, &got) || got.Status != tt.status || got.Attack != tt.attack || got.Message != tt.err.Error() {
			t.Errorf("%v became %#v, want status %d and attack %q", tt.err, err, tt.status, tt.attack)
		}
	}

	// A dry run that would fall short is an answer, not a failure.
	d.mu.Lock()
	d.err = fmt.Errorf("%w: 5 bytes", gc.ErrNoSpace)
	d.mu.Unlock()
	if _, err := c.GC(t.Context(), true); err != nil {
		t.Errorf("dry run: %v", err)
	}
	if _, err := c.GC(t.Context(), false); err == nil {
		t.Error("a collection that falls short succeeded")
	}
}

// A release that is refused before its image was read is refused with the
// node's words, not with a broken pipe.
func TestProvideTellsTheReasonOfAnEarlyRefusal(t *testing.T) {
	refusal := &verify.Error{Attack: "gossip_before_chain", Err: errors.New("release 5 is not on chain yet")}
	c := serveControl(t, controlPath(t), &desk{err: refusal})
	_, err := c.Provide(t.Context(), []byte("envelope"), zeroes{}, 64<<20)
	var got *Error
	if !errors.As(err, &got) || got.Status != http.StatusConflict || got.Message != refusal.Error() {
		t.Errorf("error %v, want %v", err, refusal)
	}
}

func TestProvideOfAnImageThatEndsEarly(t *testing.T) {
	seen := make(chan error, 1)
	c := serveControl(t, controlPath(t), &desk{provide: func(_ context.Context, image io.Reader) error {
		_, err := io.Copy(io.Discard, image)
		seen <- err
		return err
	}})
	_, err := c.Provide(t.Context(), []byte("envelope"), strings.NewReader("short"), 1_000_000)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "999995 bytes early") {
		t.Errorf("the client: %v", err)
	}
	if err := <-seen; err == nil {
		t.Error("the node took the short image for a whole one")
	}
	for _, size := range []int64{-1, verify.MaxImageSize + 1} {
		if _, err := c.Provide(t.Context(), nil, zeroes{}, size); err == nil {
			t.Errorf("a size of %d was taken", size)
		}
	}
}

// Run does not return while a handler runs, and a handler that waits is told to
// stop.
func TestControlWaitsForItsHandlers(t *testing.T) {
	path := controlPath(t)
	entered, release, left := make(chan struct{}), make(chan struct{}), false
	d := &desk{provide: func(ctx context.Context, _ io.Reader) error {
		close(entered)
		<-ctx.Done()
		<-release   // longer than the server is patient with its connections
		left = true // the race detector sees it if Run does not wait
		return ctx.Err()
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- NewServer(path, d, nil, slog.New(slog.DiscardHandler)).Run(ctx) }()
	var c *Client
	for c == nil {
		c, _ = Dial(path)
		time.Sleep(time.Millisecond)
	}
	defer c.Close()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Provide(t.Context(), []byte("envelope"), strings.NewReader("image"), 5)
		answered <- err
	}()
	<-entered
	cancel()
	if err := <-answered; err == nil { // the connection is closed by now
		t.Error("the cut-off request succeeded")
	}
	close(release)
	fatal(t, <-ended)
	if !left {
		t.Error("Run returned while a handler ran")
	}
}

// What is wrong with a request is said in words that help who wrote it, and nothing
// reaches the node.
func TestRequestsAreRefusedInPlainWords(t *testing.T) {
	id := verify.ProductID{1}.String()
	for _, tc := range []struct{ path, body, says string }{
		{"/v1/busy", `null`, "seconds is missing: write 1 to 600, or 0 to end the lease"},
		{"/v1/busy", `{}`, "seconds is missing"},
		{"/v1/busy", `{"seconds":null}`, "seconds is missing"},
		{"/v1/busy", `{"holder":"rtsp"}`, "seconds is missing"},
		{"/v1/busy", `{"seconds":-1}`, "seconds is -1"},
		{"/v1/busy", `{"seconds":"30"}`, "request body: seconds: a whole number is wanted"},
		{"/v1/busy", `{"seconds":1.5}`, "seconds: a whole number is wanted"},
		{"/v1/busy", `{"seconds":1,"inhibit":1}`, "inhibit: true or false is wanted"},
		{"/v1/busy", `{"seconds":1,"holder":1}`, "holder: a string is wanted"},
		{"/v1/busy", `[]`, "request body: an object is wanted"},
		{"/v1/busy", ``, "the body is empty; see /v1/openapi.json"},
		{"/v1/busy", " \n", "the body is empty"},
		{"/v1/busy", `{"seconds":1`, "request body: it ends in the middle"},
		{"/v1/consent", `{"sequence":1,"answer":"now"}`, "product is missing: it is products[].id of /v1/status"},
		{"/v1/consent", `{"product":7,"sequence":1,"answer":"now"}`, "product: a string is wanted"},
		{"/v1/consent", `{"product":"` + id + `","sequence":-1,"answer":"now"}`, "sequence: a whole number, not below 0, is wanted"},
		{"/v1/consent", `{"product":"` + id + `","answer":"now"}`, "sequence is missing"},
		{"/v1/limits", ``, "the body is empty"},
	} {
		d := &desk{}
		w := httptest.NewRecorder()
		NewServer("", d, nil, slog.New(slog.DiscardHandler)).handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, tc.path, strings.NewReader(tc.body)))
		var reply errorReply
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || w.Code != http.StatusBadRequest || !strings.Contains(reply.Error, tc.says) {
			t.Errorf("%s %s: %d %s, want %q", tc.path, tc.body, w.Code, w.Body, tc.says)
		}
		if len(d.leases)+len(d.answers) > 0 {
			t.Errorf("%s %s reached the node", tc.path, tc.body)
		}
	}
	d := &desk{}
	w := httptest.NewRecorder()
	NewServer("", d, nil, slog.New(slog.DiscardHandler)).handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/busy", strings.NewReader(`{"seconds":0}`)))
	if w.Code != http.StatusOK || len(d.leases) != 1 || d.leases[0] != (Busy{}) {
		t.Errorf("the end of a lease: %d %s, %+v", w.Code, w.Body, d.leases)
	}
}

// FuzzControlRequest: whatever is sent to whatever path, the reply is one of the
// documented ones and a change of limits is within bounds.
func FuzzControlRequest(f *testing.F) {
	f.Add("POST", "/v1/limits", "", "application/json", []byte(`{"uploadLimit":64000,"mode":"leech"}`))
	f.Add("POST", "/v1/limits", "", "application/json", []byte(`{"uploadLimit":-1}`))
	f.Add("POST", "/v1/limits", "", "application/json", []byte(`{"quietHours":"07:00-23:00","quietMode":"lan-only","metered":true,"keep":true,"reset":true}`))
	f.Add("POST", "/v1/busy", "", "application/json", []byte(`{"seconds":30,"holder":"rtsp","inhibit":true}`))
	f.Add("POST", "/v1/consent", "", "application/json", []byte(`{"product":"0100000000000000000000000000000000000000000000000000000000000000","sequence":2,"answer":"later","seconds":3600}`))
	f.Add("GET", "/v1/events", "kinds=verified,limits", "", []byte(nil))
	f.Add("POST", "/v1/gc", "dry_run=true", "", []byte(nil))
	f.Add("GET", "/v1/status", "", "", []byte(nil))
	provide := "--x\r\nContent-Disposition: form-data; name=\"envelope\"\r\n\r\ne\r\n--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\ni"
	f.Add("POST", "/v1/provide", "", "multipart/form-data; boundary=x", []byte(provide+"\r\n--x--\r\n"))
	f.Add("POST", "/v1/provide", "", "multipart/form-data; boundary=x", []byte(provide)) // it ends in its image
	encoded, err := (&announce.Announcement{Product: verify.ProductID{1}, Sequence: 1, Rev: 1, Envelope: []byte("e")}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("POST", "/v1/announce", "", "application/cbor", encoded)
	f.Fuzz(func(t *testing.T, method, path, query, kind string, body []byte) {
		d := &desk{}
		h := NewServer("", d, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)).handler()
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"Content-Type": {kind}},
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		if path == "/v1/events" {
			cancel() // it would go on
		}
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
		for _, l := range d.leases {
			if l.Seconds < 0 || l.Seconds > MaxLeaseSeconds || len(l.Holder) > maxHolder {
				t.Errorf("lease %+v", l)
			}
		}
		for _, a := range d.answers {
			if a.validate() != nil {
				t.Errorf("answer %+v", a)
			}
		}
		switch w.Code {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			var reply errorReply
			if err := strictjson.Decode(w.Body, &reply); err != nil || reply.Error == "" {
				t.Errorf("%d with the body %q", w.Code, w.Body)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		if d.limits.UploadLimit < 0 || d.limits.DownloadLimit < 0 {
			t.Errorf("limits %+v", d.limits)
		}
	})
}

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// firmwareBytes makes size bytes that differ by release.
func firmwareBytes(sequence uint64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ byte(sequence)
	}
	return b
}

func TestStatesAreWords(t *testing.T) {
	for i := range 256 {
		s := State(i)
		text, err := s.MarshalText()
		fatal(t, err)
		if strings.ContainsFunc(string(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
			t.Errorf("state %d is %q", i, text)
		}
		var back State
		if err := back.UnmarshalText(text); err != nil || back != s && string(text) != "unknown" {
			t.Errorf("%q became state %d, %v", text, back, err)
		}
	}
}
