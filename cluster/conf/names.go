package conf

import (
	"fmt"
	"regexp"
)

var nodeName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$`)

const maxNodeName = 63

// CheckNode reports why a name cannot be a node's, as a Problem: it is a host name of RFC 1123 section 2.1, of at
// most 63 bytes.
func CheckNode(name string) error {
	if len(name) <= maxNodeName && nodeName.MatchString(name) {
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

// interfaceName is the kernel's dev_valid_name, in plain ASCII; but for `.` and `..`.
var interfaceName = regexp.MustCompile(`^[!-.0-9;-~]{1,15}$`)

// CheckInterface reports why a name cannot be a network interface's, as a Problem.
func CheckInterface(name string) error {
	if !interfaceName.MatchString(name) || name == "." || name == ".." {
		return Problem{Text: fmt.Sprintf("%q is not an interface name", Short(name)), Remedy: "use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"}
	}
	return nil
}

// Bounds of names, for schemas.
var (
	NodeBound      = Bound{Pattern: nodeName.String(), Longest: maxNodeName}
	InterfaceBound = Bound{Pattern: interfaceName.String()}
)
