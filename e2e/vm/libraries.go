package vm

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// libraryDirs are where the dynamic loader of Debian and its relatives looks.
var libraryDirs = []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}

// withLibraries returns the path of a program of this host and of every shared
// library and loader it needs, each at the path where it will be looked for.
func withLibraries(program string) ([]string, error) {
	file, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", program, err)
	}
	files := []string{file}
	have := map[string]bool{file: true}
	for i := 0; i < len(files); i++ {
		needs, err := linkedWith(files[i])
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", program, err)
		}
		for _, n := range needs {
			if !have[n] {
				have[n] = true
				files = append(files, n)
			}
		}
	}
	return files, nil
}

// linkedWith returns the paths of the loader and the libraries that one file names.
func linkedWith(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var needs []string
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			loader := make([]byte, p.Filesz-1) // without its NUL
			if _, err := p.ReadAt(loader, 0); err != nil {
				return nil, fmt.Errorf("read the loader of %s: %w", file, err)
			}
			needs = append(needs, string(loader))
		}
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("read the libraries of %s: %w", file, err)
	}
	for _, name := range names {
		found, err := findLibrary(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		needs = append(needs, found)
	}
	return needs, nil
}

func findLibrary(name string) (string, error) {
	for _, dir := range libraryDirs {
		if file := filepath.Join(dir, name); exists(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("library %s not found", name)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
