package main

import (
	"sync"

	"vipd/e2e/harness"
)

// memberships counts how often each node may have become another member.
type memberships struct {
	mu    sync.Mutex
	count map[string]int
}

// change counts the beginning of a change; what it returns counts its end.
func (m *memberships) change(n *harness.Node) (end func()) {
	m.add(n)
	return func() { m.add(n) }
}

func (m *memberships) add(n *harness.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count == nil {
		m.count = map[string]int{}
	}
	m.count[n.Name]++
}

func (m *memberships) of(n *harness.Node) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count[n.Name]
}
