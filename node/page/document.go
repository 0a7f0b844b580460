package page

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/net/html"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// The document is built from nodes, so that whatever a camera or an operator wrote can
// only be text. A package of templates would do the same, but reaches methods by name,
// and then the linker keeps those of the whole program: 4.4 MB.

// el is an element with children: nodes, lists of nodes, or anything else as text.
func el(name, class string, children ...any) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: name}
	if class != "" {
		set(n, "class", class)
	}
	return put(n, children...)
}

// put adds children to a node.
func put(n *html.Node, children ...any) *html.Node {
	for _, child := range children {
		switch c := child.(type) {
		case *html.Node:
			n.AppendChild(c)
		case []*html.Node:
			for _, c := range c {
				n.AppendChild(c)
			}
		default:
			n.AppendChild(&html.Node{Type: html.TextNode, Data: fmt.Sprint(c)})
		}
	}
	return n
}

// set gives a node attributes, as names and values.
func set(n *html.Node, pairs ...string) *html.Node {
	for i := 0; i+1 < len(pairs); i += 2 {
		n.Attr = append(n.Attr, html.Attribute{Key: pairs[i], Val: pairs[i+1]})
	}
	return n
}

// document is the whole page.
func document(d Data) *html.Node {
	title := []any{"camswarm ", d.Status.Role}
	if len(d.Products) > 0 {
		title = append(title, " · ", d.Products[0].Region)
	}
	body := el("body", "",
		el("h1", "", title...),
		el("p", "soft", d.Now.UTC().Format("2006-01-02 15:04:05 UTC"), " · up ", time.Duration(d.Status.UptimeSeconds)*time.Second, " · ",
			d.Status.Peers, " peers connected · version ", d.Status.Version),
		el("p", "soft", el("code", "", d.Status.PeerID)),
		alarms(d.Status.Alarms))
	for _, p := range d.Products {
		put(body, product(p))
	}
	put(body,
		el("h2", "", "Bytes by distance"), tiers(d.Status.Traffic.Tiers),
		el("h2", "", "Attacks stopped"), attacks(d.Attacks),
		el("p", "soft", "Names: docs/SECURITY.md. The same as counts: ", el("code", "", "/metrics"), ", ", el("code", "", "/v1/fleet"), ", ", el("code", "", "/readyz"), "."))
	return put(&html.Node{Type: html.DocumentNode},
		&html.Node{Type: html.DoctypeNode, Data: "html"},
		set(el("html", "",
			el("head", "",
				set(el("meta", ""), "charset", "utf-8"),
				set(el("meta", ""), "name", "viewport", "content", "width=device-width, initial-scale=1"),
				set(el("meta", ""), "http-equiv", "refresh", "content", "15"),
				el("title", "", "camswarm seed"),
				el("style", "", style)),
			body), "lang", "en"))
}

func alarms(all []control.Alarm) *html.Node {
	if len(all) == 0 {
		return set(el("p", "good", "no alarms"), "id", "alarms")
	}
	list := set(el("ul", ""), "id", "alarms")
	for _, a := range all {
		put(list, el("li", "", el("span", "bad", a.Name), ": ", a.Message))
	}
	return el("section", "", el("h2", "", "Alarms"), list)
}

func product(p Product) *html.Node {
	out := el("section", "", el("h2", "", p.Name))
	if p.Paused {
		put(out, el("p", "bad", "The registry is paused: nothing is installed."))
	}
	region := cmp.Or(string(p.Region), "the default region")
	put(out, rollout(region, p.Rollout))
	if p.Fleet == nil {
		return put(out, el("p", "soft", "No cameras are counted here (beacons.count)."))
	}
	tell := el("p", "", p.Fleet.Cameras, " cameras tell this seed")
	if p.Fleet.TurnedAway > 0 {
		put(tell, "; ", el("span", "bad", p.Fleet.TurnedAway, " beacons found no room"))
	}
	put(tell, ". ", el("span", "soft", "Groups of fewer than ", p.Fleet.MinGroup, " are under “others”; cameras that tell nothing are in no figure."))
	return put(out, tell, fleet(tableOf(p.Fleet)))
}

func rollout(region string, candidates []verify.Candidate) *html.Node {
	out := el("table", "rollout", el("tr", "", el("th", "", "release"), el("th", "left", "version"), el("th", "left", "policy in ", region)))
	for _, c := range candidates {
		words := el("td", "left", policy(c.Rollout))
		if c.Rollout.Halted {
			words = el("td", "left", el("span", "bad", "halted"), " (", policy(c.Rollout), ")")
		}
		put(out, el("tr", "", el("td", "", c.Release.Sequence), el("td", "left", c.Release.Version), words))
	}
	if len(candidates) == 0 {
		put(out, el("tr", "", set(el("td", "", "no release is on offer"), "colspan", "3")))
	}
	return out
}

func fleet(t table) *html.Node {
	head := el("tr", "", el("th", "", "region"), el("th", "", "cameras"))
	for _, seq := range t.Releases {
		if seq == 0 {
			put(head, el("th", "", "factory"))
		} else {
			put(head, el("th", "", "release ", seq))
		}
	}
	out := el("table", "fleet", head)
	for _, l := range t.Lines {
		row := el("tr", "", el("td", "", l.Region), el("td", "", l.Cameras))
		for _, c := range l.Cells {
			put(row, cell(c))
		}
		put(out, row)
	}
	return out
}

// cell says what became of a release in a region, a line for each state.
func cell(c beacon.ReleaseCount) *html.Node {
	out := el("td", "")
	if c.Running > 0 {
		put(out, c.Running, " run it")
	}
	for _, s := range []struct {
		state beacon.State
		word  string
	}{{beacon.StateFetching, "fetching"}, {beacon.StateHeld, "held"}, {beacon.StateInstalled, "installed"}} {
		if n := c.States[s.state]; n > 0 {
			put(out, el("br", ""), n, " "+s.word)
		}
	}
	if c.Failed() > 0 {
		put(out, el("br", ""), el("span", "bad", c.Failed(), " of ", c.Tried(), " failed"))
	}
	return out
}

func tiers(all []control.TierTraffic) *html.Node {
	out := el("table", "tiers", el("tr", "", el("th", "", "peers"), el("th", "", "sent"), el("th", ""), el("th", "", "received"), el("th", "")))
	longest := most(all)
	bar := func(n int64) *html.Node {
		return el("td", "", set(el("progress", ""), "max", strconv.FormatInt(longest, 10), "value", strconv.FormatInt(n, 10)))
	}
	for _, t := range all {
		put(out, el("tr", "", el("td", "", t.Tier), el("td", "", size(t.SentBytes)), bar(t.SentBytes), el("td", "", size(t.ReceivedBytes)), bar(t.ReceivedBytes)))
	}
	return out
}

func attacks(all []Attack) *html.Node {
	if len(all) == 0 {
		return el("p", "", "none since the start")
	}
	out := el("table", "attacks", el("tr", "", el("th", "", "what"), el("th", "left", "where"), el("th", "", "times since the start")))
	for _, a := range all {
		put(out, el("tr", "", el("td", "", a.Name), el("td", "left", a.Where), el("td", "", a.Count)))
	}
	return out
}
