package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
)

// Hold is what a daemon that stopped for a planned restart left on its host, for the next start: its
// addresses, under a lease that goes on.
type Hold struct {
	Epoch uint64 `json:"epoch"`
	Start string `json:"start"` // that registered Epoch
	// Index is the state up to which the daemon acted. Whoever acts on an older one in the same epoch may
	// take what was let go of.
	Index uint64 `json:"index"`
	Until int64  `json:"until"` // end of the lease, CLOCK_BOOTTIME in nanoseconds
	Boot  string `json:"boot"`  // of the host, in which Until means something
	// Addresses are those that the host carries, so that they are found even without the fence.
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

func (h Hold) validate() error {
	if h.Epoch == 0 || h.Start == "" || h.Until <= 0 || h.Boot == "" {
		return errors.New("hold without epoch, start, end or boot")
	}
	return nil
}

// SaveHold leaves a hold for the next start. It is on the disk when SaveHold returns nil; after an error it
// may be there or not.
func (d *Dir) SaveHold(h Hold) error {
	if err := h.validate(); err != nil {
		return fmt.Errorf("save hold: %w", err)
	}
	text, err := json.MarshalIndent(h, "", "  ")
	if err == nil {
		err = replaceFile(d.file("hold"), seal(append(text, '\n')))
	}
	if err != nil {
		return fmt.Errorf("save hold: %w", err)
	}
	return nil
}

// TakeHold returns the hold that was left, and false if there is none. It is gone from the disk before it is
// returned, so nobody takes it twice. Losing one does no harm but for the time until its lease has ended;
// hence a damaged one (ErrDamaged) is gone as well.
func (d *Dir) TakeHold() (Hold, bool, error) {
	text, err := readSealed(d.file("hold"))
	if errors.Is(err, os.ErrNotExist) {
		return Hold{}, false, nil
	}
	if err := errors.Join(os.Remove(d.file("hold")), syncDir(d.path)); err != nil {
		return Hold{}, false, fmt.Errorf("take hold: %w", err)
	}
	if err != nil {
		return Hold{}, false, fmt.Errorf("take hold: %w", err)
	}
	h, err := parseHold(text)
	if err != nil {
		return Hold{}, false, fmt.Errorf("take hold: %w", damaged(d.file("hold"), err))
	}
	return h, true, nil
}

func parseHold(text []byte) (Hold, error) {
	var h Hold
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return Hold{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Hold{}, errors.New("text after the end")
	}
	return h, h.validate()
}
