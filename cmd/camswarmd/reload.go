package main

import (
	"context"
	"log/slog"
	"os"
	"reflect"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm/units"
)

// reloadOn reads the configuration again whenever hup says so, until ctx ends,
// and takes over what can change while a node runs: the limits and the mode of
// the exchange. It says which other sections wait for the next start. A
// configuration that is wrong changes nothing.
func reloadOn(ctx context.Context, hup <-chan os.Signal, path string, running node.Config, set func(node.Config) (control.Limits, error), log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		next, err := node.LoadConfig(path)
		if err != nil {
			log.Error("SIGHUP: the configuration is wrong and nothing is taken over", "err", err)
			continue
		}
		limits, err := set(next)
		if err != nil {
			log.Error("SIGHUP: the limits are not taken over", "err", err)
			continue
		}
		log.Info("SIGHUP: limits, mode, politeness and the gateway's rate are those of the configuration", "uploadLimit", limitText(limits.UploadLimit), "downloadLimit", limitText(limits.DownloadLimit),
			"mode", string(limits.Mode), "metered", limits.Metered, "quietHours", limits.QuietHours, "quietMode", string(limits.QuietMode), "busyDownload", limitText(next.Polite.BusyDownload), "gatewayRate", limitText(next.Gateway.Rate))
		if waits := waiting(running, next); len(waits) > 0 {
			log.Warn("SIGHUP: these settings have changed and wait for the next start", "settings", waits)
		}
	}
}

// limitText is a rate limit in words: 0 is none.
func limitText(r units.Rate) string {
	if r == 0 {
		return "unlimited"
	}
	return r.String()
}

// waiting lists the settings at the top of a configuration that differ in more
// than what is taken over while a node runs.
func waiting(running, next node.Config) (out []string) {
	running.Exchange.UploadLimit, running.Exchange.DownloadLimit, running.Exchange.Mode = next.Exchange.UploadLimit, next.Exchange.DownloadLimit, next.Exchange.Mode
	running.Polite, running.Gateway.Rate = next.Polite, next.Gateway.Rate
	a, b := reflect.ValueOf(running), reflect.ValueOf(next)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			out = append(out, a.Type().Field(i).Tag.Get("toml"))
		}
	}
	return out
}
