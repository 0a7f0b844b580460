// Package log stands in for github.com/ipfs/go-log/v2 in this module's programs: it
// has what boxo, kad-dht and go-ds-badger4 call, and hands their errors to
// slog.Default. The original links zap with its encoders and sinks, 1.8 MB that a
// camera has no use for.
//
// What is below an error is dropped, as go-log drops it unless GOLOG_LOG_LEVEL says
// otherwise; nothing here reads the environment.
package log
