package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// terminalWidth returns how many characters fit a line of the terminal behind w; 0 if it is none.
func terminalWidth(w io.Writer) int {
	columns, _ := terminalSize(w)
	return columns
}

// terminalSize returns the terminal's columns and rows. 0: it is none; no rows alone: it cannot be drawn on.
func terminalSize(w io.Writer) (columns, rows int) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	columns, rows = int(size.Col), int(size.Row)
	if columns == 0 || rows == 0 {
		columns, rows = 80, 24 // a terminal that does not know
	}
	if os.Getenv("TERM") == "dumb" {
		rows = 0
	}
	return columns, rows
}

// paint colours whole lines, where somebody looks at them who did not ask for none (NO_COLOR).
type paint bool

func paintFor(w io.Writer) paint {
	return paint(os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminalWidth(w) > 0)
}

func (p paint) bad(line string) string  { return p.with("\x1b[31m", line) }
func (p paint) warn(line string) string { return p.with("\x1b[33m", line) }
func (p paint) head(line string) string { return p.with("\x1b[1m", line) }

func (p paint) with(code, line string) string {
	if !p {
		return line
	}
	return code + line + "\x1b[0m"
}
