package vm

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// machine is one run of qemu.
type machine struct {
	kernel  kernel
	image   string
	dir     string // takes the console's log
	options Options
}

// run boots the machine and calls line for each line that the test binary
// wrote, until the machine stops or ctx ends, which stops it.
func (m machine) run(ctx context.Context, line func(string)) error {
	cmd := exec.CommandContext(ctx, qemu,
		"-accel", "tcg", "-cpu", "max", "-smp", strconv.Itoa(m.options.CPUs), "-m", strconv.Itoa(m.options.MemoryMiB),
		"-display", "none", "-monitor", "none", "-nodefaults", "-no-reboot",
		// The first serial line takes the kernel's messages, the second the tests'.
		"-serial", "file:"+m.consoleFile(), "-serial", "stdio",
		"-kernel", m.kernel.image, "-initrd", m.image,
		"-append", "console=ttyS0 loglevel=5 panic=-1 random.trust_cpu=on")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.WaitDelay = 2 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the machine: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the machine: %w", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line(strings.TrimRight(lines.Text(), "\r"))
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped the machine after %s: %w", m.options.Timeout, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", qemu, err, strings.TrimSpace(stderr.String()))
	}
	return lines.Err()
}

func (m machine) consoleFile() string { return filepath.Join(m.dir, "console.log") }

// console returns the end of what the kernel and init printed.
func (m machine) console() string {
	text, err := os.ReadFile(m.consoleFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(string(text)), "\r", ""), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}
