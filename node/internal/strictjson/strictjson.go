package strictjson

import (
	"encoding/json"
	"errors"
	"io"
)

// Decode decodes exactly one JSON value without unknown fields.
func Decode(r io.Reader, v any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes follow the JSON value")
	}
	return nil
}
