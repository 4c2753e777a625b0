package nodefile

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var byText = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestParse(t *testing.T) {
	got, err := Parse("f", []byte(`
node: db-1.example
listen: 2001:db8::1
gossip_port: 1
cluster_port: 65535
data_dir: /srv/vipd
socket: /tmp/s
socket_owner: www-data
socket_group: "33"
socket_mode: "0666"
command_group: adm
fence: none
realtime: false
script_dirs: [/srv/checks, /usr/lib/checks]
script_user: nobody
log: {level: debug, format: json}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := File{
		Node: "db-1.example", Listen: Address{netip.MustParseAddr("2001:db8::1")}, GossipPort: 1, ClusterPort: 65535,
		DataDir: "/srv/vipd", Socket: "/tmp/s", SocketOwner: "www-data", SocketGroup: "33", SocketMode: "0666", CommandGroup: "adm", Fence: FenceNone,
		ScriptDirs: []string{"/srv/checks", "/usr/lib/checks"}, ScriptUser: "nobody", Log: Log{Level: "debug", Format: "json"},
	}
	if diff := cmp.Diff(want, got, byText); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestParseKeepsDefaults(t *testing.T) {
	want := Defaults()
	want.Log.Format = "json"
	got, err := Parse("f", []byte("log:\n  format: json\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, byText); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	const listenRemedy = "write the address of this host at which the other nodes reach it"
	tests := []struct{ name, in, want string }{
		{"unknown key", "nodes: a", "f:1: nodes: unknown key: did you mean `node`? known keys: node, listen, gossip_port, cluster_port, data_dir, socket, socket_owner, socket_group, socket_mode, command_group, labels, fence, realtime, script_dirs, script_user, tls, log, bonds"},
		{"unknown key of log", "log: {lvl: info}", "f:1: log.lvl: unknown key: did you mean `level`? known keys: level, format"},
		{"key twice", "node: a\nnode: b", "f:2: node: is also on line 1: keep one of them"},
		{"node with an underscore", "node: node_1", "f:1: node: \"node_1\" is not a node name: use at most 63 letters, digits, `-` and `.`, as in node1 or db-2.example"},
		{"node is a number", "node: 1", "f:1: node: `1` is not text: put it in quotes: \"1\""},
		{"node without a name", "node:", "f:1: node: has no value: give it one or remove the line"},
		{"listen with a port", "listen: 10.0.0.1:7946", "f:1: listen: \"10.0.0.1:7946\" is not an IP address: write it without a port or prefix, as 10.9.0.1 or 2001:db8::1"},
		{"listen with a prefix", "listen: 10.0.0.1/24", "f:1: listen: \"10.0.0.1/24\" is not an IP address: write it without a port or prefix, as 10.9.0.1 or 2001:db8::1"},
		{"listen by name", "listen: node1", "f:1: listen: \"node1\" is not an IP address: write it without a port or prefix, as 10.9.0.1 or 2001:db8::1"},
		{"listen on any", "listen: 0.0.0.0", "f:1: listen: 0.0.0.0 stands for any address: " + listenRemedy},
		{"listen on any of IPv6", "listen: '::'", "f:1: listen: :: stands for any address: " + listenRemedy},
		{"listen on multicast", "listen: 224.0.0.18", "f:1: listen: 224.0.0.18 is a multicast address: " + listenRemedy},
		{"listen on broadcast", "listen: 255.255.255.255", "f:1: listen: 255.255.255.255 is a broadcast address: " + listenRemedy},
		{"listen on a link", "listen: fe80::1", "f:1: listen: fe80::1 means something on one link only: " + listenRemedy},
		{"listen with a zone", "listen: fe80::1%eth0", "f:1: listen: fe80::1%eth0 means something on one link only: " + listenRemedy},
		{"listen mapped", "listen: ::ffff:10.0.0.1", "f:1: listen: ::ffff:10.0.0.1 is IPv4 written as IPv6: write it as 10.0.0.1"},
		{"port 0", "gossip_port: 0", "f:1: gossip_port: 0 is not a port: use 1 to 65535"},
		{"port too high", "cluster_port: 65536", "f:1: cluster_port: 65536 is not a port: use 1 to 65535"},
		{"port is text", "cluster_port: raft", "f:1: cluster_port: `raft` is not a whole number: write decimal digits"},
		{"same port", "gossip_port: 7000\ncluster_port: 7000", "f:2: cluster_port: 7000 is the port of gossip and of the cluster: give them different ports"},
		{"port of the other's default", "gossip_port: 7947", "f:1: gossip_port: 7947 is the port of gossip and of the cluster: give them different ports"},
		{"relative directory", "data_dir: lib/vipd", "f:1: data_dir: \"lib/vipd\" is not an absolute path: write it from the root, as /var/lib/vipd"},
		{"empty directory", "data_dir: ''", "f:1: data_dir: \"\" is not an absolute path: write it from the root, as /var/lib/vipd"},
		{"root directory", "data_dir: /", "f:1: data_dir: the root directory cannot be meant: write a path of vipd's own, as /var/lib/vipd"},
		{"directory with a slash", "data_dir: /srv/../vipd/", "f:1: data_dir: /srv/../vipd/ is a roundabout path: write it as /vipd"},
		{"relative socket", "socket: vipd.sock", "f:1: socket: \"vipd.sock\" is not an absolute path: write it from the root, as /run/vipd/vipd.sock"},
		{"socket too long", "socket: /" + strings.Repeat("s", 107), "f:1: socket: the path has 108 bytes: the kernel allows 107; choose a shorter one"},
		{"socket_mode in words", "socket_mode: rw-rw----", "f:1: socket_mode: \"rw-rw----\" is no mode: write it in octal and in quotes, as \"0660\""},
		{"socket_mode without quotes", "socket_mode: 0660", "f:1: socket_mode: `0660` is not text: put it in quotes: \"0660\""},
		{"socket_mode that shuts the owner out", "socket_mode: \"0060\"", "f:1: socket_mode: \"0060\" shuts the owner out: let the owner read and write, as \"0660\" does"},
		{"socket_mode with other bits", "socket_mode: \"4660\"", "f:1: socket_mode: \"4660\" is no mode: write it in octal and in quotes, as \"0660\""},
		{"relative script_dirs", "script_dirs: [/a, scripts]", "f:1: script_dirs[1]: \"scripts\" is not an absolute path: write it from the root, as /etc/vipd/scripts"},
		{"script_dirs of everything", "script_dirs: [/]", "f:1: script_dirs[0]: the root directory cannot be meant: write a path of vipd's own, as /etc/vipd/scripts"},
		{"tls without an authority", "tls: {cert: /c, key: /k}", "f:1: tls: there is no `ca`: name the file with the certificates of the authority that all nodes' certificates are from"},
		{"tls without a key", "tls:\n  ca: /a\n  cert: /c", "f:1: tls: there is one of `cert` and `key`: name both, or neither"},
		{"tls that refuses itself", "tls:\n  ca: /a", "f:1: tls: this node would show a certificate that follows from the secret, and refuse those of others: name `cert` and `key`, or say `derived: true` until all nodes have theirs"},
		{"tls with a path of nowhere", "tls: {ca: a.pem, derived: true}", "f:1: tls.ca: \"a.pem\" is not an absolute path: write it from the root, as /etc/vipd/tls/node.pem"},
		{"label without a value", "labels: {rack: ''}", "f:1: labels.rack: \"\" cannot be in a label: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first, as in rack: a"},
		{"label with a space", "labels: {my rack: a}", "f:1: labels.my rack: \"my rack\" cannot be in a label: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first, as in rack: a"},
		{"fence", "fence: iptables", "f:1: fence: \"iptables\" is not a choice: write nftables or none"},
		{"fence is off", "fence: false", "f:1: fence: `false` is not text: put it in quotes: \"false\""},
		{"log level", "log:\n  level: INFO", "f:2: log.level: \"INFO\" is not a choice: write debug, info, warn or error"},
		{"log format", "log: {format: logfmt}", "f:1: log.format: \"logfmt\" is not a choice: write text or json"},
		{"log is text", "log: debug", "f:1: log: `debug` is not a mapping: write it as `key: value`; known keys: level, format"},
		{"two at once", "fence: x\ngossip_port: -1", "f:1: fence: \"x\" is not a choice: write nftables or none\nf:2: gossip_port: -1 is not a port: use 1 to 65535"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("f", []byte(tt.in))
			if err == nil {
				t.Fatalf("accepted as %+v", f)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !reflect.DeepEqual(f, File{}) {
				t.Errorf("a file came with the error: %+v", f)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd.yaml")
	_, err := Load(path)
	want := "read the node file: open " + path + ": no such file or directory; `vipd --print-reference` prints one to start from"
	if err == nil || err.Error() != want {
		t.Errorf("missing file: %v, want %s", err, want)
	}
	if err := os.WriteFile(path, []byte("\nfence: of\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path)
	want = path + ":2: fence: \"of\" is not a choice: write nftables or none"
	if err == nil || err.Error() != want {
		t.Errorf("wrong file: %v, want %s", err, want)
	}
}

func TestLoadWithoutDefaultFile(t *testing.T) {
	if _, err := os.Stat(DefaultPath); err == nil {
		t.Skipf("this host has a %s", DefaultPath)
	}
	f, err := Load(DefaultPath)
	if err != nil || !reflect.DeepEqual(f, Defaults()) {
		t.Errorf("Load = %+v, %v; want the defaults", f, err)
	}
}

func TestReferenceIsTheDefaults(t *testing.T) {
	f, err := Parse("reference", []byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Defaults(), f, byText); diff != "" {
		t.Errorf("(-defaults +reference):\n%s", diff)
	}
}

// Every key is there, behind a comment of its own, and what is commented out is right too.
func TestReferenceExplainsEveryKey(t *testing.T) {
	for _, key := range keysOf(reflect.TypeFor[File](), "") {
		if !regexp.MustCompile(`(?m)^#? *#.*\n#?` + key + `:`).MatchString(Reference()) {
			t.Errorf("no comment and line for %q", key)
		}
	}
	all := regexp.MustCompile(`(?m)^#((?:- |  )?[a-z0-9_]+:)`).ReplaceAllString(Reference(), "$1")
	f, err := Parse("reference", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	if f.Node != "node1" || f.Listen.String() != "10.9.0.1" || len(f.Bonds) != 5 {
		t.Errorf("examples read as %+v", f)
	}
}

// keysOf returns the keys of a struct as they stand in a file, as regular expressions: with their indentation, and
// with the dash of a list.
func keysOf(t reflect.Type, indent string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		keys = append(keys, indent+f.Tag.Get("yaml"))
		switch {
		case f.Type == reflect.TypeFor[[]Bond]():
			keys = append(keys, keysOf(f.Type.Elem(), indent+"(?:- |  )")...)
		case f.Type.Kind() == reflect.Struct && f.Type.NumField() > 0 && f.Type.Field(0).Tag != "":
			keys = append(keys, keysOf(f.Type, indent+"  ")...)
		}
	}
	return keys
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Reference()))
	f.Add([]byte("log: {level: [a]}\nlisten: fe80::1%a\nsocket: \"/\\0\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := Parse("f", data); err != nil && !reflect.DeepEqual(got, File{}) {
			t.Errorf("%+v came with %v", got, err)
		}
	})
}
