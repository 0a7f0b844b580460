package chainwatch

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"camswarm/chainwatch/internal/web"
	"camswarm/verify"
)

// Caller makes JSON-RPC calls to one endpoint. Call returns the result, or an
// error; it must return soon after ctx ends. [Dial] makes the real one; tests
// and simulations bring their own.
type Caller interface {
	Call(ctx context.Context, method string, params ...any) (json.RawMessage, error)
}

// RetryError says that an endpoint asked to be left alone for a while.
type RetryError struct {
	After time.Duration // at most 10 minutes; 0: it did not say how long
	Err   error
}

func (e *RetryError) Error() string {
	if e.After == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v (asked to wait %v)", e.Err, e.After)
}

func (e *RetryError) Unwrap() error { return e.Err }

// RPCError is the error member of a JSON-RPC answer: the endpoint understood
// and refused.
type RPCError struct {
	Code    int64
	Message string // web.Printable, at most 200 bytes
}

func (e *RPCError) Error() string { return fmt.Sprintf("JSON-RPC error %d: %s", e.Code, e.Message) }

// client is the hardened JSON-RPC client: JSON-RPC 2.0 over HTTP POST, one call
// at a time. It bounds bytes and time, follows no redirect, accepts no
// compression and takes nothing that is not the answer to its own question.
type client struct {
	url, host string
	http      *http.Client
	id        atomic.Uint64
}

// Dial prepares a Caller for an endpoint. Nothing is connected before the first
// call. The error says what is wrong with the URL.
//
// Errors of calls are [*verify.Error] and never hard; their attack names are
// rpc_unreachable, drop_request (no answer in time), rpc_slow_loris (a body that
// does not end in time), rpc_huge_answer, rpc_rate_limited (with a [*RetryError]
// inside), net_redirect, rpc_malformed, and rpc_refused (with a [*RPCError]
// inside).
func Dial(e Endpoint) (Caller, error) {
	u, err := e.parse()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &client{url: e.URL, host: u.Host, http: web.Client(u.Hostname(), nil)}, nil
}

