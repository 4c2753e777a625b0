package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// paint colours text for a terminal; in a pipe, or with NO_COLOR, it leaves it plain.
type paint bool

func paintFor(w io.Writer) paint {
	return paint(isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func (p paint) bold(s string) string   { return p.with("1", s) }
func (p paint) faint(s string) string  { return p.with("2", s) }
func (p paint) red(s string) string    { return p.with("31", s) }
func (p paint) green(s string) string  { return p.with("32", s) }
func (p paint) yellow(s string) string { return p.with("33", s) }

func (p paint) with(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// reading is how long a chapter stays before the next scrolls in.
const reading = 3 * time.Second

// breathe gives a person time to read; a pipe needs none.
func (d *demo) breathe(ctx context.Context) {
	if !isTerminal(d.out) {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(reading):
	}
}

// chapter begins a part of the story.
func (d *demo) chapter(format string, args ...any) {
	fmt.Fprintf(d.out, "\n%s\n", d.paint.bold("== "+fmt.Sprintf(format, args...)))
}

// say tells what is going on.
func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
