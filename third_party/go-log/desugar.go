//go:build !camera

package log

import "go.uber.org/zap"

// Desugar returns a log that drops everything: boxo and kad-dht ask it about debug
// messages alone, and what Badger says through it comes back as an error too. A camera
// build calls it nowhere (third_party/patches) and does without zap.
func (*ZapEventLogger) Desugar() *zap.Logger { return zap.NewNop() }
