package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BinariesOf returns a directory that has vipd as it was at a commit of this repository. It is built once, and kept below
// .cache.
func BinariesOf(ctx context.Context, commit string) (string, error) {
	top, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", fmt.Errorf("find this repository, whose history has the earlier vipd: %w", err)
	}
	dir := filepath.Join(top, ".cache", "earlier", commit)
	if _, err := os.Stat(filepath.Join(dir, "vipd")); err == nil {
		return dir, nil
	}
	if _, err := git(ctx, top, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return "", fmt.Errorf("this clone lacks commit %s, of which an earlier vipd is built: `git fetch --unshallow` brings it: %w", commit, err)
	}
	return dir, buildEarlier(ctx, top, commit, dir)
}

// buildEarlier makes dir at once, when all in it is complete.
func buildEarlier(ctx context.Context, top, commit, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	script := `git -c safe.directory='*' -C "$1" archive "$2" | tar x -C "$3" && cd "$3" &&
		go build -trimpath -buildvcs=false -tags hashicorpmetrics -ldflags "-X main.version=$2" -o built/ ./cmd/vipd ./cmd/vipctl`
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", script, "bash", top, commit, work)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build vipd of commit %s: %w\n%s", commit, err, out)
	}
	if err := os.Rename(filepath.Join(work, "built"), dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "-C", dir}, args...)...)
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(failed.Stderr))
	}
	return string(bytes.TrimSpace(out)), err
}
