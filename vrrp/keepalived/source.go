package keepalived

import (
	"os"
	"path/filepath"
	"strings"
)

// Options are what a configuration may depend on besides its text.
type Options struct {
	// ID is keepalived's config-id (-i), which lines starting with @ are compared with; on a real host the
	// first part of its name.
	ID string
	// Files is where files are read; nil is the file system.
	Files Files
}

// Files reads the configuration and what it includes.
type Files interface {
	ReadFile(name string) ([]byte, error)
	// Glob lists the files that match a pattern of path/filepath, sorted.
	Glob(pattern string) ([]string, error)
}

// osFiles is the file system.
type osFiles struct{}

func (osFiles) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

func (osFiles) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// braces expands csh's {a,b}, nested too, since keepalived asks glob(3) to.
func braces(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	end, parts := braceParts(pattern[open+1:])
	if end < 0 {
		return []string{pattern}
	}
	var out []string
	for _, part := range parts {
		out = append(out, braces(pattern[:open]+part+pattern[open+1+end+1:])...)
		if len(out) > maxBraces {
			return out[:maxBraces]
		}
	}
	return out
}

// maxBraces keeps a pattern from exploding.
const maxBraces = 1000

// braceParts splits what follows an opening brace at its own commas; end is where its closing brace is, or
// negative.
func braceParts(s string) (end int, parts []string) {
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case ',':
			if depth == 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		case '}':
			if depth == 0 {
				return i, append(parts, s[start:i])
			}
			depth--
		}
	}
	return -1, nil
}
