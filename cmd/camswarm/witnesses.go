package main

import (
	"fmt"
	"strings"
	"time"

	"camswarm/node/control"
)

// witnessLine says in words what the witnesses say of the chain.
func witnessLine(c control.ChainStatus) string {
	w := c.Witnesses
	line := fmt.Sprintf("%d of %d agree on revision %d", w.Agree, len(w.List), w.Rev)
	if w.Rev == 0 {
		line = fmt.Sprintf("no %d of %d agree", w.Threshold, len(w.List))
	}
	switch {
	case w.Conflict != "":
		line += "; they contradict this node's own quorum and count for nothing until " + w.Until.UTC().Format(time.RFC3339)
	case c.By == "witnesses" && !w.ConfirmAt.IsZero():
		line += "; releases are fetched by their word, the chain is asked at " + w.ConfirmAt.UTC().Format(time.RFC3339)
	case c.By == "witnesses":
		line += "; this node goes by their word"
	case w.Rev != 0:
		line += ", this node's own quorum has confirmed it"
	}
	switch w.Signs {
	case "":
	case "ok":
		line += "; this node is one of them"
	default:
		line += "; this node is one of them and signs nothing: " + w.Signs
	}
	return line
}

// examineWitnesses says what is to be done about witnesses. Those that lied are alarms.
func examineWitnesses(add adder, p control.ProductStatus) {
	w := p.Chain.Witnesses
	if w == nil {
		return
	}
	level, left, silent := levelOK, 0, []string(nil)
	for _, m := range w.List {
		switch {
		case m.SetAside:
		case m.Rev == 0:
			silent = append(silent, m.Key.String())
			left++
		default:
			left++
		}
	}
	text := witnessLine(p.Chain)
	switch {
	case left < w.Threshold:
		level = levelBad
		text += fmt.Sprintf("; only %d of them can still be believed and %d must agree: name others under product.witnesses.keys", left, w.Threshold)
	case w.Conflict != "":
		level = levelBad
	case w.Rev == 0:
		level = levelWarn
		text += "; this node asks the chain about every announcement: look whether the witnesses run, and whether a neighbour listens to them"
	case len(silent) > 0:
		level = levelWarn
		text += fmt.Sprintf("; never heard of: %s; look whether it runs with a quorum of its own, and is connected to this swarm", strings.Join(silent, ", "))
	}
	if w.Install {
		if level == levelOK {
			level = levelWarn
		}
		text += "; witnesses.install is set: while its endpoints give no quorum this node installs by their word alone"
	}
	add("witness", level, "%s: %s", p.Name, text)
}
