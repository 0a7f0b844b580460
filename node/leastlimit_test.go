package node_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"camswarm/node"
	"camswarm/node/control"
)

// A device whose firmware was updated goes on with limits that the earlier version took,
// and says that they count as more.
func TestLimitsTooLowStopNoDevice(t *testing.T) {
	cfg := aloneConfig(t)
	cfg.Exchange.UploadLimit, cfg.Exchange.DownloadLimit, cfg.Polite.BusyDownload = 7875, 1, 100
	var log bytes.Buffer
	n, err := node.New(cfg, node.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), node.WithoutControl())
	must(t, err)
	defer func() { must(t, n.Close()) }()
	for _, key := range []string{"exchange.upload_limit is 7.875kB/s", "exchange.download_limit", "polite.busy_download"} {
		if !strings.Contains(log.String(), key) {
			t.Errorf("the log does not name %s: %s", key, log.String())
		}
	}
	raised := func() bool {
		return slices.ContainsFunc(n.Status().Alarms, func(a control.Alarm) bool { return a.Name == "limit_raised" })
	}
	if l := n.Status().Limits; l.UploadLimit != 8000 || l.DownloadLimit != 8000 || !raised() {
		t.Errorf("limits %+v, alarms %+v", l, n.Status().Alarms)
	}
	cfg.Exchange.UploadLimit, cfg.Exchange.DownloadLimit, cfg.Polite.BusyDownload = 16000, 0, 0
	if l, err := n.Reconfigure(cfg); err != nil || l.UploadLimit != 16000 || l.DownloadLimit != 0 || raised() {
		t.Errorf("mended: %+v, %v, alarms %+v", l, err, n.Status().Alarms)
	}
	cfg.Exchange.DownloadLimit = -1
	if cfg.Validate() == nil {
		t.Error("a negative limit is taken")
	}
}
