package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"vipd/vip"
	"vipd/vip/fence"
	"vipd/vrrp"
)

// openHost opens this host's gate and addresses, and takes off what a predecessor that was killed left:
// before this node may ask for a lease, it must hold nothing.
func (m *member) openHost() error {
	m.door = &door{gate: noGate{}, log: m.log, rebuild: m.openGate}
	left, err := m.takeHold()
	if err != nil {
		return err
	}
	var adopted *fence.Fence
	if left != nil {
		adopted = m.adoptGate()
	}
	switch {
	case adopted != nil:
		m.door.gate = adopted
	case m.options.Fence:
		if m.door.gate, err = m.openGate(); err != nil {
			return err
		}
	}
	m.opened.add(m.door.close)
	addresses, err := vip.Open(vip.Options{Logger: m.log, Lifetime: lifetime})
	if err != nil {
		return err
	}
	m.host = addresses
	m.opened.add(addresses.Close)
	if adopted != nil {
		if err = m.adopt(adopted, addresses, left); err == nil {
			return nil
		}
		m.log.Warn("what the predecessor left is not gone on with", "error", err)
		if err := adopted.Shut(); err != nil {
			return err
		}
	}
	return m.clearLeftovers()
}

func (m *member) openGate() (gate, error) {
	g, err := fence.Open(fence.Options{Instance: m.self.node, Logger: m.log})
	if err != nil {
		return nil, fmt.Errorf("make the fence: %w; or set `fence: none`, and a daemon that hangs may answer for what others took over", err)
	}
	return g, nil
}

func (m *member) clearLeftovers() error {
	guarded, err := m.door.gate.Guarded()
	if err != nil {
		return fmt.Errorf("read what a predecessor left: %w", err)
	}
	known := guarded
	if m.left != nil {
		known = slices.Concat(guarded, m.left.Addresses)
	}
	removed, err := m.host.RemoveLeftovers(known)
	if err != nil {
		return fmt.Errorf("remove what a predecessor left: %w", err)
	}
	if len(removed) > 0 {
		m.log.Info("removed addresses that a predecessor left", "addresses", removed)
	}
	links, err := vrrp.RemoveVMACs(m.self.node)
	if err != nil {
		return fmt.Errorf("remove what a predecessor left: %w", err)
	}
	if len(links) > 0 {
		m.log.Info("removed virtual MACs that a predecessor left", "interfaces", links)
	}
	return m.door.gate.Release(guarded)
}

func (m *member) watchHost(ctx context.Context) error { return m.host.Watch(ctx, m.tenant.changed) }

// watchDisk ends this life when a write to the data directory failed: what Raft thinks it wrote can no
// longer be trusted, and a restart reads what is there.
func (m *member) watchDisk(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-m.stores.Failed():
		m.fail(fmt.Errorf("write to the data directory: %w", m.stores.Err()))
	}
	return nil
}

// mayAnnounce is asked right before an address is announced.
func (m *member) mayAnnounce(netip.Addr) bool {
	lease, _ := m.door.valid()
	alone, _ := m.door.permits(true)
	return lease || alone
}
