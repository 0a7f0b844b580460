package devchain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

// Limits of IoTeX's gateways, and one of our own.
const (
	iotexLogRange   = 2000    // blocks that one eth_getLogs may span
	iotexBatch      = 100     // requests in one batch
	iotexConcurrent = 100     // HTTP requests at a time
	iotexRetryAfter = "1"     // seconds; what a gateway asks those to wait whom it turns away
	maxRequest      = 5 << 20 // bytes of one HTTP request
	maxFilters      = 1024    // filters that are remembered
)

// iotex answers JSON-RPC over HTTP as the gateways of iotex-core do where they
// differ from Ethereum's servers, from the chain behind it:
//
//   - the tags safe and finalized are refused in eth_getBlockByNumber and
//     eth_getLogs; elsewhere they mean latest, since blocks are final at once
//   - eth_getProof does not exist, and a block's hash, roots and bloom are not
//     those of an Ethereum header
//   - eth_getLogs: block 0 is the tip, a range over 2000 blocks is refused, an end
//     beyond the log index is clamped without a word, blockHash is ignored
//   - a filter's id is a hash of the filter, so that clients share it, and what one
//     has polled the other never sees
//   - the state at older blocks is refused
//   - addresses have the 0x form only
//   - over 100 requests at a time are turned away with HTTP 429, batches of over
//     100 are refused
//
// WebSocket is not imitated.
type iotex struct {
	rpc  *rpc.Client   // to the chain, in this process
	lag  atomic.Uint64 // blocks by which the log index is behind the head
	busy atomic.Int64  // HTTP requests under way

	mu      sync.Mutex
	hashes  map[string]string  // Ethereum's hash of a block, by the one we answer
	filters map[string]*filter // by id
}

// filter is one of eth_newFilter, shared by all who made it.
type filter struct {
	query map[string]json.RawMessage
	next  uint64 // first block that nobody has polled
}

func newIoTeX(server *rpc.Server) *iotex {
	return &iotex{rpc: rpc.DialInProc(server), hashes: map[string]string{}, filters: map[string]*filter{}}
}

type request struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type reply struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *replyError     `json:"error,omitempty"`
}

type replyError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *replyError) Error() string  { return e.Message }
func (e *replyError) ErrorCode() int { return e.Code }

