package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// resolve returns the path to run of a script, or why it may not be run: it has to be below one of dirs, and it and each
// directory above it has to be root's and writable by nobody else. Whoever could change the script would otherwise
// command the daemon. Where that holds, nobody can change it between the look and the run either.
func resolve(path string, dirs []string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if !below(real, dirs) {
		return "", fmt.Errorf("%s is in none of this node's script_dirs, %s; put it there, or add its directory in the node file",
			real, strings.Join(dirs, ", "))
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file", real)
	case info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s is not executable; chmod 755 it", real)
	}
	return real, onlyRoot(real)
}

// Trusted reports why scripts in a directory may not be run: somebody other than root could change it, or one above it.
func Trusted(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return onlyRoot(real)
}

func onlyRoot(real string) error {
	for part := real; ; part = filepath.Dir(part) {
		if err := rootsOwn(part); err != nil {
			return err
		}
		if part == "/" {
			return nil
		}
	}
}

func below(real string, dirs []string) bool {
	for _, dir := range dirs {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil && strings.HasPrefix(real, strings.TrimSuffix(resolved, "/")+"/") {
			return true
		}
	}
	return false
}

// rootsOwn reports why somebody other than root can change a file or directory.
func rootsOwn(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t).Uid //nolint:forcetypeassert // it is one on Linux
	switch {
	case owner != 0:
		return fmt.Errorf("%s is owned by user %d; chown it to root", path, owner)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others than root; chmod go-w it", path)
	}
	return nil
}
