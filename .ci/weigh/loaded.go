package main

import (
	"bytes"
	"debug/elf"
)

// loaded is how many bytes of a program the loader needs: its size when stripped,
// less the few bytes of section headers.
func loaded(file []byte) (int, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	end := uint64(0)
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			end = max(end, p.Off+p.Filesz)
		}
	}
	return int(end), nil
}
