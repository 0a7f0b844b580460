package introduce

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func id(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }

func key(s string) (k Key) {
	copy(k[:], s)
	return k
}

func info(i int, addrs ...string) (out peer.AddrInfo) {
	out.ID = id(i)
	for _, a := range addrs {
		out.Addrs = append(out.Addrs, ma.StringCast(a))
	}
	return out
}

// Golden bytes hold FORMAT.md to the code.
func TestMessagesOnTheWire(t *testing.T) {
	ask := Ask{NAT: NATPunchable, Seeds: 1, Want: 16, Keys: []Key{key("product")}, Of: []Key{key("image")},
		Addrs: []ma.Multiaddr{ma.StringCast("/ip4/192.0.2.1/tcp/4417")}}
	if got := hex.EncodeToString(ask.Encode()); got != "020110"+"01"+"70726f64756374000000000000000000"+"01"+"696d6167650000000000000000000000"+"01"+"08"+"04c0000201"+"061141" {
		t.Errorf("an ask is %s", got)
	}
	answer := Answer{Full: true, After: 90 * time.Second, Peers: []peer.AddrInfo{info(1, "/ip4/192.0.2.1/tcp/4417")}}
	if got := hex.EncodeToString(answer.Encode()); got != "010000005a"+"00"+"01"+"0a00083030303030303031"+"01"+"08"+"04c0000201"+"061141" {
		t.Errorf("an answer is %s", got)
	}
	if got, err := DecodeAsk(ask.Encode()); err != nil || !reflect.DeepEqual(got, ask) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := DecodeAnswer(answer.Encode()); err != nil || !reflect.DeepEqual(got, answer) {
		t.Errorf("%+v, %v", got, err)
	}
}

// endless_data: a message has a size, whatever goes into it.
func TestThreatEndlessData_Introductions(t *testing.T) {
	long := "/dns4/" + strings.Repeat("a.", 80) + "example/tcp/1"
	many := []string{long, long, long, long, long, long, long}
	a := Answer{After: 250 * 365 * 24 * time.Hour}
	for i := range 100 {
		a.Peers, a.Seeds = append(a.Peers, info(i, many...)), append(a.Seeds, info(i, many...))
	}
	b := a.Encode()
	if len(b) > MaxAnswerBytes {
		t.Errorf("%d bytes", len(b))
	}
	got, err := DecodeAnswer(b)
	if err != nil || len(got.Seeds) != MaxSeeds || len(got.Peers) == 0 || len(got.Peers) > MaxPeers || len(got.Peers[0].Addrs) != MaxAddrs {
		t.Errorf("%d seeds, %d peers, %v", len(got.Seeds), len(got.Peers), err)
	}
	a = Answer{}
	for i := range 100 {
		a.Peers, a.Seeds = append(a.Peers, info(i, "/ip4/192.0.2.1/tcp/1")), append(a.Seeds, info(i, "/ip4/192.0.2.1/tcp/1"))
	}
	if got, err := DecodeAnswer(a.Encode()); err != nil || len(got.Seeds) != 4 || len(got.Peers) != 16 { // FORMAT.md
		t.Errorf("%d seeds, %d peers, %v", len(got.Seeds), len(got.Peers), err)
	}
	ask := Ask{Seeds: 1 << 20, Want: 1 << 20, Keys: make([]Key, 1000), Of: make([]Key, 1000), Addrs: info(1, many...).Addrs}
	if b = ask.Encode(); len(b) > MaxAskBytes {
		t.Errorf("an ask of %d bytes", len(b))
	}
	if got, err := DecodeAsk(b); err != nil || got.Want != MaxPeers || len(got.Keys) != MaxKeys || len(got.Addrs) != MaxAddrs {
		t.Errorf("%d keys, %d addresses, %v", len(got.Keys), len(got.Addrs), err)
	}
	one := append([]byte{0, 0, 0, 0, 0, 0, 1}, encodeInfo(info(1, "/ip4/192.0.2.1/tcp/1"))...)
	for what, bad := range map[string][]byte{
		"nothing":             {},
		"a flag":              append([]byte{2}, one[1:]...),
		"bytes after the end": append(bytes.Clone(one), 0),
		"short":               one[:len(one)-1],
		"17 peers":            append([]byte{0, 0, 0, 0, 0, 0, 17}, bytes.Repeat(one[7:], 17)...),
		"5 seeds":             append(append([]byte{0, 0, 0, 0, 0, 5}, bytes.Repeat(one[7:], 5)...), 0),
		"no address":          {0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0},
		"no peer id":          {0, 0, 0, 0, 0, 0, 1, 0, 1, 8, 4, 192, 0, 2, 1, 6, 0, 1},
		"huge":                bytes.Repeat(one, 1000),
	} {
		if a, err := DecodeAnswer(bad); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
	}
	for what, bad := range map[string][]byte{
		"nothing": {}, "a NAT that is none": {9, 0, 0, 0, 0, 0}, "17 wanted": {0, 0, 17, 0, 0, 0}, "no addresses": {0, 0, 0, 0, 0},
		"7 addresses": append([]byte{0, 0, 0, 0, 0, 7}, bytes.Repeat([]byte{8, 4, 192, 0, 2, 1, 6, 0, 1}, 7)...), "an address that is none": {0, 0, 0, 0, 0, 1, 1, 0xff},
		"65 keys": append([]byte{0, 0, 0, 65}, make([]byte, 65*KeyBytes+2)...), "more": {0, 0, 0, 0, 0, 0, 0},
	} {
		if a, err := DecodeAsk(bad); !errors.Is(err, ErrMessage) {
			t.Errorf("ask, %s: %+v, %v", what, a, err)
		}
	}
}

func FuzzAsk(f *testing.F) {
	f.Add(Ask{NAT: NATNone, Want: 3, Keys: []Key{key("a"), key("b")}}.Encode())
	f.Add([]byte{0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := DecodeAsk(b); err == nil && !bytes.Equal(a.Encode(), b) {
			t.Errorf("%x becomes %x", b, a.Encode())
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(Answer{Full: true, After: time.Minute, Seeds: []peer.AddrInfo{info(1, "/ip4/192.0.2.1/tcp/1")}}.Encode())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeAnswer(b)
		if err != nil {
			return
		}
		again, err := DecodeAnswer(a.Encode())
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%+v becomes %+v, %v", a, again, err)
		}
	})
}
