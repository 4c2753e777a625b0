package main

import (
	"errors"
	"fmt"
	"testing"

	"vipd/cluster/state"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("unknown flag"), exitUsage},
		{failure{errors.New("the disk is full")}, exitFailed},
		{failure{fmt.Errorf("apply log entry 7: %w", &state.TooOldError{Needs: 99})}, exitTooOld},
		{failure{errors.Join(errors.New("close"), &state.TooOldError{Needs: 99})}, exitTooOld},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
