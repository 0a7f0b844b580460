package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"camswarm/node/control"
	"camswarm/swarm/p2p"
)

// The ways in which the matrix says that two cameras are connected, best first:
// those of the nodes, and mapped, which is direct to a port that a router forwards
// because it was asked to.
var ways = []string{string(p2p.ViaLAN), viaMapped, string(p2p.ViaPunched), string(p2p.ViaDirect), string(p2p.ViaRelay)}

const viaMapped = "mapped"

type row struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	NAT     string   `json:"nat"` // what the camera found out
	Met     int      `json:"met"` // cameras with a connection that is no relay's
	Via     []string `json:"via"` // per camera of the fleet: lan, mapped, punched, direct, relay, or "" for none
	Tried   int      `json:"tried"`
	Punched int      `json:"punched"`
	Mapped  []string `json:"mapped"`
	By      string   `json:"mappedBy"` // the protocol, as its status has it
	Dialled string   `json:"dialled"`  // whether a seed reached it by a dial of its own: yes, no or unknown
	Seed    int64    `json:"seedBytes"`
	Cameras int64    `json:"cameraBytes"`
	Dials   int      `json:"dialsPerMinute"`  // most addresses and ports that its router saw opened within a minute
	Ports   int      `json:"portsPerAddress"` // most ports of one address among them
	Conns   int      `json:"connections"`
	Words   string   `json:"words"`
}

type result struct {
	Rows  []row   `json:"cameras"`
	Share float64 `json:"cameraShare"` // of all bytes that cameras received
	Image int     `json:"imageBytes"`
	// Copies is how many images' worth of bytes left the seed.
	Copies float64 `json:"seedCopies"`
	// Seconds from the announcement to the last install.
	Seconds float64 `json:"seconds"`
}

func (b *bench) measure(ctx context.Context, size int, failed error) (*result, error) {
	r := &result{Image: size}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	states, peers := make([]control.Status, len(b.cameras)), make([][]control.PeerStatus, len(b.cameras))
	for i, c := range b.cameras {
		var err, err2 error
		states[i], err = c.status(ctx)
		peers[i], err2 = c.peers(ctx)
		if err := errors.Join(err, err2, c.count()); err != nil {
			return r, errors.Join(failed, err)
		}
	}
	var seed, all int64
	for i, c := range b.cameras {
		s := states[i]
		w := row{Name: c.ns, Kind: c.site.kind.name, NAT: s.Reach.NAT, Tried: s.Reach.Tried, Punched: s.Reach.Punched, Mapped: s.Reach.Mapped, Dialled: s.Reach.Reachable,
			Words: s.Reach.Words, Seed: s.Traffic.FromSeeds, Cameras: s.Traffic.FromPeers, Dials: c.dials, Ports: c.ports}
		if _, rest, ok := strings.Cut(w.Words, "asked by "); ok {
			w.By, _, _ = strings.Cut(rest, ",")
		}
		for _, p := range peers[i] {
			w.Conns += len(p.Addrs)
		}
		for j := range b.cameras {
			via := way(states[i], states[j], peers[i], peers[j])
			w.Via = append(w.Via, via)
			if via != "" && via != string(p2p.ViaRelay) {
				w.Met++
			}
		}
		seed, all = seed+w.Seed, all+w.Seed+w.Cameras
		r.Rows = append(r.Rows, w)
	}
	if all > 0 {
		r.Share = float64(all-seed) / float64(all)
	}
	r.Copies = float64(seed) / float64(size)
	return r, failed
}

// way tells how two cameras are connected, by what both say.
func way(a, b control.Status, ofA, ofB []control.PeerStatus) string {
	var found []string
	look := func(peers []control.PeerStatus, other control.Status) {
		for _, p := range peers {
			if p.ID != other.PeerID {
				continue
			}
			found = append(found, p.Via)
			if slices.ContainsFunc(p.Addrs, func(at string) bool { return slices.Contains(other.Reach.Mapped, at) }) {
				found = append(found, viaMapped)
			}
		}
	}
	look(ofA, b)
	look(ofB, a)
	for _, w := range ways {
		if slices.Contains(found, w) {
			return w
		}
	}
	return ""
}

