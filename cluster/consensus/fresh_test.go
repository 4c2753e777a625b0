package consensus

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

func TestVotesAreAskedForOnAFreshConnection(t *testing.T) {
	refused := errors.New("connection refused")
	closed := fmt.Errorf("read: %w", unix.ECONNRESET)
	for name, c := range map[string]struct {
		answers []error
		calls   int
		want    error
	}{
		"a living connection":                {[]error{nil}, 1, nil},
		"all that were kept are of old":      {[]error{io.EOF, closed, io.EOF, nil}, 4, nil},
		"nobody there any more":              {[]error{io.EOF, refused}, 2, refused},
		"one that closes whatever is dialed": {[]error{io.EOF, io.EOF, io.EOF, io.EOF, nil}, 4, io.EOF},
	} {
		calls := 0
		err := fresh(func() error {
			calls++
			return c.answers[calls-1]
		})
		if !errors.Is(err, c.want) || calls != c.calls {
			t.Errorf("%s: %v after %d calls; want %v after %d", name, err, calls, c.want, c.calls)
		}
	}
}
