package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// binVariable names the directory that has vipd and vipctl, for those who built them already.
const binVariable = "VIPD_BIN"

// binaries are built once a process.
var binaries struct {
	once sync.Once
	dir  string
	err  error
}

// Binaries returns a directory that has vipd: the one that VIPD_BIN names, else one that is built now.
// [RemoveBinaries] takes the latter away.
func Binaries(ctx context.Context) (string, error) {
	if dir := os.Getenv(binVariable); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "vipd")); err != nil {
			return "", fmt.Errorf("find vipd where %s says: %w", binVariable, err)
		}
		return filepath.Abs(dir)
	}
	binaries.once.Do(func() { binaries.dir, binaries.err = build(ctx) })
	return binaries.dir, binaries.err
}

// RemoveBinaries removes what [Binaries] built. No daemon of it can be started afterwards.
func RemoveBinaries() error {
	if binaries.dir == "" {
		return nil
	}
	return os.RemoveAll(binaries.dir)
}

func build(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "vipd-bin-")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "hashicorpmetrics", "-o", dir+"/", "vipd/cmd/vipd", "vipd/cmd/vipctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build vipd: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}
