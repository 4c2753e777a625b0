package lab

import (
	"io"
	"os"
)

// tailSize is how much of a log a failed test shows.
const tailSize = 8 << 10

// Log returns the last n bytes of what the process and its predecessors of the
// same name wrote, as far as it can be read.
func (p *Process) Log(n int64) string {
	f, err := os.Open(p.Spec.LogFile)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > n {
		if _, err := f.Seek(-n, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return string(b) + err.Error()
	}
	return string(b)
}
