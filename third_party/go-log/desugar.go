//go:build !slim

package log

import "go.uber.org/zap"

// Desugar returns a log that drops everything: boxo and kad-dht ask it about debug
// messages alone, and what Badger says through it comes back as an error too. Where
// third_party/patches are applied nobody calls it, and nothing needs zap.
func (*ZapEventLogger) Desugar() *zap.Logger { return zap.NewNop() }
