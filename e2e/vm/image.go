package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vipd/e2e/vm/guest/task"
)

// buildImage builds the test binary and init, and packs them with the modules
// and programs into the file image. dir takes the binaries.
func buildImage(ctx context.Context, k kernel, o Options, dir, image string) error {
	pkgDir, err := goTool(ctx, "list", "-f", "{{.Dir}}", o.Package)
	if err != nil {
		return err
	}
	testFile, initFile := filepath.Join(dir, "test"), filepath.Join(dir, "init")
	if _, err := goTool(ctx, "test", "-c", "-o", testFile, o.Package); err != nil {
		return err
	}
	if _, err := goTool(ctx, "build", "-o", initFile, "vipd/e2e/vm/guest"); err != nil {
		return err
	}
	modules, err := k.resolve(o.Modules)
	if err != nil {
		return err
	}

	out, err := os.Create(image)
	if err != nil {
		return fmt.Errorf("pack the machine's files: %w", err)
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 1<<20)
	archive := newCPIO(buffered)
	if err := fill(archive, o, modules, initFile, testFile, pkgDir); err != nil {
		return fmt.Errorf("pack the machine's files: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("pack the machine's files: %w", err)
	}
	return nil
}

func fill(archive *cpioWriter, o Options, modules []string, initFile, testFile, pkgDir string) error {
	work := task.Task{
		Args: append([]string{"-test.v", "-test.run=" + o.Pattern}, o.Args...),
		Env:  append([]string{Env + "=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"}, o.Env...),
	}
	for _, m := range modules {
		inside := "/modules/" + filepath.Base(m)
		work.Modules = append(work.Modules, inside)
		if err := archive.addFile(inside, m); err != nil {
			return err
		}
	}
	for _, p := range o.Programs {
		files, err := withLibraries(p)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := archive.addFile(f, f); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run", "/tmp", task.Dir} {
		if err := archive.addDir(dir); err != nil {
			return err
		}
	}
	if err := addTree(archive, filepath.Join(pkgDir, "testdata"), task.Dir+"/testdata"); err != nil {
		return err
	}
	if err := archive.addFile("/init", initFile); err != nil {
		return err
	}
	if err := archive.addFile(task.Binary, testFile); err != nil {
		return err
	}
	spec, err := json.Marshal(work)
	if err != nil {
		return err
	}
	if err := archive.addBytes(task.File, string(spec)); err != nil {
		return err
	}
	return archive.close()
}

// addTree copies the regular files below a directory of the host, if there is one.
func addTree(archive *cpioWriter, from, to string) error {
	if !exists(from) {
		return nil
	}
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return archive.addFile(to+strings.TrimPrefix(file, from), file)
	})
}

// goTool runs the go command for static binaries and returns what it printed.
func goTool(ctx context.Context, verb string, args ...string) (string, error) {
	if verb != "list" {
		args = append([]string{"-tags=hashicorpmetrics"}, args...)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{verb}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			detail = "\n" + string(exit.Stderr)
		}
		return "", fmt.Errorf("go %s %s: %w%s", verb, strings.Join(args, " "), err, detail)
	}
	return strings.TrimSpace(string(out)), nil
}
