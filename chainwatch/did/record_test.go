package did

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/verify"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// Artefact returns the ABI and the creation code of one of the committed stand-ins.
func Artefact(t testing.TB, name string) (*abi.ABI, string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "contracts", "DIDRegistries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var artefact struct {
		Contracts map[string]struct {
			ABI json.RawMessage `json:"abi"`
			Bin string          `json:"bin"`
		} `json:"contracts"`
	}
	if err := json.Unmarshal(raw, &artefact); err != nil {
		t.Fatal(err)
	}
	c, ok := artefact.Contracts["DIDRegistries.sol:"+name]
	if !ok {
		t.Fatalf("DIDRegistries.json has no %s", name)
	}
	parsed, err := abi.JSON(bytes.NewReader(c.ABI))
	if err != nil {
		t.Fatal(err)
	}
	return &parsed, c.Bin
}

// didABI returns the ABI of one of the stand-ins for DID registries.
func didABI(t testing.TB, name string) *abi.ABI {
	t.Helper()
	parsed, _ := Artefact(t, name)
	return parsed
}

// The constant selectors and the encoder are those of go-ethereum.
func TestDIDCallDataMatchesTheArtefact(t *testing.T) {
	for _, tt := range []struct{ contract, function, selector string }{
		{"AddressDIDRegistry", "getHash", getHashSelector},
		{"AddressDIDRegistry", "getURI", getURISelector},
		{"AddressDIDRegistry", "getOwner", getOwnerSelector},
		{"IoIDRegistryV1", "exists", existsSelector},
		{"IoIDRegistryV1", "documentHash", documentHashSelector},
		{"IoIDRegistryV1", "documentURI", documentURISelector},
		{"IoIDRegistryV2", "getDIDDocMetadata", metadataSelector},
	} {
		if got := didABI(t, tt.contract).Methods[tt.function].ID; string(got) != tt.selector {
			t.Errorf("%s: selector %x, the artefact says %x", tt.function, tt.selector, got)
		}
	}
	parsed := didABI(t, "AddressDIDRegistry")
	for _, n := range []int{0, 1, 31, 32, 49, 64} {
		text := strings.Repeat("d", n)
		want, err := parsed.Pack("getHash", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := append([]byte(getHashSelector), encodeBytes(text)...); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
	}
}

// FuzzDIDRecord holds the readers of the three kinds to go-ethereum's decoder:
// what passes here is what that reads.
func FuzzDIDRecord(f *testing.F) {
	hash := [32]byte{7}
	v2, err := didABI(f, "IoIDRegistryV2").Methods["getDIDDocMetadata"].Outputs.Pack("https://example.com/did.json", hash)
	if err != nil {
		f.Fatal(err)
	}
	text, err := didABI(f, "IoIDRegistryV1").Methods["documentURI"].Outputs.Pack("ipfs://bafkqaaa")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(2), v2, []byte{}, []byte{})
	f.Add(byte(2), make([]byte, 96), []byte{}, []byte{})
	f.Add(byte(1), common.LeftPadBytes([]byte{1}, 32), hash[:], text)
	f.Add(byte(0), hash[:], text, common.LeftPadBytes(bytes.Repeat([]byte{9}, 20), 32))
	parsed := map[byte]*abi.ABI{0: didABI(f, "AddressDIDRegistry"), 1: didABI(f, "IoIDRegistryV1"), 2: didABI(f, "IoIDRegistryV2")}
	f.Fuzz(func(t *testing.T, kind byte, a, b, c []byte) {
		kind %= 3
		answers := [][]byte{a, b, c}
		asked := map[string][]byte{}
		call := func(data []byte) ([]byte, error) {
			answer := answers[0]
			answers = answers[1:]
			asked[string(data[:4])] = answer
			return answer, nil
		}
		read := []func(func([]byte) ([]byte, error), []byte) (record, error){readV0, readV1, readV2}[kind]
		rec, err := read(call, make([]byte, 32))
		if err != nil {
			if !errors.Is(err, errABI) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if len(rec.uri) > maxAddress {
			t.Fatalf("an address of %d bytes", len(rec.uri))
		}
		if rec.absent {
			if rec != (record{absent: true}) {
				t.Fatalf("absent, and yet %+v", rec)
			}
			return
		}
		for selector, answer := range asked {
			method, err := parsed[kind].MethodById([]byte(selector))
			if err != nil {
				t.Fatal(err)
			}
			values, err := method.Outputs.Unpack(answer)
			if err != nil {
				t.Fatalf("%s: go-ethereum refuses: %v", method.Name, err)
			}
			switch method.Name {
			case "getHash", "documentHash":
				if values[0] != rec.hash {
					t.Fatalf("%s: %x, read %x", method.Name, values[0], rec.hash)
				}
			case "getURI":
				if !bytes.Equal(values[0].([]byte), []byte(rec.uri)) {
					t.Fatalf("%q, read %q", values[0], rec.uri)
				}
			case "documentURI":
				if values[0] != rec.uri {
					t.Fatalf("%q, read %q", values[0], rec.uri)
				}
			case "getOwner":
				if values[0] != common.Address(rec.owner) {
					t.Fatalf("%v, read %s", values[0], rec.owner)
				}
			case "getDIDDocMetadata":
				if values[0] != rec.uri || values[1] != rec.hash {
					t.Fatalf("%v, read %+v", values, rec)
				}
			}
		}
	})
}

// One vote per operator, and need of them for the same.
func TestDecideDID(t *testing.T) {
	good, bad := record{hash: [32]byte{1}, uri: "https://a"}, record{hash: [32]byte{2}, uri: "https://b"}
	say := func(recs ...record) (all []reply) {
		for i, r := range recs {
			all = append(all, reply{Status: chainwatch.EndpointStatus{State: chainwatch.StateOK}, Operator: fmt.Sprint("op", i), Value: r})
		}
		return all
	}
	same := func(answers []reply, operator string) []reply {
		for i := range answers {
			answers[i].Operator = operator
		}
		return answers
	}
	for name, tt := range map[string]struct {
		answers []reply
		need    int
		want    record
		votes   int
		attack  string
	}{
		"all":                     {say(good, good, good, good), 3, good, 4, ""},
		"three of four":           {say(good, bad, good, good), 3, good, 3, ""},
		"two of four":             {say(good, bad, good, bad), 3, record{}, 0, "rpc_no_quorum"},
		"one operator, many URLs": {same(say(good, good, good), "one"), 2, record{}, 0, "rpc_down_all"},
		"contradicts itself":      {append(say(good, good), same(say(bad, good), "two")...), 3, record{}, 0, "rpc_no_quorum"},
		"too few":                 {say(good, good), 3, record{}, 0, "rpc_down_all"},
		"absence needs votes too": {say(good, good, record{absent: true}, good), 3, good, 3, ""},
		"deactivated":             {say(record{absent: true}, record{absent: true}, good, record{absent: true}), 3, record{absent: true}, 3, ""},
		"nobody":                  {nil, 1, record{}, 0, "rpc_down_all"},
	} {
		rec, votes, err := decide(tt.answers, tt.need)
		attack := ""
		if err != nil {
			attack = err.Attack
		}
		if rec != tt.want || votes != tt.votes || attack != tt.attack {
			t.Errorf("%s: %+v with %d votes, %v", name, rec, votes, err)
		}
	}
}

func TestDIDConfig(t *testing.T) {
	for _, id := range []uint64{4689, 4690} {
		c := DefaultConfig(id)
		c.Endpoints = []chainwatch.Endpoint{{URL: "https://a.example", Operator: "a"}}
		if err := c.Validate(); err != nil || c.V1 == "" {
			t.Errorf("chain %d: %v", id, err)
		}
		if a, err := verify.ParseAddress(c.V1); err != nil || a.String() != c.V1 {
			t.Errorf("chain %d: default %q is not in lower case, %v", id, c.V1, err)
		}
	}
	for words, change := range map[string]func(c *Config){
		"no DID registry":  func(c *Config) { c.V1 = "" },
		"both answer":      func(c *Config) { c.V0 = c.V1 },
		"registry":         func(c *Config) { c.V1 = "0x1" },
		"endpoints":        func(c *Config) { c.Endpoints = nil },
		"timeout is":       func(c *Config) { c.Timeout = 0 },
		"document_timeout": func(c *Config) { c.DocumentTimeout = time.Hour },
		"quorum_start":     func(c *Config) { c.QuorumStart = 2 },
	} {
		c := DefaultConfig(4690)
		c.Endpoints = []chainwatch.Endpoint{{URL: "https://a.example", Operator: "a"}}
		change(&c)
		if _, err := NewResolver(c, Options{}); !errors.Is(err, chainwatch.ErrConfig) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
