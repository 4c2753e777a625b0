package health

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vipd/cluster/state"
)

// maxComm is the length of a process's name in the kernel, TASK_COMM_LEN without its final zero.
const maxComm = 15

// finder counts processes in /proc. Those of the last time are looked at first: while they are enough, the cost does
// not depend on how many others there are.
func finder(p *state.ProcessCheck) runner {
	var last []string
	return func(context.Context, <-chan struct{}) Outcome {
		if p.QuorumMax == 0 && len(last) > 0 {
			if last = matching(last, p); len(last) >= p.Quorum {
				return found(len(last), p)
			}
		}
		pids, err := processes()
		if err != nil {
			return failed(err)
		}
		last = matching(pids, p)
		return found(len(last), p)
	}
}

func found(n int, p *state.ProcessCheck) Outcome {
	switch {
	case n < p.Quorum && n == 0:
		return Outcome{Text: "no such process"}
	case n < p.Quorum:
		return Outcome{Text: fmt.Sprintf("%d running, fewer than %d", n, p.Quorum)}
	case p.QuorumMax > 0 && n > p.QuorumMax:
		return Outcome{Text: fmt.Sprintf("%d running, more than %d", n, p.QuorumMax)}
	}
	return Outcome{OK: true, Text: fmt.Sprintf("%d running", n)}
}

// processes returns the numbers of all.
func processes() ([]string, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for processes: %w", err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("look for processes: %w", err)
	}
	pids := names[:0]
	for _, name := range names {
		if _, err := strconv.Atoi(name); err == nil {
			pids = append(pids, name)
		}
	}
	return pids, nil
}

func matching(pids []string, p *state.ProcessCheck) []string {
	var matches []string
	for _, pid := range pids {
		if matchesProcess(pid, p) {
			matches = append(matches, pid)
		}
	}
	return matches
}

// matchesProcess reports whether a process is one that is looked for, and not dead. One that has just gone is not.
func matchesProcess(pid string, p *state.ProcessCheck) bool {
	if p.FullCommand {
		return strings.Join(commandLine(pid), " ") == p.Name // a dead one has none
	}
	// The name is cheap to read; the state, which costs several times that, is asked for of few.
	comm, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if err != nil || strings.TrimSuffix(string(comm), "\n") != p.Name[:min(len(p.Name), maxComm)] || dead(pid) {
		return false
	}
	if len(p.Name) <= maxComm {
		return true
	}
	args := commandLine(pid)
	return len(args) > 0 && filepath.Base(args[0]) == p.Name
}

// dead reports whether a process has ended, and is only waited for.
func dead(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return true
	}
	_, dead := parseStat(stat)
	return dead
}

// parseStat reads proc_pid_stat(5): "PID (COMM) STATE ...", where COMM may contain anything.
func parseStat(stat []byte) (comm string, dead bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open || end+2 >= len(stat) {
		return "", true
	}
	state := stat[end+2]
	return string(stat[open+1 : end]), state == 'Z' || state == 'X' || state == 'x'
}

func commandLine(pid string) []string {
	data, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
}
