package page

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// The document is built from nodes, so that whatever a camera or an operator wrote can
// only be text. A package of templates would do the same, but reaches methods by name,
// and then the linker keeps those of the whole program: 4.4 MB.

// node is an element, its children elements or text.
type node struct {
	name     string
	pairs    []string // of attributes and their values
	children []any
}

// el is an element; "" is no class.
func el(name, class string, children ...any) *node {
	n := &node{name: name, children: children}
	if class != "" {
		n.set("class", class)
	}
	return n
}

// put adds children.
func (n *node) put(children ...any) *node {
	n.children = append(n.children, children...)
	return n
}

// set gives attributes, as names and values.
func (n *node) set(pairs ...string) *node {
	n.pairs = append(n.pairs, pairs...)
	return n
}

// write writes the element and what is below it. The style is the one text that is not
// escaped, as HTML has it, and nobody else's.
func (n *node) write(w *strings.Builder) {
	w.WriteString("<" + n.name)
	for i := 0; i+1 < len(n.pairs); i += 2 {
		w.WriteString(" " + n.pairs[i] + `="` + html.EscapeString(n.pairs[i+1]) + `"`)
	}
	w.WriteString(">")
	switch n.name {
	case "meta", "br": // have no end
		return
	case "style":
		w.WriteString(style)
	}
	for _, child := range n.children {
		if c, ok := child.(*node); ok {
			c.write(w)
		} else {
			w.WriteString(html.EscapeString(fmt.Sprint(child)))
		}
	}
	w.WriteString("</" + n.name + ">")
}

// document is the whole page.
func document(d Data) string {
	title := []any{"camswarm ", d.Status.Role}
	if len(d.Products) > 0 && d.Products[0].Region != "" {
		title = append(title, " · ", d.Products[0].Region)
	}
	body := el("body", "",
		el("h1", "", title...),
		el("p", "soft", d.Now.UTC().Format("2006-01-02 15:04:05 UTC"), " · up ", time.Duration(d.Status.UptimeSeconds)*time.Second, " · ",
			d.Status.Peers, " peers connected · version ", d.Status.Version),
		el("p", "soft", el("code", "", d.Status.PeerID)),
		alarms(d.Status.Alarms))
	for _, p := range d.Products {
		body.put(product(p))
	}
	body.put(
		el("h2", "", "Bytes by distance"), tiers(d.Status.Traffic.Tiers),
		el("h2", "", "Attacks stopped"), attacks(d.Attacks),
		el("p", "soft", "Names: docs/SECURITY.md. The same as counts: ", el("code", "", "/metrics"), ", ", el("code", "", "/v1/fleet"), ", ", el("code", "", "/readyz"), "."))
	var out strings.Builder
	out.WriteString("<!DOCTYPE html>")
	el("html", "",
		el("head", "",
			el("meta", "").set("charset", "utf-8"),
			el("meta", "").set("name", "viewport", "content", "width=device-width, initial-scale=1"),
			el("meta", "").set("http-equiv", "refresh", "content", "15"),
			el("title", "", "camswarm seed"),
			el("style", "")),
		body).set("lang", "en").write(&out)
	return out.String()
}

func alarms(all []control.Alarm) *node {
	if len(all) == 0 {
		return el("p", "good", "no alarms").set("id", "alarms")
	}
	list := el("ul", "").set("id", "alarms")
	for _, a := range all {
		list.put(el("li", "", el("span", "bad", a.Name), ": ", a.Message))
	}
	return el("section", "", el("h2", "", "Alarms"), list)
}

func product(p Product) *node {
	out := el("section", "", el("h2", "", p.Name))
	if p.Paused {
		out.put(el("p", "bad", "The registry is paused: nothing is installed."))
	}
	region := cmp.Or(string(p.Region), "the default region")
	out.put(rollout(region, p.Rollout))
	if p.Fleet == nil {
		return out.put(el("p", "soft", "No cameras are counted here (beacons.count)."))
	}
	tell := el("p", "", p.Fleet.Cameras, " cameras tell this seed")
	if p.Fleet.TurnedAway > 0 {
		tell.put("; ", el("span", "bad", p.Fleet.TurnedAway, " beacons found no room"))
	}
	tell.put(". ", el("span", "soft", "Groups from fewer than ", p.Fleet.MinGroup, " networks are under “others”; cameras that tell nothing are in no figure."))
	return out.put(tell, fleet(tableOf(p.Fleet)))
}

func rollout(region string, candidates []verify.Candidate) *node {
	out := el("table", "rollout", el("tr", "", el("th", "", "release"), el("th", "left", "version"), el("th", "left", "policy in ", region)))
	for _, c := range candidates {
		words := el("td", "left", c.Rollout.Words())
		if c.Rollout.Halted {
			words = el("td", "left", el("span", "bad", "halted"), " (", c.Rollout.Words(), ")")
		}
		out.put(el("tr", "", el("td", "", c.Release.Sequence), el("td", "left", c.Release.Version), words))
	}
	if len(candidates) == 0 {
		out.put(el("tr", "", el("td", "", "no release is on offer").set("colspan", "3")))
	}
	return out
}

func fleet(t table) *node {
	head := el("tr", "", el("th", "", "region"), el("th", "", "cameras"))
	for _, seq := range t.Releases {
		switch seq {
		case 0:
			head.put(el("th", "", "factory"))
		case beacon.Unknown:
			head.put(el("th", "", "not on chain"))
		default:
			head.put(el("th", "", "release ", seq))
		}
	}
	out := el("table", "fleet", head)
	for _, l := range t.Lines {
		row := el("tr", "", el("td", "", l.Region), el("td", "", l.Cameras))
		for _, c := range l.Cells {
			row.put(cell(c))
		}
		out.put(row)
	}
	return out
}

// cell says what became of a release in a region, a line for each state.
func cell(c beacon.ReleaseCount) *node {
	out := el("td", "")
	if c.Running > 0 {
		out.put(c.Running, " run it")
	}
	for _, s := range []struct {
		state beacon.State
		word  string
	}{{beacon.StateFetching, "fetching"}, {beacon.StateHeld, "held"}, {beacon.StateInstalled, "installed"}} {
		if n := c.States[s.state]; n > 0 {
			out.put(el("br", ""), n, " "+s.word)
		}
	}
	if c.Failed() > 0 {
		out.put(el("br", ""), el("span", "bad", c.Failed(), " of ", c.Tried(), " failed"))
	}
	return out
}

func tiers(all []control.TierTraffic) *node {
	out := el("table", "tiers", el("tr", "", el("th", "", "peers"), el("th", "", "sent"), el("th", ""), el("th", "", "received"), el("th", "")))
	longest := most(all)
	bar := func(n int64) *node {
		return el("td", "", el("progress", "").set("max", strconv.FormatInt(longest, 10), "value", strconv.FormatInt(n, 10)))
	}
	for _, t := range all {
		out.put(el("tr", "", el("td", "", t.Tier), el("td", "", size(t.SentBytes)), bar(t.SentBytes), el("td", "", size(t.ReceivedBytes)), bar(t.ReceivedBytes)))
	}
	return out
}

func attacks(all []Attack) *node {
	if len(all) == 0 {
		return el("p", "", "none since the start")
	}
	out := el("table", "attacks", el("tr", "", el("th", "", "what"), el("th", "left", "where"), el("th", "", "times since the start")))
	for _, a := range all {
		out.put(el("tr", "", el("td", "", a.Name), el("td", "left", a.Where), el("td", "", a.Count)))
	}
	return out
}
