package sim

import (
	"context"
	"log/slog"
	"os"
	"testing"
)

func TestFlashCrowdReachesEveryCamera(t *testing.T) {
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes = 12
	o := Options{Dir: t.TempDir()}
	if os.Getenv("SIM_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
		o.NodeLogger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	rep, err := Run(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v ratio %+v announce %+v dup %v seedCopies %v tiers %v", rep.CompletionSeconds, rep.RatioToBound, rep.AnnounceSeconds, rep.DuplicateRatio, rep.SeedCopies, rep.BytesByTier)
	t.Logf("cpu %v wall %v virtual %v mem %v", rep.CPUSeconds, rep.WallSeconds, rep.VirtualSeconds, rep.PeakMemoryBytes)
	for _, n := range rep.PerNode {
		t.Logf("%+v", n)
	}
	if rep.Unfinished > 0 || len(rep.Violations) > 0 {
		t.Errorf("%d unfinished, %+v", rep.Unfinished, rep.Violations)
	}
}
