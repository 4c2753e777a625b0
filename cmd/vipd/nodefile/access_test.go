package nodefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
)

func TestAccess(t *testing.T) {
	f := Defaults()
	got, err := f.Access()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.Access{Mode: 0o660}, got); diff != "" {
		t.Errorf("by default (-want +got):\n%s", diff)
	}
	f.SocketOwner, f.SocketGroup, f.SocketMode, f.CommandGroup = "root", "4711", "0666", "root"
	got, err = f.Access()
	if err != nil {
		t.Fatal(err)
	}
	want := api.Access{Mode: 0o666, Owner: ptr(uint32(0)), Group: ptr(uint32(4711)), Command: ptr(uint32(0)), CommandName: "root"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access (-want +got):\n%s", diff)
	}
}

func TestAccessOfStrangers(t *testing.T) {
	for key, set := range map[string]func(*File){
		"socket_owner":  func(f *File) { f.SocketOwner = "nobody-of-this-name" },
		"socket_group":  func(f *File) { f.SocketGroup = "nobody-of-this-name" },
		"command_group": func(f *File) { f.CommandGroup = "nobody-of-this-name" },
	} {
		f := Defaults()
		set(&f)
		_, err := f.Access()
		if err == nil || !strings.HasPrefix(err.Error(), key+" of the node file: ") || !strings.Contains(err.Error(), "nobody-of-this-name") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
