package log

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
)

// LogLevel is a level, numbered as zap numbers them.
type LogLevel int8

// The levels.
const (
	LevelDebug LogLevel = iota - 1
	LevelInfo
	LevelWarn
	LevelError
	LevelDPanic
	LevelPanic
	LevelFatal
)

// ZapEventLogger is the log of one subsystem, named as in the original.
type ZapEventLogger struct {
	system string
	silent atomic.Bool // not even errors are logged
}

// StandardLogger and EventLogger are what callers name a log by.
type (
	StandardLogger interface {
		Debug(args ...any)
		Debugf(format string, args ...any)
		Error(args ...any)
		Errorf(format string, args ...any)
		Info(args ...any)
		Infof(format string, args ...any)
		Warn(args ...any)
		Warnf(format string, args ...any)
	}
	EventLogger interface{ StandardLogger }
)

var (
	mu   sync.Mutex
	logs = map[string]*ZapEventLogger{}
)

// Logger returns the log of a subsystem, one for each name.
func Logger(system string) *ZapEventLogger {
	mu.Lock()
	defer mu.Unlock()
	l := logs[system]
	if l == nil {
		l = &ZapEventLogger{system: system}
		logs[system] = l
	}
	return l
}

// SetLogLevel silences a subsystem ("*": all that there are) when the level is above
// error, and lets it speak again at any other.
func SetLogLevel(system, level string) error {
	silent := false
	switch strings.ToLower(level) {
	case "dpanic", "panic", "fatal":
		silent = true
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log level %q: choose debug, info, warn, error or fatal", level)
	}
	if system != "*" {
		Logger(system).silent.Store(silent)
		return nil
	}
	mu.Lock()
	defer mu.Unlock()
	for _, l := range logs {
		l.silent.Store(silent)
	}
	return nil
}

// LevelEnabled reports whether what has this level is logged.
func (l *ZapEventLogger) LevelEnabled(level LogLevel) bool {
	return level >= LevelError && !l.silent.Load()
}

func (l *ZapEventLogger) write(msg string, args ...any) {
	if l.LevelEnabled(LevelError) {
		slog.Default().With("logger", l.system).Log(context.Background(), slog.LevelError, msg, args...)
	}
}

// What is not logged.
func (*ZapEventLogger) Debug(...any)            {}
func (*ZapEventLogger) Debugf(string, ...any)   {}
func (*ZapEventLogger) Debugln(...any)          {}
func (*ZapEventLogger) Debugw(string, ...any)   {}
func (*ZapEventLogger) Info(...any)             {}
func (*ZapEventLogger) Infof(string, ...any)    {}
func (*ZapEventLogger) Infow(string, ...any)    {}
func (*ZapEventLogger) Warn(...any)             {}
func (*ZapEventLogger) Warnf(string, ...any)    {}
func (*ZapEventLogger) Warnw(string, ...any)    {}
func (*ZapEventLogger) Warning(...any)          {}
func (*ZapEventLogger) Warningf(string, ...any) {}

// Error logs its arguments as fmt.Sprint writes them.
func (l *ZapEventLogger) Error(args ...any) { l.write(fmt.Sprint(args...)) }

// Errorf logs its arguments as fmt.Sprintf writes them.
func (l *ZapEventLogger) Errorf(format string, args ...any) { l.write(fmt.Sprintf(format, args...)) }

// Errorw logs a message with keys and values.
func (l *ZapEventLogger) Errorw(msg string, args ...any) { l.write(msg, args...) }
