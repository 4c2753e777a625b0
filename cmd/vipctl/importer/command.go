package importer

import (
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"vipd/cluster/state"
)

// defaultScripts is where scripts of checks run from unless a node file says otherwise.
const defaultScripts = "/etc/vipd/scripts"

// plainWord is a process's name without anything that pgrep would take for a pattern.
var plainWord = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// processOf returns the process that a command looks for, if that is all it does: then nothing has to be run.
func processOf(command []string) (name string, how string) {
	if len(command) < 2 {
		return "", ""
	}
	program, args := filepath.Base(command[0]), command[1:]
	name, flags := args[len(args)-1], args[:len(args)-1]
	if !plainWord.MatchString(name) || strings.HasPrefix(name, "-") {
		return "", ""
	}
	only := func(known ...string) bool {
		return !slices.ContainsFunc(flags, func(f string) bool { return !slices.Contains(known, f) })
	}
	switch {
	case program == "killall" && slices.ContainsFunc(flags, isZero) && only("-0", "-s", "0", "-s0", "-q", "--quiet"),
		program == "pidof" && only("-s", "-q", "-x"):
		return name, "looks for the process itself and runs nothing"
	case program == "pgrep" && slices.Contains(flags, "-x") && only("-x", "-q"):
		return name, "looks for the process itself and runs nothing"
	case program == "pgrep" && len(flags) == 0:
		return name, "looks for the process of exactly this name and runs nothing; pgrep takes any name that contains it"
	}
	return "", ""
}

func isZero(flag string) bool { return flag == "-0" || flag == "0" || flag == "-s0" }

// bashSocket is how keepalived's own samples look for a port.
var bashSocket = regexp.MustCompile(`^(?:true )?<\s*/dev/tcp/([^/\s]+)/(\d+)$`)

// portOf returns the port that a command connects to, as host:port, if that is all it does.
func portOf(command []string) string {
	words := command
	if len(words) == 3 && words[1] == "-c" && slices.Contains(shells, filepath.Base(words[0])) {
		words = words[2:]
	}
	if m := bashSocket.FindStringSubmatch(strings.Join(words, " ")); m != nil {
		return net.JoinHostPort(m[1], m[2])
	}
	if len(words) == 4 && slices.Contains([]string{"nc", "ncat", "netcat"}, filepath.Base(words[0])) && words[1] == "-z" {
		return net.JoinHostPort(words[2], words[3])
	}
	return ""
}

// shells take a program as an argument.
var shells = []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "env", "sudo", "eval"}

// purpose is what a script is for, in words that say what to do by hand and what becomes of one that cannot run.
type purpose struct{ byHand, add, unlessSo string }

var (
	forCheck  = purpose{"add a check by hand", "add a check with `script: " + defaultScripts + "/NAME`, and its name to the group", "the check fails"}
	forNotify = purpose{"add it to the group's notify by hand", "name it in the group's notify", "it does not run"}
)

// scriptOf returns a command as a script, or why it cannot be one.
func scriptOf(command []string, p purpose) (script *state.ScriptCheck, text string) {
	path, args := command[0], command[1:]
	inShell := slices.Contains(shells, filepath.Base(path)) && len(args) > 0
	switch {
	case inShell && !strings.HasPrefix(args[0], "-") && filepath.IsAbs(args[0]) && !hasShell(args) && filepath.Base(path) != "sudo" && filepath.Base(path) != "env":
		// A script given to its interpreter.
		path, args = args[0], args[1:]
		text = "run directly, so its first line has to name its interpreter and it has to be executable; "
	case inShell || hasShell(command):
		return nil, "it needs a shell, which vipd gives to nobody; write it into a script of its own, as " + defaultScripts +
			"/NAME with `#!/bin/sh` above, and " + p.add
	case !filepath.IsAbs(path) && strings.ContainsRune(path, '/'):
		return nil, "its path is not absolute; " + p.byHand
	case !filepath.IsAbs(path):
		path = "/usr/bin/" + path
		text = "taken for " + path + ", correct that if it is elsewhere; "
	}
	path = filepath.Clean(path)
	return &state.ScriptCheck{Path: path, Args: args}, text + needs(path, p)
}

// needs says what a node needs for a script to run.
func needs(path string, p purpose) string {
	dir := filepath.Dir(path)
	if dir == defaultScripts || strings.HasPrefix(dir, defaultScripts+"/") {
		return "it and all directories above it have to be owned by root and writable by nobody else"
	}
	return "list its directory in each node's file, `script_dirs: [" + dir + "]`, or move it to " + defaultScripts +
		"; it and all directories above it have to be owned by root and writable by nobody else, or " + p.unlessSo
}

// hasShell reports whether words mean something to a shell, which runs none of them here.
func hasShell(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return strings.ContainsAny(w, "|&;<>`") || strings.Contains(w, "$(") || strings.HasPrefix(w, "$")
	})
}
