package swarm

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

func haveRoot(b byte) (r [32]byte) {
	for i := range r {
		r[i] = b
	}
	return r
}

func bitsOf(n int, set ...int) plan.Bitset {
	b := plan.NewBitset(n)
	for _, i := range set {
		b.Set(i)
	}
	return b
}

// The wire bytes of HaveProtocol. They do not change without a new version.
func TestHaveGoldenBytes(t *testing.T) {
	r := "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for want, m := range map[string]haveMessage{
		"21" + "01" + r:                               {kind: haveAll},
		"24" + "02" + r + "0b" + "0904":               {kind: haveBitmap, n: 11, bitmap: bitsOf(11, 0, 3, 10)},
		"23" + "02" + r + "01" + "00":                 {kind: haveBitmap, n: 1, bitmap: bitsOf(1)},
		"26" + "03" + r + "03" + "00" + "00" + "fd3f": {kind: haveIndexes, indexes: []int{0, 1, 8191}},
		"25" + "03" + r + "03" + "050003":             {kind: haveIndexes, indexes: []int{5, 6, 10}},
		"21" + "04" + r:                               {kind: haveNone},
		"21" + "05" + r:                               {kind: haveAsk},
		"21" + "06" + r:                               {kind: haveLend},
	} {
		m.root = haveRoot(0xaa)
		got := m.append(nil)
		if hex.EncodeToString(got) != want {
			t.Errorf("%+v encodes to %x, want %s", m, got, want)
		}
		back, err := readHave(bufio.NewReader(bytes.NewReader(got)))
		if err != nil || !bytes.Equal(back.append(nil), got) {
			t.Errorf("%s decodes to %+v, %v", want, back, err)
		}
	}
}

func TestHaveMessagesAreRefusedUnlessCanonical(t *testing.T) {
	r := "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, s := range map[string]string{
		"empty":                     "00",
		"short root":                "20" + "01" + r[2:],
		"unknown kind":              "21" + "07" + r,
		"kind 0":                    "21" + "00" + r,
		"trailing byte":             "22" + "01" + r + "00",
		"no bitmap":                 "21" + "02" + r,
		"bitmap of 0 bits":          "22" + "02" + r + "00",
		"short bitmap":              "23" + "02" + r + "09" + "00",
		"bits beyond the bitmap":    "23" + "02" + r + "03" + "08",
		"bitmap over the limit":     "24" + "02" + r + "8140" + "00",
		"bitmap length not minimal": "24" + "02" + r + "8100" + "01",
		"no indexes":                "22" + "03" + r + "00",
		"fewer indexes than said":   "24" + "03" + r + "03" + "0000",
		"index over the limit":      "24" + "03" + r + "01" + "8040",
		"gap over the limit":        "26" + "03" + r + "02" + "ff3f" + "ff3f",
		"index not minimal":         "24" + "03" + r + "01" + "8000",
		"length over the limit":     "ffff7f" + r,
		"length not minimal":        "a100" + "01" + r,
		"endless length":            "ffffffff",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(name, err)
		}
		if m, err := readHave(bufio.NewReader(bytes.NewReader(b))); !errors.Is(err, ErrBadMessage) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := readHave(bufio.NewReader(bytes.NewReader(nil))); err != io.EOF {
		t.Errorf("end of stream: %v", err)
	}
	if _, err := readHave(bufio.NewReader(bytes.NewReader([]byte{0x21, 1}))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("stream cut in a message: %v", err)
	}
}

func TestLargestHaveMessageFits(t *testing.T) {
	m := haveMessage{kind: haveIndexes}
	for i := 1; i < filestore.MaxBlocks; i++ {
		m.indexes = append(m.indexes, i)
	}
	b := m.append(nil)
	if _, err := readHave(bufio.NewReader(bytes.NewReader(b))); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func FuzzHave(f *testing.F) {
	for _, m := range []haveMessage{
		{kind: haveAll}, {kind: haveNone}, {kind: haveAsk}, {kind: haveLend},
		{kind: haveBitmap, n: 11, bitmap: bitsOf(11, 0, 3, 10)},
		{kind: haveIndexes, indexes: []int{5, 6, 10, 300}},
	} {
		f.Add(m.append(nil))
	}
	f.Add(append((&haveMessage{kind: haveAll}).append(nil), make([]byte, 1<<13)...)) // more behind it than is read ahead
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		r := bufio.NewReader(in)
		m, err := readHave(r)
		if err != nil {
			return
		}
		used := len(b) - r.Buffered() - in.Len()
		if got := m.append(nil); !bytes.Equal(got, b[:used]) {
			t.Errorf("%x decodes to %+v, which encodes to %x", b[:used], m, got)
		}
		for _, i := range m.indexes {
			if i < 0 || i >= filestore.MaxBlocks {
				t.Errorf("index %d", i)
			}
		}
	})
}
