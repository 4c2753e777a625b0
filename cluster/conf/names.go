package conf

import (
	"fmt"
	"regexp"
	"strings"
)

var nodeName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$`)

// CheckNode reports why a name cannot be a node's, as a Problem: it is a host name of RFC 1123 section 2.1, of at
// most 63 bytes.
func CheckNode(name string) error {
	if len(name) <= 63 && nodeName.MatchString(name) {
		return nil
	}
	return Problem{Text: fmt.Sprintf("%q is not a node name", Short(name)), Remedy: "use at most 63 letters, digits, `-` and `.`, as in node1 or db-2.example"}
}

var labelText = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$`)

// CheckLabel reports why a label of a node cannot be so, as a Problem.
func CheckLabel(key, value string) error {
	for _, text := range []string{key, value} {
		if !labelText.MatchString(text) {
			return Problem{Text: fmt.Sprintf("%q cannot be in a label", Short(text)), Remedy: "use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first, as in rack: a"}
		}
	}
	return nil
}

// CheckInterface reports why a name cannot be a network interface's, as a Problem. The kernel's rule is dev_valid_name;
// here a name is also plain ASCII.
func CheckInterface(name string) error {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' }
	if name == "" || len(name) > 15 || name == "." || name == ".." || strings.ContainsFunc(name, bad) {
		return Problem{Text: fmt.Sprintf("%q is not an interface name", Short(name)), Remedy: "use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"}
	}
	return nil
}
