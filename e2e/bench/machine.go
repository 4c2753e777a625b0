package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
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

func describeMachine() (Machine, error) {
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
	m.Vipd = commit()
	// It prints its version to standard error: "Keepalived v2.2.7 (...)".
	out, err := exec.Command("keepalived", "--version").CombinedOutput()
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

// commit is the version of the source that is being built.
func commit() string {
	out, err := exec.Command("git", "-c", "safe.directory=*", "describe", "--tags", "--always").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
