package vrrp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"vipd/vrrp"
)

// heard is an advert as the client's host heard it.
type heard struct {
	at       time.Time
	from     netip.Addr
	priority uint8
}

// ear listens to the multicast adverts on the segment.
type ear struct {
	*scene
	mu   sync.Mutex
	list []heard
}

// listen hears all adverts over IPv4 from now on, until the test ends.
func (s *scene) listen() *ear {
	s.Helper()
	return s.listenIn(false)
}

// listenIn hears those over IPv6 or IPv4.
func (s *scene) listenIn(ipv6 bool) *ear {
	s.Helper()
	e := &ear{scene: s}
	client := s.Lab.Client
	var conn *vrrp.Conn
	s.must(client.Do(func() error {
		source, err := vrrp.SourceAddress(client.Interface, ipv6, nil)
		if err != nil {
			return err
		}
		conn, err = vrrp.Listen(s.Context(), vrrp.ConnConfig{Interface: client.Interface, Source: source})
		return err
	}))
	done := make(chan error, 1)
	go func() { done <- e.hear(conn) }()
	s.Cleanup(func() {
		conn.Close()
		if err := <-done; err != nil {
			s.Errorf("listen: %v", err)
		}
	})
	return e
}

func (e *ear) hear(conn *vrrp.Conn) error {
	for {
		p, err := conn.Receive()
		if errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		e.mu.Lock()
		e.list = append(e.list, heard{time.Now(), p.Src, p.Payload[2]})
		e.mu.Unlock()
	}
}

// since returns what was heard from a time on.
func (e *ear) since(at time.Time) []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []heard
	for _, h := range e.list {
		if !h.at.Before(at) {
			list = append(list, h)
		}
	}
	return list
}

// unnoticed asserts that peers had no reason to notice anything since a time: one priority throughout, no
// farewell, never a pause that a backup of a priority would not bear, and a given number of changes of speaker.
func (e *ear) unnoticed(at time.Time, priority uint8, pause time.Duration, changes int) {
	e.Helper()
	list := e.since(at)
	turns := 0
	for i, h := range list {
		if h.priority != priority {
			e.Errorf("%v advertised priority %d, want %d", h.from, h.priority, priority)
		}
		if i == 0 {
			continue
		}
		if gap := h.at.Sub(list[i-1].at); gap > pause {
			e.Errorf("no advert for %v before one of %v", gap, h.from)
		}
		if h.from != list[i-1].from {
			turns++
			e.Logf("%v advertises %v after the last advert of %v", h.from, h.at.Sub(list[i-1].at).Round(time.Millisecond), list[i-1].from)
		}
	}
	if turns != changes || len(list) == 0 {
		e.Errorf("the speaker changed %d times in %d adverts, want %d", turns, len(list), changes)
	}
}
