package devchain_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"camswarm/chainwatch/devchain"
	"camswarm/verify"
)

// post sends a body and returns the status and the answer.
func post(t *testing.T, url, body string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// call makes one JSON-RPC call and returns the result, or the error's code.
func call(t *testing.T, url, method, params string) (result json.RawMessage, code int) {
	t.Helper()
	_, body := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":%q,"params":%s}`, method, params))
	var a struct {
		ID     int
		Result json.RawMessage
		Error  *struct{ Code int }
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || a.ID != 7 {
		t.Fatalf("%s: %s, %v", method, body, err)
	}
	if a.Error != nil {
		return nil, a.Error.Code
	}
	return a.Result, 0
}

// Each quirk of IoTeX's gateways is there; the plain chain has none of them.
func TestIoTeXQuirks(t *testing.T) {
	key, addr := newKey(t)
	chain := start(t, devchain.Config{ChainID: 4690, BlockTime: time.Hour, IoTeX: true, Fund: []verify.Address{addr}})
	plain := start(t, devchain.Config{ChainID: 4690, BlockTime: time.Hour, Fund: []verify.Address{addr}})
	for _, c := range []*devchain.Chain{chain, plain} {
		client := dial(t, c.URL())
		for nonce := range uint64(3) {
			transfer(t, client, key, nonce, common.Address{1})
		}
	}
	zero := `"0x0000000000000000000000000000000000000001"`
	for _, tt := range []struct {
		name, method, params string
		code                 int // on IoTeX; 0: answered
	}{
		{"finalized block", "eth_getBlockByNumber", `["finalized",false]`, -32602},
		{"safe block", "eth_getBlockByNumber", `["safe",false]`, -32602},
		{"finalized logs", "eth_getLogs", `[{"fromBlock":"finalized"}]`, -32602},
		{"safe end of logs", "eth_getLogs", `[{"fromBlock":"0x1","toBlock":"safe"}]`, -32602},
		{"call at finalized", "eth_call", `[{"to":` + zero + `},"finalized"]`, 0},
		{"call at safe", "eth_call", `[{"to":` + zero + `},"safe"]`, 0},
		{"call at latest", "eth_call", `[{"to":` + zero + `},"latest"]`, 0},
		{"old state", "eth_call", `[{"to":` + zero + `},"0x1"]`, 5},
		{"old balance", "eth_getBalance", `[` + zero + `,"0x1"]`, 5},
		{"old balance by hash", "eth_getBalance", `[` + zero + `,{"blockNumber":"0x1"}]`, 5},
		{"balance at genesis", "eth_getBalance", `[` + zero + `,"earliest"]`, 5},
		{"balance", "eth_getBalance", `[` + zero + `,"latest"]`, 0},
		{"proof", "eth_getProof", `[` + zero + `,[],"latest"]`, -32601},
		{"range of 2000", "eth_getLogs", `[{"fromBlock":"0x1","toBlock":"0x7d0"}]`, 0},
		{"range of 2001", "eth_getLogs", `[{"fromBlock":"0x1","toBlock":"0x7d1"}]`, 3},
		{"io1 address", "eth_getBalance", `["io1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqd39ym7","latest"]`, 3},
		{"unknown method", "eth_frobnicate", `[]`, -32601},
	} {
		if _, code := call(t, chain.URL(), tt.method, tt.params); code != tt.code {
			t.Errorf("%s: code %d, want %d", tt.name, code, tt.code)
		}
	}

	// Hashes lead to their blocks and are not those of the headers.
	type block struct{ Hash, ParentHash, LogsBloom, StateRoot string }
	var theirs, ours, again block
	raw, _ := call(t, chain.URL(), "eth_getBlockByNumber", `["0x2",false]`)
	_ = json.Unmarshal(raw, &theirs)
	raw, _ = call(t, chain.URL(), "eth_getBlockByHash", `["`+theirs.Hash+`",false]`)
	_ = json.Unmarshal(raw, &again)
	if theirs != again || theirs.Hash == "" || theirs.StateRoot != "0x"+strings.Repeat("0", 64) {
		t.Errorf("block %+v is by its hash %+v", theirs, again)
	}
	header, err := dial(t, chain.URL()).HeaderByNumber(t.Context(), common.Big2)
	if err != nil || header.Hash().Hex() == theirs.Hash {
		t.Errorf("the hash %s is that of the header, %v", theirs.Hash, err)
	}
	raw, _ = call(t, plain.URL(), "eth_getBlockByNumber", `["0x2",false]`)
	_ = json.Unmarshal(raw, &ours)
	if h, err := dial(t, plain.URL()).HeaderByNumber(t.Context(), common.Big2); err != nil || h.Hash().Hex() != ours.Hash {
		t.Errorf("the plain chain's hash %s is not that of its header, %v", ours.Hash, err)
	}

	// A filter belongs to everybody.
	one, _ := call(t, chain.URL(), "eth_newFilter", `[{"address":`+zero+`}]`)
	two, _ := call(t, chain.URL(), "eth_newFilter", `[{"address":`+zero+`}]`)
	if !bytes.Equal(one, two) || len(one) == 0 {
		t.Errorf("filters %s and %s", one, two)
	}
	for _, method := range []string{"eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"} {
		if _, code := call(t, chain.URL(), method, `[`+string(one)+`]`); code != 0 {
			t.Errorf("%s: code %d", method, code)
		}
	}
	if _, code := call(t, chain.URL(), "eth_getFilterChanges", `[`+string(two)+`]`); code == 0 {
		t.Error("one client's uninstalled filter lives on for the other")
	}

	// Batches.
	batch := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]},`, n), ",") + "]"
	}
	if _, body := post(t, chain.URL(), batch(100)); strings.Count(body, `"0x1252"`) != 100 {
		t.Errorf("a batch of 100: %.200s", body)
	}
	if _, body := post(t, chain.URL(), batch(101)); !strings.Contains(body, `"error"`) || strings.Contains(body, "0x1252") {
		t.Errorf("a batch of 101: %.200s", body)
	}
}

// A gateway turns away who comes while it serves a hundred.
func TestIoTeXLimitsConcurrency(t *testing.T) {
	chain := start(t, devchain.Config{IoTeX: true})
	address := strings.TrimPrefix(chain.URL(), "http://")
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		// A server that has asked for the body has taken the request.
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n", address)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	const ask = `{"jsonrpc":"2.0","id":7,"method":"eth_chainId","params":[]}`
	resp, _ := post(t, chain.URL(), ask)
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the hundred-and-first is answered %s", resp.Status)
	}
	for _, c := range held {
		c.Close()
	}
	held = nil
	for resp.StatusCode != http.StatusOK && t.Context().Err() == nil { // the server notices
		time.Sleep(5 * time.Millisecond)
		resp, _ = post(t, chain.URL(), ask)
	}
}
