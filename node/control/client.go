package control

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/ipfs/go-cid"

	"camswarm/announce"
	"camswarm/announce/beacon"
	"camswarm/verify"
)

// ErrNotRunning means that nobody answers a control socket.
var ErrNotRunning = errors.New("camswarmd does not answer")

// Error is a node's refusal of a request.
type Error struct {
	Status  int    // HTTP status code, see SocketName
	Message string // for people
	Attack  string // the name of the attack that it was refused as, or ""
}

func (e *Error) Error() string { return e.Message }

// Client talks to a running node through its control socket. It is safe for
// concurrent use. How long a call takes is bounded by its context alone.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client of the node whose control socket is path, which is
// [SocketName] in its state directory. It makes sure that somebody answers;
// the error wraps [ErrNotRunning] if not.
func Dial(path string) (*Client, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		if len(path) > maxSocketPath {
			return nil, fmt.Errorf("the path %s is too long for a unix socket (%d bytes)", path, maxSocketPath)
		}
		conn, err := (&net.Dialer{Timeout: controlDialTimeout}).DialContext(ctx, "unix", path)
		return conn, explainDial(path, err)
	}
	conn, err := dial(context.Background())
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	return &Client{path: path, http: &http.Client{
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			DisableCompression: true,
			MaxIdleConns:       2,
			IdleConnTimeout:    controlIdleTimeout / 2, // before the server's
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// explainDial says what to do about a socket that cannot be reached.
func explainDial(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no socket %s: is camswarmd running? start it, or name its state directory", ErrNotRunning, path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody listens on %s: is camswarmd running? it left the socket behind; start it again", ErrNotRunning, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w: run as the user that camswarmd runs as, or as root", path, err)
	default:
		return fmt.Errorf("control socket: %w", err)
	}
}

// Close drops kept connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status returns what the node tells about itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Peers returns the connected peers.
func (c *Client) Peers(ctx context.Context) ([]PeerStatus, error) {
	return call[[]PeerStatus](ctx, c, http.MethodGet, "/v1/peers", nil)
}

// Releases returns the releases with bytes on the node's disk.
func (c *Client) Releases(ctx context.Context) ([]HeldRelease, error) {
	return call[[]HeldRelease](ctx, c, http.MethodGet, "/v1/releases", nil)
}

// Fleet returns what a seed counts of cameras, and checks its signature.
func (c *Client) Fleet(ctx context.Context) (beacon.Fleet, error) {
	raw, err := call[json.RawMessage](ctx, c, http.MethodGet, "/v1/fleet", nil)
	if err != nil {
		return beacon.Fleet{}, err
	}
	return beacon.OpenStatement(raw)
}

// Block gets one block of at most 64 KiB, such as a DID document, from the
// node's peers. The node keeps nothing of it and vouches only for its hash.
func (c *Client) Block(ctx context.Context, id cid.Cid) ([]byte, error) {
	return call[[]byte](ctx, c, http.MethodGet, "/v1/block?"+url.Values{"cid": {id.String()}}.Encode(), nil)
}

// Announce makes the node check and publish an announcement.
func (c *Client) Announce(ctx context.Context, a announce.Announcement) error {
	data, err := a.Encode()
	if err != nil {
		return err
	}
	_, err = call[struct{}](ctx, c, http.MethodPost, "/v1/announce", &body{
		r: bytes.NewReader(data), size: int64(len(data)), kind: "application/cbor",
	})
	return err
}

// Provide hands a release to the node: the encoded envelope, and size bytes of
// image. The node checks both as if they came from the swarm, waiting for the
// chain to get there within ctx, and serves them from then on.
func (c *Client) Provide(ctx context.Context, envelope []byte, image io.Reader, size int64) (Provided, error) {
	if size < 0 || size > verify.MaxImageSize {
		return Provided{}, fmt.Errorf("image of %d bytes: the limit is %d", size, verify.MaxImageSize)
	}
	// The framing is written without the image, then cut where the image goes.
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	part, err := form.CreateFormField("envelope")
	if err == nil {
		_, err = part.Write(envelope)
	}
	if err == nil {
		_, err = form.CreateFormField("image")
	}
	cut := frame.Len()
	if err = errors.Join(err, form.Close()); err != nil {
		return Provided{}, err
	}
	return call[Provided](ctx, c, http.MethodPost, "/v1/provide", &body{
		r:    io.MultiReader(bytes.NewReader(frame.Bytes()[:cut]), &exactly{r: image, left: size}, bytes.NewReader(frame.Bytes()[cut:])),
		size: int64(frame.Len()) + size,
		kind: form.FormDataContentType(),
	})
}

// PublishIPNS hands an IPNS record to the node, which checks it against the
// newest release that it holds and keeps it on the DHT until it ends.
func (c *Client) PublishIPNS(ctx context.Context, name string, record []byte) (IPNSPublished, error) {
	return call[IPNSPublished](ctx, c, http.MethodPost, "/v1/ipns?"+url.Values{"name": {name}}.Encode(), &body{
		r: bytes.NewReader(record), size: int64(len(record)), kind: "application/vnd.ipfs.ipns-record",
	})
}

// Look makes the node look at the chain now; it does not wait for the answer.
func (c *Client) Look(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/look", nil)
	return err
}

// Revoke hands a newer revocation list to the node, which puts it into force and
// hands it to the other members of its private swarm.
func (c *Client) Revoke(ctx context.Context, list []byte) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/revoke", &body{
		r: bytes.NewReader(list), size: int64(len(list)), kind: "application/octet-stream",
	})
	return err
}

