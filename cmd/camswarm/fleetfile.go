package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"camswarm/verify"
)

const (
	maxFleetFile = 1 << 30   // bytes
	maxFleet     = 5_000_000 // cameras
)

// camera is one row of a fleet file.
type camera struct {
	region verify.Region
	verify.Device
}

// fleetColumns are the columns that a fleet file may have, in any order; others are
// left alone, so that an export of an inventory can be used as it is.
var fleetColumns = []string{"did", "region", "label", "installed"}

// readFleetFile reads a fleet file: CSV (RFC 4180) with a header line that names at
// least did. Every error says in which line it is.
func readFleetFile(path string) ([]camera, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	limited := &io.LimitedReader{R: f, N: maxFleetFile}
	cameras, err := parseFleet(limited)
	if err == nil && limited.N == 0 {
		err = fmt.Errorf("longer than %d bytes", maxFleetFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cameras, nil
}

func parseFleet(r io.Reader) ([]camera, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: its first line names the columns, such as did,region,label,installed")
	}
	if err != nil {
		return nil, err
	}
	column := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := column[name]; twice && slices.Contains(fleetColumns, name) {
			return nil, fmt.Errorf("line 1: two columns are named %q", name)
		}
		column[name] = i
	}
	if _, ok := column["did"]; !ok {
		return nil, fmt.Errorf("line 1: no column is named did; the columns that count are %s, separated by commas", strings.Join(fleetColumns, ", "))
	}
	var cameras []camera
	seen := map[verify.DID]int{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		c, err := parseCamera(func(name string) string {
			if i, ok := column[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		})
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		did := verify.DID(c.DID)
		if first, twice := seen[did]; twice {
			return nil, fmt.Errorf("line %d: %s stands in line %d already", line, did, first)
		}
		if seen[did] = line; len(seen) > maxFleet {
			return nil, fmt.Errorf("more than %d cameras", maxFleet)
		}
		cameras = append(cameras, c)
	}
	if len(cameras) == 0 {
		return nil, errors.New("no camera follows the header")
	}
	return cameras, nil
}

func parseCamera(field func(name string) string) (c camera, err error) {
	did, err := verify.ParseDID(field("did"))
	if err != nil {
		return c, err
	}
	c.DID, c.Label = string(did), field("label")
	if err := verify.CheckLabel(c.Label); err != nil {
		return c, err
	}
	if region := field("region"); region != "" {
		if c.region, err = verify.ParseRegion(region); err != nil {
			return c, err
		}
	}
	if s := field("installed"); s != "" {
		if c.Installed, err = strconv.ParseUint(s, 10, 64); err != nil {
			return c, fmt.Errorf("installed %q: write the sequence of the release that runs, or leave it empty", s)
		}
	}
	return c, nil
}
