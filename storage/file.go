package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// temporary is the name a file has until it is complete. It is the same each time, so that leftovers of
// a crash do not pile up.
func temporary(path string) string { return path + ".new" }

// writeTemporary writes and syncs temporary(path) and returns it open. On an error nothing is left.
func writeTemporary(path string, data []byte) (*os.File, error) {
	f, err := os.OpenFile(temporary(path), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// replaceFile makes path contain data, readable by its owner only. After an error the old content may
// still be there, or the new one; never a mixture.
func replaceFile(path string, data []byte) error {
	f, err := replaceOpen(path, data)
	if err != nil {
		return err
	}
	return f.Close()
}

// replaceOpen is replaceFile, and returns the new file open.
func replaceOpen(path string, data []byte) (*os.File, error) {
	f, err := writeTemporary(path, data)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, fmt.Errorf("replace %s: %w", path, errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// syncDir makes creations, renames and removals in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open directory to sync it: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", path, err)
	}
	return nil
}

// seal puts a line with a checksum in front of a text, so that people can read the file and a changed
// byte is noticed.
func seal(text []byte) []byte {
	return append(sealLine(text), text...)
}

func sealLine(text []byte) []byte {
	return fmt.Appendf(nil, "crc32c %08x\n", crc32.Checksum(text, castagnoli))
}

// readSealed returns the text of a sealed file. The error is fs.ErrNotExist or ErrDamaged, wrapped.
func readSealed(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, text, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.Equal(data, seal(text)) {
		return nil, damaged(path, errors.New("checksum does not match"))
	}
	return text, nil
}

func damaged(path string, why error) error {
	return fmt.Errorf("%s is %w (%w); %s", path, ErrDamaged, why, remedy)
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
