package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reader takes the number in a file, as keepalived's track_file does: a file that is missing or has no number counts
// as 0.
func reader(path string) runner {
	return func(context.Context, <-chan struct{}) Outcome {
		n, err := numberIn(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Outcome{OK: true, Text: "there is no file, which counts as 0"}
		case err != nil:
			return Outcome{OK: true, Text: tidy(err.Error() + ", which counts as 0")}
		}
		return Outcome{OK: true, Value: n, Text: fmt.Sprintf("it says %d", n)}
	}
}

// maxNumber bounds what a file says; times any weight it is out of a priority's range.
const maxNumber = 1_000_000

func numberIn(path string) (int, error) {
	// Without O_NONBLOCK a FIFO would hold this up until somebody writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, errors.Join(err, errors.New("it is no regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return 0, err
	}
	text, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return min(max(n, -maxNumber), maxNumber), nil
}