// hold checks that pairs are connected as the flag -want says.
func (r *result) hold(wants string) error {
	if wants == "" {
		return nil
	}
	index := func(name string) int { return slices.IndexFunc(r.Rows, func(c row) bool { return c.Name == name }) }
	for _, want := range strings.Split(wants, ",") {
		pair, how, ok := strings.Cut(want, "=")
		a, b, ok2 := strings.Cut(pair, "+")
		i, j := index(a), index(b)
		if !ok || !ok2 || i < 0 || j < 0 {
			return fmt.Errorf("-want %q: name two cameras and ways, such as c1-1+c2-1=mapped|direct", want)
		}
		got := r.Rows[i].Via[j]
		if got == "" || got == string(p2p.ViaRelay) {
			got = "none"
		}
		if !slices.Contains(strings.Split(how, "|"), got) {
			return fmt.Errorf("%s (%s) and %s (%s): %s, want %s", a, r.Rows[i].Kind, b, r.Rows[j].Kind, got, how)
		}
	}
	return nil
}

// asked checks that each router was asked by the protocol that it is there for, and that
// a pinhole lets in who was not called from there: the address is the camera's own, so
// that a connection there alone tells nothing.
func (r *result) asked() error {
	for _, c := range r.Rows {
		if k, err := kindOf(c.Kind); err != nil || c.By != k.maps {
			return errors.Join(err, fmt.Errorf("%s (%s) has its ports forwarded by %q, want %q: %s", c.Name, c.Kind, c.By, k.maps, c.Words))
		} else if k.v6 && k.maps != "" && c.Dialled != p2p.ReachableYes {
			return fmt.Errorf("%s (%s) could not be dialled through its pinhole: %s", c.Name, c.Kind, c.Words)
		}
	}
	return nil
}

// gentle checks what each camera asks of its router; 0 dials are any number.
func (r *result) gentle(dials, connections int) error {
	for _, c := range r.Rows {
		if dials > 0 && c.Dials > dials {
			return fmt.Errorf("%s (%s) opened connections to %d addresses and ports within a minute; at most %d should be", c.Name, c.Kind, c.Dials, dials)
		}
		if c.Conns > connections {
			return fmt.Errorf("%s (%s) has %d connections; at most %d should be", c.Name, c.Kind, c.Conns, connections)
		}
	}
	return nil
}

func (r *result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "camera\tplace\tfound out\tmet\tpunched\tmapped by\tdialled\tfrom seed\tfrom cameras\tconnections\tdials/min\tports/address")
	for _, c := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d of %d\t%s\t%s\t%.1f MB\t%.1f MB\t%d\t%d\t%d\n", c.Name, c.Kind, c.NAT, c.Met, c.Punched, c.Tried, c.By, c.Dialled,
			float64(c.Seed)/1e6, float64(c.Cameras)/1e6, c.Conns, c.Dials, c.Ports)
	}
	fmt.Fprint(t, "\n")
	for _, c := range r.Rows {
		fmt.Fprintf(t, "\t%s", c.Name)
	}
	fmt.Fprintln(t)
	for i, c := range r.Rows {
		cells := slices.Clone(c.Via)
		for j := range cells {
			if cells[j] == "" {
				cells[j] = "-"
			}
		}
		cells[i] = "."
		fmt.Fprintf(t, "%s %s\t%s\n", c.Name, c.Kind, strings.Join(cells, "\t"))
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\n%.0f %% of the bytes came from cameras; the seed sent %.1f copies for %d cameras, in %.1f s\n", 100*r.Share, r.Copies, len(r.Rows), r.Seconds)
}
