package harness

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lookEach is how often a condition is looked at, and lookFor how long one look may take: a suspended daemon
// answers never.
const (
	lookEach = 10 * time.Millisecond
	lookFor  = time.Second
)

// final is an error that more waiting does not help against.
type final struct{ error }

// Await looks at a condition until it returns nil. When ctx ends first the error says what was waited for and
// what was seen last.
func Await(ctx context.Context, what string, condition func(context.Context) error) error {
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	last := errors.New("nothing")
	for {
		err := look(ctx, condition)
		if err == nil {
			return nil
		}
		if errors.As(err, new(final)) {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if ctx.Err() == nil {
			last = err // else it says no more than that the time is over
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w; last seen: %w", what, context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

func look(ctx context.Context, condition func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return condition(limited)
}
