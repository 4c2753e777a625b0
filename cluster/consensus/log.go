package consensus

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Logger lets what belongs to Raft log through slog. Raft's informational messages are this daemon's debug messages.
func Logger(to *slog.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	logger.RegisterSink(slogSink{to})
	return logger
}

type slogSink struct{ to *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s slogSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	as := slog.LevelDebug
	switch {
	case toldByReach(msg):
	case level == hclog.Warn:
		as = slog.LevelInfo
	case level == hclog.Error:
		as = slog.LevelWarn
	}
	s.to.Log(context.Background(), as, "raft: "+msg, args...)
}

func joinCancel(err error, sink raft.SnapshotSink) error { return errors.Join(err, sink.Cancel()) }
