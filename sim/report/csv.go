package report

import (
	"encoding/csv"
	"io"
	"strconv"
)

// CSV writes one row for every node, under a header. Seconds count from the
// announcement; an empty cell means never. The times of the baselines follow in
// columns of their own, for cameras.
func (r *Report) CSV(w io.Writer) error {
	baselines := make([]string, 0, len(r.Baselines))
	for _, key := range r.BaselineKeys() {
		if len(r.Baselines[key].Seconds) > 0 {
			baselines = append(baselines, key)
		}
	}
	tiers := TierKeys(r.BytesByTier)
	header := []string{"name", "role", "region", "class", "site", "nat", "nat_kind", "joined_s",
		"announced_s", "first_block_s", "fetched_s", "verified_s", "installed_s",
		"sent_bytes", "received_bytes", "duplicate_bytes", "wrong_bytes"}
	for _, tier := range tiers {
		header = append(header, "received_"+tier+"_bytes")
	}
	header = append(header, "line_sent_bytes", "line_received_bytes", "peers")
	for _, key := range baselines {
		header = append(header, key+"_s")
	}

	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	seconds := func(s float64) string {
		if s < 0 {
			return ""
		}
		return strconv.FormatFloat(s, 'f', 6, 64)
	}
	integer := func(n int64) string { return strconv.FormatInt(n, 10) }
	camera := 0
	for _, n := range r.PerNode {
		row := []string{n.Name, n.Role, n.Region, n.Class, n.Site, strconv.FormatBool(n.NAT), n.NATKind, seconds(n.Joined),
			seconds(n.Announced), seconds(n.FirstByte), seconds(n.Fetched), seconds(n.Verified), seconds(n.Installed),
			integer(n.Sent), integer(n.Received), integer(n.Duplicate), integer(n.Wrong)}
		for _, tier := range tiers {
			row = append(row, integer(n.ByTier[tier]))
		}
		row = append(row, integer(n.LineSent), integer(n.LineRecv), strconv.Itoa(n.Peers))
		for _, key := range baselines {
			cell := ""
			if s := r.Baselines[key].Seconds; n.Role == RoleCamera && camera < len(s) {
				cell = seconds(s[camera])
			}
			row = append(row, cell)
		}
		if n.Role == RoleCamera {
			camera++
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