// refuse makes an error; 3 is gRPC's InvalidArgument, which the gateways pass on.
func refuse(code int, format string, args ...any) error {
	return &replyError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (x *iotex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer x.busy.Add(-1)
	if x.busy.Add(1) > iotexConcurrent {
		w.Header().Set("Retry-After", iotexRetryAfter)
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var one request
	var batch []request
	switch {
	case json.Unmarshal(body, &one) == nil:
		_ = json.NewEncoder(w).Encode(x.serve(r.Context(), one))
	case json.Unmarshal(body, &batch) != nil:
		_ = json.NewEncoder(w).Encode(failed(json.RawMessage("null"), refuse(-32700, "parse error")))
	case len(batch) > iotexBatch:
		_ = json.NewEncoder(w).Encode(failed(json.RawMessage("null"), refuse(-32600, "batch of %d requests is over the limit of %d", len(batch), iotexBatch)))
	default:
		replies := make([]reply, len(batch))
		for i, q := range batch {
			replies[i] = x.serve(r.Context(), q)
		}
		_ = json.NewEncoder(w).Encode(replies)
	}
}

func failed(id json.RawMessage, err error) reply {
	e := &replyError{Code: -32603, Message: err.Error()}
	var coded rpc.Error
	if errors.As(err, &coded) {
		e.Code = coded.ErrorCode()
	}
	var withData rpc.DataError
	if errors.As(err, &withData) {
		e.Data = withData.ErrorData()
	}
	return reply{Version: "2.0", ID: id, Error: e}
}

func (x *iotex) serve(ctx context.Context, q request) reply {
	result, err := x.answer(ctx, q.Method, q.Params)
	if err == nil {
		result, err = x.disguise(result)
	}
	if err != nil {
		return failed(q.ID, err)
	}
	return reply{Version: "2.0", ID: q.ID, Result: result}
}

// blockArgument says, by method, which argument names the block whose state is read.
var blockArgument = map[string]int{
	"eth_call": 1, "eth_estimateGas": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_getStorageAt": 2,
}

func (x *iotex) answer(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	for _, p := range params {
		if bytes.Contains(p, []byte(`"io1`)) {
			return nil, refuse(3, "invalid address: only the 0x form is understood")
		}
	}
	params = slices.Clone(params)
	switch method {
	case "eth_getProof":
		return nil, refuse(-32601, "the method eth_getProof does not exist/is not available")
	case "eth_getBlockByNumber":
		if len(params) > 0 && finalTag(params[0]) {
			return nil, refuse(-32602, "invalid block tag %s", params[0])
		}
	case "eth_getBlockByHash":
		if len(params) > 0 {
			var hash string
			_ = json.Unmarshal(params[0], &hash)
			x.mu.Lock()
			if ours, ok := x.hashes[hash]; ok {
				params[0] = text(ours)
			}
			x.mu.Unlock()
		}
	case "eth_getLogs":
		if len(params) != 1 {
			return nil, refuse(-32602, "one filter is needed")
		}
		var query map[string]json.RawMessage
		if err := json.Unmarshal(params[0], &query); err != nil {
			return nil, refuse(-32602, "filter: %v", err)
		}
		return x.logs(ctx, query)
	case "eth_newFilter", "eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter":
		return x.filter(ctx, method, params)
	case "eth_newBlockFilter", "eth_newPendingTransactionFilter":
		return nil, refuse(-32601, "the method %s is not imitated", method)
	}
	if at, ok := blockArgument[method]; ok && len(params) > at {
		tag, err := x.latest(ctx, params[at])
		if err != nil {
			return nil, err
		}
		params[at] = tag
	}
	return x.ask(ctx, method, params...)
}

func (x *iotex) ask(ctx context.Context, method string, params ...json.RawMessage) (json.RawMessage, error) {
	args := make([]any, len(params))
	for i, p := range params {
		args[i] = p
	}
	var result json.RawMessage
	err := x.rpc.CallContext(ctx, &result, method, args...)
	return result, err
}

func finalTag(tag json.RawMessage) bool {
	return string(tag) == `"safe"` || string(tag) == `"finalized"`
}

func text(s string) json.RawMessage { return json.RawMessage(`"` + s + `"`) }

// head returns the number of the newest block.
func (x *iotex) head(ctx context.Context) (uint64, error) {
	var n hexutil.Uint64
	err := x.rpc.CallContext(ctx, &n, "eth_blockNumber")
	return uint64(n), err
}

// latest refuses the state of older blocks.
func (x *iotex) latest(ctx context.Context, tag json.RawMessage) (json.RawMessage, error) {
	switch string(tag) {
	case `"latest"`, `"pending"`, "null":
		return tag, nil
	case `"safe"`, `"finalized"`:
		return text("latest"), nil
	}
	var n hexutil.Uint64
	head, err := x.head(ctx)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(tag, &n) != nil || uint64(n) < head {
		return nil, refuse(5, "state at block %s is not available: this is no archive node", tag)
	}
	return tag, nil
}

// logs is eth_getLogs.
func (x *iotex) logs(ctx context.Context, query map[string]json.RawMessage) (json.RawMessage, error) {
	head, err := x.head(ctx)
	if err != nil {
		return nil, err
	}
	number := func(name string) (uint64, error) {
		tag := query[name]
		var n hexutil.Uint64
		switch {
		case tag == nil, string(tag) == `"latest"`, string(tag) == `"pending"`, string(tag) == "null":
			return head, nil
		case finalTag(tag):
			return 0, refuse(-32602, "invalid block tag %s", tag)
		case string(tag) == `"earliest"`:
			return 1, nil
		case json.Unmarshal(tag, &n) != nil:
			return 0, refuse(-32602, "%s: invalid block number %s", name, tag)
		case n == 0:
			return head, nil
		}
		return uint64(n), nil
	}
	from, err := number("fromBlock")
	if err != nil {
		return nil, err
	}
	to, err := number("toBlock")
	if err != nil {
		return nil, err
	}
	if to >= from && to-from >= iotexLogRange {
		return nil, refuse(3, "block range of %d is over the limit of %d", to-from+1, iotexLogRange)
	}
	to = min(to, head-min(x.lag.Load(), head))
	if from > to {
		return json.RawMessage("[]"), nil
	}
	inner := map[string]json.RawMessage{"fromBlock": text(hexutil.EncodeUint64(from)), "toBlock": text(hexutil.EncodeUint64(to))}
	for _, name := range []string{"address", "topics"} {
		if query[name] != nil {
			inner[name] = query[name]
		}
	}
	arg, err := json.Marshal(inner)
	if err != nil {
		return nil, err
	}
	return x.ask(ctx, "eth_getLogs", arg)
}

func (x *iotex) filter(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	if len(params) != 1 {
		return nil, refuse(-32602, "one argument is needed")
	}
	head, err := x.head(ctx)
	if err != nil {
		return nil, err
	}
	if method == "eth_newFilter" {
		var query map[string]json.RawMessage
		if err := json.Unmarshal(params[0], &query); err != nil {
			return nil, refuse(-32602, "filter: %v", err)
		}
		sum := sha256.Sum256(params[0])
		id := hexutil.Encode(sum[:])
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.filters[id] == nil {
			if len(x.filters) == maxFilters {
				clear(x.filters)
			}
			x.filters[id] = &filter{query, head + 1}
		}
		return text(id), nil
	}
	var id string
	_ = json.Unmarshal(params[0], &id)
	x.mu.Lock()
	f := x.filters[id]
	if f == nil {
		x.mu.Unlock()
		return nil, refuse(5, "filter %s not found", id)
	}
	from := f.next
	switch method {
	case "eth_uninstallFilter":
		delete(x.filters, id)
	case "eth_getFilterChanges":
		f.next = head + 1
	}
	x.mu.Unlock()
	switch {
	case method == "eth_uninstallFilter":
		return json.RawMessage("true"), nil
	case method == "eth_getFilterLogs":
		return x.logs(ctx, f.query)
	case from > head:
		return json.RawMessage("[]"), nil
	}
	query := map[string]json.RawMessage{"fromBlock": text(hexutil.EncodeUint64(from)), "toBlock": text(hexutil.EncodeUint64(head))}
	for _, name := range []string{"address", "topics"} {
		query[name] = f.query[name]
	}
	return x.logs(ctx, query)
}

// disguise replaces what follows from Ethereum's form of a header.
func (x *iotex) disguise(result json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(result, []byte(`Hash"`)) {
		return result, nil
	}
	dec := json.NewDecoder(bytes.NewReader(result))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	x.walk(value)
	return json.Marshal(value)
}

func (x *iotex) walk(value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			x.walk(e)
		}
	case map[string]any:
		_, isBlock := v["parentHash"]
		for name, member := range v {
			s, ok := member.(string)
			switch {
			case !ok:
				x.walk(member)
			case name == "blockHash", name == "parentHash", isBlock && name == "hash":
				v[name] = x.hash(s)
			case isBlock && strings.HasSuffix(name, "Root"):
				v[name] = hexutil.Encode(make([]byte, 32))
			case isBlock && name == "logsBloom":
				v[name] = hexutil.Encode(bytes.Repeat([]byte{0xff}, 256))
			}
		}
	}
}

// hash returns the hash that we answer for a block.
func (x *iotex) hash(ours string) string {
	sum := sha256.Sum256([]byte("iotex block " + ours))
	theirs := hexutil.Encode(sum[:])
	x.mu.Lock()
	x.hashes[theirs] = ours
	x.mu.Unlock()
	return theirs
}
