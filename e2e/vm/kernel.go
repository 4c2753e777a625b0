package vm

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const qemu = "qemu-system-x86_64"

// kernel is the unpacked kernel package.
type kernel struct {
	image   string            // the bootable kernel
	modules map[string]string // module name, with _ for -, to its file
}

// findKernel finds what prepare.sh left; its error says how to get it.
func findKernel() (kernel, error) {
	if _, err := exec.LookPath(qemu); err != nil {
		return kernel{}, fmt.Errorf("%s is not installed: run sh e2e/vm/prepare.sh", qemu)
	}
	root, err := moduleRoot()
	if err != nil {
		return kernel{}, err
	}
	dir := filepath.Join(root, ".cache", "vm", "kernel")
	k := kernel{image: filepath.Join(dir, "vmlinuz"), modules: make(map[string]string)}
	if _, err := os.Stat(k.image); err != nil {
		return kernel{}, fmt.Errorf("no kernel in %s: run sh e2e/vm/prepare.sh", dir)
	}
	err = filepath.WalkDir(filepath.Join(dir, "lib", "modules"), func(file string, _ fs.DirEntry, err error) error {
		if name, isModule := strings.CutSuffix(filepath.Base(file), ".ko"); err == nil && isModule {
			k.modules[moduleName(name)] = file
		}
		return err
	})
	if err != nil {
		return kernel{}, fmt.Errorf("list kernel modules: %w", err)
	}
	return k, nil
}

// moduleRoot finds the directory of go.mod from the working directory upwards.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the repository: no go.mod above the working directory")
		}
	}
}

func moduleName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// resolve returns the files of the named modules in an order in which they can
// be loaded. A name without * that no file has may be built into the kernel; it
// is an error nevertheless, since nobody would notice a misspelt one.
func (k kernel) resolve(names []string) ([]string, error) {
	var order []string
	done := make(map[string]bool)
	var load func(name string) error
	load = func(name string) error {
		if done[name] {
			return nil
		}
		done[name] = true
		file, ok := k.modules[name]
		if !ok {
			return fmt.Errorf("kernel module %s: not in the kernel package", name)
		}
		needs, err := dependencies(file)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := load(n); err != nil {
				return fmt.Errorf("%s needs %w", name, err)
			}
		}
		order = append(order, file)
		return nil
	}
	for _, pattern := range names {
		for _, name := range k.match(moduleName(pattern)) {
			if err := load(name); err != nil {
				return nil, err
			}
		}
	}
	return order, nil
}

func (k kernel) match(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	var names []string
	for name := range k.modules {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			names = append(names, name)
		}
	}
	return names
}

// dependencies reads the names of the modules that a module file needs from its
// .modinfo section: NUL-separated key=value, here "depends=stp,llc".
func dependencies(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read kernel module: %w", err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("read kernel module %s: no .modinfo", file)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read kernel module %s: %w", file, err)
	}
	for entry := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			return strings.Split(moduleName(list), ","), nil
		}
	}
	return nil, nil
}
