package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deeply values may be nested; ours are less than ten deep.
const maxDepth = 64

// Decode decodes exactly one JSON value without unknown fields and without an
// object that has a key twice, of which encoding/json would take the last. Keys
// that differ in case alone count as one, as encoding/json matches them. The
// caller bounds what r gives. The error is io.EOF if it gives nothing but blanks, and
// io.ErrUnexpectedEOF if the value ends in the middle.
func Decode(r io.Reader, v any) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := check(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// check walks the tokens of one value.
func check(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := value(dec, 0); err == io.EOF && len(bytes.Trim(data, " \t\r\n")) > 0 {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes follow the JSON value")
	}
	return nil
}

func value(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("JSON is nested more than %d deep", maxDepth)
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ := token.(string)
			if folded := fold(key); seen[folded] {
				return fmt.Errorf("key %q stands twice in a JSON object", key)
			} else {
				seen[folded] = true
			}
		}
		if err := value(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token() // its end
	return err
}

// fold maps keys that encoding/json takes for the same field to one text.
func fold(key string) string { return strings.ToLower(strings.ToUpper(key)) }
