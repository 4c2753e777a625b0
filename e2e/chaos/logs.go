package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// keepLogs copies what the daemons and the peers wrote, and returns it by name.
func (a *arena) keepLogs(dir string) (map[string]string, error) {
	logs := map[string]string{}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var errs []error
	for _, h := range a.Lab.Hosts {
		files, err := filepath.Glob(filepath.Join(h.Dir, "*.log"))
		errs = append(errs, err)
		for _, f := range files {
			name := h.Name + "-" + filepath.Base(f)
			text, err := os.ReadFile(f)
			logs[name] = string(text)
			errs = append(errs, err, os.WriteFile(filepath.Join(dir, name), text, 0o644))
		}
	}
	return logs, errors.Join(errs...)
}

// sizeOf is how many bytes are allocated to the files below a directory.
func sizeOf(dir string) (total int64) {
	// What goes away meanwhile has no size.
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			total += st.Blocks * 512
		}
		return nil
	})
	return total
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
