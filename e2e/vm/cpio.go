package vm

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// cpioWriter writes the archive format that the kernel unpacks as its first
// root file system: "newc" of Documentation/driver-api/early-userspace/
// buffer-format.rst. Parent directories are added by themselves.
type cpioWriter struct {
	w       io.Writer
	written int64
	inode   int
	have    map[string]bool
	err     error
}

const (
	modeDir  = 0o040755
	modeFile = 0o100755
)

func newCPIO(w io.Writer) *cpioWriter {
	return &cpioWriter{w: w, have: map[string]bool{".": true}}
}

// addFile copies a file of the host into the archive. name is absolute.
func (c *cpioWriter) addFile(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return c.add(name, modeFile, info.Size(), f)
}

// addBytes puts a file with the given content into the archive.
func (c *cpioWriter) addBytes(name, content string) error {
	return c.add(name, modeFile, int64(len(content)), strings.NewReader(content))
}

// addDir puts an empty directory into the archive.
func (c *cpioWriter) addDir(name string) error { return c.add(name, modeDir, 0, nil) }

// close writes the record that ends the archive.
func (c *cpioWriter) close() error {
	c.record("TRAILER!!!", 0, 0, nil)
	return c.err
}

func (c *cpioWriter) add(name string, mode int, size int64, content io.Reader) error {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if c.have[name] {
		return nil
	}
	if dir := path.Dir(name); !c.have[dir] {
		if err := c.addDir(dir); err != nil {
			return err
		}
	}
	c.have[name] = true
	c.record(name, mode, size, content)
	return c.err
}

// record writes one header, name and content, each padded to four bytes.
func (c *cpioWriter) record(name string, mode int, size int64, content io.Reader) {
	c.inode++
	links := 1
	c.print(fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(name)+1, 0))
	c.print(name + "\x00")
	c.pad()
	if content != nil && c.err == nil {
		n, err := io.CopyN(c.w, content, size)
		c.written += n
		c.err = err
	}
	c.pad()
}

func (c *cpioWriter) pad() { c.print(strings.Repeat("\x00", int(-c.written&3))) }

func (c *cpioWriter) print(s string) {
	if c.err != nil {
		return
	}
	n, err := io.WriteString(c.w, s)
	c.written += int64(n)
	c.err = err
}
