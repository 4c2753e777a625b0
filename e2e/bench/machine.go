package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"vipd/e2e/harness"
)

// Machine describes where a run happened, without naming it.
type Machine struct {
	Cores      int     `json:"cores"`
	CPU        string  `json:"cpu"`
	Memory     float64 `json:"memory_gib"`
	Kernel     string  `json:"kernel"`
	System     string  `json:"system"`
	Go         string  `json:"go"`
	Keepalived string  `json:"keepalived"`
	Vipd       string  `json:"vipd"`
}

func describeMachine(ctx context.Context) (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	var name unix.Utsname
	var info unix.Sysinfo_t
	if err := unix.Uname(&name); err != nil {
		return m, fmt.Errorf("kernel version: %w", err)
	}
	if err := unix.Sysinfo(&info); err != nil {
		return m, fmt.Errorf("memory size: %w", err)
	}
	m.Kernel = unix.ByteSliceToString(name.Release[:])
	m.Memory = float64(info.Totalram) * float64(info.Unit) / (1 << 30)
	m.CPU = valueIn("/proc/cpuinfo", "model name", ":")
	m.System = strings.Trim(valueIn("/etc/os-release", "PRETTY_NAME", "="), `"`)
	var err error
	if m.Vipd, err = versionOf(ctx); err != nil {
		return m, err
	}
	// It prints its version to standard error: "Keepalived v2.2.7 (...)".
	out, err := exec.CommandContext(ctx, "keepalived", "--version").CombinedOutput()
	if err != nil {
		return m, fmt.Errorf("keepalived --version: %w", err)
	}
	if fields := strings.Fields(string(out)); len(fields) > 1 {
		m.Keepalived = strings.TrimPrefix(fields[1], "v")
	}
	return m, nil
}

// valueIn returns what follows a key in a file of lines, "" if it is not there.
func valueIn(path, key, separator string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versionOf returns what the vipd says of itself that is being measured, and, where it was built without a
// version, the commit of the source around.
func versionOf(ctx context.Context) (string, error) {
	dir, err := harness.Binaries(ctx)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "vipd"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("vipd --version: %w", err)
	}
	fields := strings.Fields(string(out))
	if len(fields) > 0 && fields[len(fields)-1] != "dev" {
		return fields[len(fields)-1], nil
	}
	out, err = exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "describe", "--tags", "--always").Output()
	if err != nil {
		return "unknown", nil
	}
	return "dev, source at " + strings.TrimSpace(string(out)), nil
}
