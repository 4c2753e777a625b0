package vip

import (
	"net/netip"
	"slices"
)

// Adopt makes addresses this Host's own that a predecessor left for it: those that carry the mark and are
// among guarded (what the predecessor's fence protects). It changes nothing on the host and returns them.
func (h *Host) Adopt(guarded []netip.Addr) ([]Address, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.observe()
	if err != nil {
		return nil, err
	}
	names := w.names()
	var adopted []Address
	for _, a := range w.have {
		if !a.marked() || !slices.Contains(guarded, a.prefix.Addr()) {
			continue
		}
		address := a.address(names[a.index])
		h.owned[a.key] = address
		adopted = append(adopted, address)
	}
	return adopted, nil
}