// CloseIdleConnections lets go of connections that wait for the next call.
func (c *client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func (c *client) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	if params == nil {
		params = []any{}
	}
	id := c.id.Add(1)
	body, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      uint64 `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}{"2.0", id, method, params})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", method, err)
	}
	answer, err := c.post(ctx, body)
	if err != nil {
		return nil, c.named(err)
	}
	result, err := decodeAnswer(answer, id)
	if err != nil {
		return nil, c.named(err)
	}
	return result, nil
}

// named puts the endpoint's host, which holds no credentials, before an error.
func (c *client) named(err error) error {
	var e *verify.Error
	if errors.As(err, &e) {
		return &verify.Error{Attack: e.Attack, Hard: e.Hard, Err: fmt.Errorf("%s: %w", c.host, e.Err)}
	}
	return fmt.Errorf("%s: %w", c.host, err)
}

func (c *client) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, verify.Soft("rpc_unreachable", "%w", web.WithoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.http.Do(req)
	if err != nil {
		err = web.WithoutURL(err)
		if web.TimedOut(err) {
			return nil, verify.Soft("drop_request", "no answer in time; check the endpoint and the network: %w", err)
		}
		return nil, verify.Soft("rpc_unreachable", "cannot reach the endpoint; check its address and the network: %w", err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		err := fmt.Errorf("the endpoint is limiting requests (HTTP %d); look less often or use another one", code)
		return nil, verify.Soft("rpc_rate_limited", "%w", &RetryError{After: retryAfter(resp.Header, time.Now()), Err: err})
	case code >= 300 && code < 400:
		return nil, verify.Soft("net_redirect", "the endpoint redirects (HTTP %d), which is not followed; configure the final address", code)
	case code != http.StatusOK:
		return nil, verify.Soft("rpc_unreachable", "the endpoint answers HTTP %d; check its path and credentials", code)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, verify.Soft("rpc_malformed", "the answer is compressed although that was not asked for")
	}
	if resp.ContentLength > maxAnswer {
		return nil, verify.Soft("rpc_huge_answer", "the answer of %d bytes is over the limit of %d", resp.ContentLength, maxAnswer)
	}
	answer, err := web.ReadBody(ctx, resp.Body, maxAnswer)
	if err != nil {
		err = web.WithoutURL(err)
		if web.TimedOut(err) {
			return nil, verify.Soft("rpc_slow_loris", "the answer did not end in time: %w", err)
		}
		return nil, verify.Soft("rpc_unreachable", "the answer broke off: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, verify.Soft("rpc_huge_answer", "the answer is over the limit of %d bytes", maxAnswer)
	}
	return answer, nil
}

// retryAfter reads the header's seconds or HTTP date (RFC 9110 section 10.2.3).
// A date is compared with the answer's own Date, so that a device without a
// clock is not kept waiting for decades.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(s, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// decodeAnswer takes the result out of a JSON-RPC 2.0 answer to the call with
// this id. Members are matched exactly and at most once; unknown ones, which
// some providers add, are skipped.
func decodeAnswer(b []byte, id uint64) (json.RawMessage, error) {
	malformed := func(format string, args ...any) error {
		return verify.Soft("rpc_malformed", "the endpoint does not speak JSON-RPC 2.0: "+format, args...)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed("the answer is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, malformed("%w", err)
		}
		key, _ := t.(string)
		if _, dup := members[key]; dup {
			return nil, malformed("member %q stands twice", web.Printable(key))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, malformed("%w", err)
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, malformed("%w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, malformed("bytes follow the answer")
	}
	if string(members["jsonrpc"]) != `"2.0"` {
		return nil, malformed("its jsonrpc member is not \"2.0\"")
	}
	result, failure := members["result"], members["error"]
	if string(failure) == "null" {
		failure = nil // JSON-RPC 1 servers send both, one of them null
	}
	if failure != nil && string(result) == "null" {
		result = nil
	}
	if (result == nil) == (failure == nil) {
		return nil, malformed("it must have exactly one of result and error")
	}
	// The id of an error may be null (JSON-RPC 2.0 section 5): the server could
	// not read it. It proves nothing, so an error is all it can be.
	if got := string(members["id"]); got != strconv.FormatUint(id, 10) && (failure == nil || got != "null") {
		return nil, malformed("the answer belongs to another call (id %s, not %d)", web.Printable(got), id)
	}
	if failure == nil {
		return result, nil
	}
	// What else is in the error, or twice, does not matter: it is shown and no more.
	var e struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(failure, &e); err != nil {
		return nil, malformed("its error member is not an error object")
	}
	rpc := &RPCError{Code: e.Code, Message: web.Printable(e.Message)}
	if e.Code == -32005 || e.Code == 429 { // EIP-1474 "limit exceeded"; some providers repeat the HTTP code
		return nil, verify.Soft("rpc_rate_limited", "%w", &RetryError{Err: rpc})
	}
	return nil, verify.Soft("rpc_refused", "%w", rpc)
}

// ParseQuantity reads a quantity out of the result of a [Caller], as JSON-RPC encodes
// it: a JSON string of 0x and hexadecimal digits without leading zeros ("0x0" for zero).
func ParseQuantity(raw json.RawMessage) (uint64, error) {
	digits, err := hexDigits(raw)
	if err != nil {
		return 0, err
	}
	if digits == "" || len(digits) > 16 || digits[0] == '0' && digits != "0" {
		return 0, errors.New("not a hexadecimal quantity of at most 64 bits")
	}
	return strconv.ParseUint(digits, 16, 64) // refuses anything but digits: no sign, no underscore with base 16
}

// parseData reads a JSON string holding bytes: 0x and two digits for each.
func parseData(raw json.RawMessage) ([]byte, error) {
	digits, err := hexDigits(raw)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(digits)
}

func hexDigits(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errors.New("not a JSON string")
	}
	digits, ok := strings.CutPrefix(*s, "0x")
	if !ok {
		return "", errors.New("not hexadecimal: it does not start with 0x")
	}
	return digits, nil
}
