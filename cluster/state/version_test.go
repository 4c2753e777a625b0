package state

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/fields.txt")

// Members read commands strictly: a field that an older one does not know stops it. So each field has the version that
// has it, and one that was added has a newer version than those that were there before.
func TestEachFieldHasItsVersion(t *testing.T) {
	var got bytes.Buffer
	walkFields(reflect.TypeFor[Command](), nil, "", func(path []int, name string) {
		var c Command
		setField(reflect.ValueOf(&c).Elem(), path)
		fmt.Fprintf(&got, "%d %s\n", c.Needs(), name)
	})
	const file = "testdata/fields.txt"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Split(string(want), "\n")
	for _, line := range strings.Split(got.String(), "\n") {
		if !contains(known, line) {
			t.Errorf("%s: not in %s. A new field needs a version of its own in version.go (`Needs`, CommandVersion), or "+
				"members of earlier versions stop at it; then run this test with -update", line, file)
		}
	}
	for _, line := range known {
		if !contains(strings.Split(got.String(), "\n"), line) {
			t.Errorf("%s: gone, and members of earlier versions write it", line)
		}
	}
}

func contains(lines []string, line string) bool {
	for _, l := range lines {
		if l == line {
			return true
		}
	}
	return false
}

// walkFields calls each with every field that can be in a command, at any depth.
func walkFields(t reflect.Type, path []int, name string, each func(path []int, name string)) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !strings.HasSuffix(t.PkgPath(), "cluster/state") {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		at, called := append(path[:len(path):len(path)], i), strings.TrimPrefix(name+"."+tag, ".")
		if f.Anonymous {
			walkFields(f.Type, at, name, each)
			continue
		}
		if tag == "-" || !f.IsExported() {
			continue
		}
		each(at, called)
		walkFields(f.Type, at, called, each)
	}
}

// setField gives a field a value that is not its zero one, and what it is in, too.
func setField(v reflect.Value, path []int) {
	switch {
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.IPv4Unspecified()))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if len(path) > 0 {
			setField(v.Elem(), path)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if len(path) > 0 {
			setField(v.Index(0), path)
		}
	case len(path) > 0:
		setField(v.Field(path[0]), path[1:])
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem())
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	}
}

// What the cluster may use only rises: by what is written, and by what all members are known to read.
func TestWhatIsInUseRises(t *testing.T) {
	s := oneNode(t)
	at := func(want int) {
		t.Helper()
		if got := s.InUse(); got != want {
			t.Errorf("in use: %d, want %d", got, want)
		}
	}
	written := func(cmd Command) {
		t.Helper()
		data, err := cmd.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if cmd, err = DecodeCommand(data); err != nil {
			t.Fatal(err)
		}
		s = mustApply(t, s, cmd)
	}
	at(1)
	written(Command{SetGroups: &SetGroups{Groups: []Group{withCheck("web", "nginx", 5, "10.0.0.1/24")}, Checks: []Check{process("nginx")}}})
	at(2)
	written(Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24")}}})
	at(2)
	written(Command{Raise: &Raise{Version: CommandVersion}})
	at(CommandVersion)
	written(Command{Raise: &Raise{Version: 2}})
	at(CommandVersion)
	var snapshot bytes.Buffer
	if err := s.Encode(&snapshot); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&snapshot)
	if err != nil {
		t.Fatal(err)
	}
	s = again
	at(CommandVersion)
}

// A vipd that is too old says so, and which version it needs, whatever else is new in what it cannot read.
func TestTooOldForTheCluster(t *testing.T) {
	for name, read := range map[string]func() error{
		"command": func() error { _, err := DecodeCommand([]byte(`{"v":1000,"a_new_kind":{}}`)); return err },
		"what all the others read": func() error {
			_, err := DecodeCommand([]byte(`{"v":6,"at":"2026-01-01T00:00:00Z","raise":{"version":1000}}`))
			return err
		},
		"snapshot": func() error { _, err := Decode(strings.NewReader(`{"format":1000}`)); return err },
		"version in use": func() error {
			_, err := Decode(strings.NewReader(`{"format":1,"uses":1000}`))
			return err
		},
	} {
		var old *TooOldError
		if err := read(); !errors.As(err, &old) || old.Needs != 1000 || !strings.Contains(err.Error(), "1000") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