// Retry makes the node start over with releases that it has given up, of one
// product or, with the zero ProductID, of all.
func (c *Client) Retry(ctx context.Context, product verify.ProductID) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/retry"+ofProduct(product), nil)
	return err
}

// ResetChain makes the node believe the next quorum of chain endpoints even if it
// contradicts what was accepted before, for one product or, with the zero
// ProductID, for all.
func (c *Client) ResetChain(ctx context.Context, product verify.ProductID) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/chain/reset"+ofProduct(product), nil)
	return err
}

// ofProduct is the query that names a product, empty for all.
func ofProduct(product verify.ProductID) string {
	if product == (verify.ProductID{}) {
		return ""
	}
	return "?" + url.Values{"product": {product.String()}}.Encode()
}

// GC makes the node collect, or with dryRun tell what it would.
func (c *Client) GC(ctx context.Context, dryRun bool) (GCReport, error) {
	return call[GCReport](ctx, c, http.MethodPost, "/v1/gc?dry_run="+strconv.FormatBool(dryRun), nil)
}

// SetLimits changes limits until the node stops, or longer with Keep, and returns
// those that are set then.
func (c *Client) SetLimits(ctx context.Context, change LimitsChange) (Limits, error) {
	return ask[Limits](ctx, c, "/v1/limits", change)
}

// Busy asks for the line, renews or ends that, and returns what holds then.
func (c *Client) Busy(ctx context.Context, lease Busy) (PoliteStatus, error) {
	return ask[PoliteStatus](ctx, c, "/v1/busy", lease)
}

// Consent hands over the owner's answer to the release that waits.
func (c *Client) Consent(ctx context.Context, answer Consent) (ConsentStatus, error) {
	return ask[ConsentStatus](ctx, c, "/v1/consent", answer)
}

// Events calls f with each event from now on, or from after the event whose id it
// gives, until ctx ends, f returns an error or the node ends the stream. Without kinds
// it is called with all.
func (c *Client) Events(ctx context.Context, after string, kinds []EventKind, f func(id string, e Event) error) error {
	path := "/v1/events"
	if len(kinds) > 0 {
		words := make([]string, len(kinds))
		for i, k := range kinds {
			words[i] = string(k)
		}
		path += "?" + url.Values{"kinds": {strings.Join(words, ",")}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://camswarmd"+path, nil)
	if err != nil {
		return err
	}
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxControlJSON))
		return cmp.Or(err, refusalOf(resp, path, data))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEventLine)
	id := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "data":
			var e Event
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return fmt.Errorf("an event of the node: %w; are camswarm and camswarmd of one version?", err)
			}
			if err := f(id, e); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// Metrics returns the node's metrics in Prometheus text format.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/metrics", nil)
}

// body is a request's body of known size.
type body struct {
	r    io.Reader
	size int64
	kind string // Content-Type
}

// ask posts a request in JSON.
func ask[T any](ctx context.Context, c *Client, path string, request any) (reply T, err error) {
	data, err := json.Marshal(request)
	if err != nil {
		return reply, err
	}
	return call[T](ctx, c, http.MethodPost, path, &body{r: bytes.NewReader(data), size: int64(len(data)), kind: "application/json"})
}

// call makes a request and decodes its JSON reply. Unknown fields are let
// through: a newer node may tell more. The reply is the owner's own node's, through a
// socket that is its alone, and bounded.
func call[T any](ctx context.Context, c *Client, method, path string, b *body) (reply T, err error) {
	data, err := c.do(ctx, method, path, b)
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return reply, fmt.Errorf("the node's reply to %s: %w; are camswarm and camswarmd of one version?", path, err)
	}
	return reply, nil
}

func (c *Client) do(ctx context.Context, method, path string, b *body) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://camswarmd"+path, nil)
	if err != nil {
		return nil, err
	}
	if b != nil {
		req.Body, req.ContentLength = io.NopCloser(b.r), b.size
		req.Header.Set("Content-Type", b.kind)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxControlReply+1))
	if err != nil {
		return nil, fmt.Errorf("read the node's reply to %s: %w", path, err)
	}
	if len(data) > maxControlReply {
		return nil, fmt.Errorf("the node's reply to %s is over %d bytes", path, maxControlReply)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusalOf(resp, path, data)
	}
	return data, nil
}

// refusalOf is a reply with another status than 200.
func refusalOf(resp *http.Response, path string, data []byte) error {
	refusal := errorReply{}
	if json.Unmarshal(data, &refusal) != nil || refusal.Error == "" {
		refusal.Error = fmt.Sprintf("the node replied to %s with status %s", path, resp.Status)
	}
	return &Error{Status: resp.StatusCode, Message: refusal.Error, Attack: refusal.Attack}
}

// exactly reads left bytes of r: with fewer it fails, more it leaves.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		return n, fmt.Errorf("the image ended %d bytes early: %w", e.left, io.ErrUnexpectedEOF)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
