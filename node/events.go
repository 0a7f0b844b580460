package node

import (
	"context"
	"time"

	"camswarm/node/control"
	"camswarm/verify"
)

// watchForListeners tells of what does not tell of itself, the progress of fetches
// and the alarms, while somebody listens. It sleeps otherwise.
func (n *Node) watchForListeners(ctx context.Context) error {
	heard := n.events.Heard()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-heard:
		}
		progress := map[verify.ProductID]control.Progress{}
		alarms := map[string]control.Alarm{}
		tick := time.NewTicker(watchEvery)
		for i := 0; n.events.Listeners() > 0 && ctx.Err() == nil; i++ {
			n.tellProgress(progress)
			if i%alarmsEvery == 0 {
				n.tellAlarms(alarms)
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		tick.Stop()
	}
}

// tellProgress publishes how far fetches have come since it was told last.
func (n *Node) tellProgress(told map[verify.ProductID]control.Progress) {
	for _, f := range n.followers {
		t := f.target(f.published.Load())
		if t == nil || t.Progress == nil || t.State != control.StateFetching {
			delete(told, f.product())
			continue
		}
		if last, ok := told[f.product()]; !ok || last.Bytes != t.Progress.Bytes {
			told[f.product()] = *t.Progress
			f.publish(control.Event{Kind: control.EventFetching, Sequence: t.Sequence, Version: t.Version, Progress: t.Progress})
		}
	}
}

// tellAlarms publishes which alarms began, changed and ended since they were told last.
func (n *Node) tellAlarms(told map[string]control.Alarm) {
	now := map[string]control.Alarm{}
	for _, a := range n.Status().Alarms {
		now[a.Name] = a
	}
	for name, a := range now {
		if last, ok := told[name]; !ok || last.Message != a.Message {
			n.events.Publish(control.Event{Kind: control.EventAlarm, Name: name, Message: a.Message})
		}
		told[name] = a
	}
	for name := range told {
		if _, ok := now[name]; !ok {
			delete(told, name)
			n.events.Publish(control.Event{Kind: control.EventAlarmOver, Name: name})
		}
	}
}
