// Package nodefile reads the node file, the configuration of one vipd daemon: its name, where it listens, where it
// keeps its data.
package nodefile

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"vipd/cluster/conf"
)

// DefaultPath is where the node file is, unless the command line names another.
const DefaultPath = "/etc/vipd/vipd.yaml"

// File is the content of a node file.
type File struct {
	Node        string  `yaml:"node"`         // empty until Resolve: the host's name
	Listen      Address `yaml:"listen"`       // the zero Addr until Resolve: the default route's source address
	GossipPort  int     `yaml:"gossip_port"`  // memberlist, UDP and TCP
	ClusterPort int     `yaml:"cluster_port"` // Raft and calls between nodes, TCP
	DataDir     string  `yaml:"data_dir"`     // absolute
	Socket      string  `yaml:"socket"`       // absolute, at most 107 bytes
	// Who can open the socket, and who of them may command. Empty names are the daemon's own user and group, and nobody.
	SocketOwner  string            `yaml:"socket_owner"`
	SocketGroup  string            `yaml:"socket_group"`
	SocketMode   string            `yaml:"socket_mode"` // octal
	CommandGroup string            `yaml:"command_group"`
	Labels       map[string]string `yaml:"labels"` // by which groups choose nodes; nil: none
	Fence        Fence             `yaml:"fence"`
	Realtime     bool              `yaml:"realtime"` // whether the daemon asks for real-time scheduling
	// ScriptDirs are absolute; scripts of checks run from nowhere else. ScriptUser is empty for the daemon's own.
	ScriptDirs []string `yaml:"script_dirs"`
	ScriptUser string   `yaml:"script_user"`
	TLS        TLS      `yaml:"tls"`
	Log        Log      `yaml:"log"`
	Bonds      []Bond   `yaml:"bonds"` // of this host; vipd builds those that are not there
}

// Address is an IP address without a zone.
type Address struct{ netip.Addr }

// ParseScalar reads an address as it is written in a file.
func (a *Address) ParseScalar(text string) error {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return conf.Problem{Text: fmt.Sprintf("%q is not an IP address", conf.Short(text)), Remedy: "write it without a port or prefix, as 10.9.0.1 or 2001:db8::1"}
	}
	a.Addr = ip
	return nil
}

// Fence is what shuts a virtual address off when the lease has run out.
type Fence string

// The fences.
const (
	FenceNFTables Fence = "nftables"
	FenceNone     Fence = "none"
)

// Log is how the daemon logs.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Defaults is the node file of a host that has none.
func Defaults() File {
	return File{
		GossipPort:  7946,
		ClusterPort: 7947,
		DataDir:     "/var/lib/vipd",
		Socket:      "/run/vipd/vipd.sock",
		SocketMode:  "0660",
		Fence:       FenceNFTables,
		Realtime:    true,
		ScriptDirs:  []string{"/etc/vipd/scripts"},
		Log:         Log{Level: "info", Format: "text"},
	}
}

//go:embed reference.yaml
var reference string

// Reference is a node file that explains every key and sets it to its default.
func Reference() string { return reference }

// Load reads a node file; Resolve fills in what depends on the host. If there is no file at DefaultPath,
// that is as good as an empty one; at any other path it is an error. What is wrong with the content is one
// error of type conf.Errors.
func Load(path string) (File, error) {
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		return Parse(path, data)
	case !errors.Is(err, fs.ErrNotExist):
		return File{}, fmt.Errorf("read the node file: %w", err)
	case path == DefaultPath:
		return Defaults(), nil
	}
	return File{}, fmt.Errorf("read the node file: %w; `vipd --print-reference` prints one to start from", err)
}

// Parse reads the content of a node file, whose name is only shown.
func Parse(file string, data []byte) (File, error) {
	f := Defaults()
	doc := conf.Decode(file, data, &f)
	f.check(doc)
	if err := doc.Err(); err != nil {
		return File{}, err
	}
	return f, nil
}
