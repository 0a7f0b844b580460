package chainwatch

import (
	"context"
	"errors"
	"testing"
)

// TestWatcherRunsOnce: two would share what belongs to Run alone.
func TestWatcherRunsOnce(t *testing.T) {
	cfg := DefaultConfig()
	cfg.ChainID, cfg.Registry = testRegistry.ChainID, testRegistry.Address.String()
	cfg.Endpoints = []Endpoint{{URL: "http://127.0.0.1:1", Operator: "absent"}}
	w, err := New(cfg, testProduct, testRegion, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := w.Run(ctx); !errors.Is(err, ErrRunning) {
		t.Errorf("the second time: %v", err)
	}
}
