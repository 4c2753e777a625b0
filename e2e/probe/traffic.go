package probe

import "time"

// send sends what is due.
func (l *loop) send(now int64) {
	l.main.due(now, func(i int) {
		t := l.targets[i]
		l.resolve(t, noTarget)
		if t.learned {
			l.echo(t, Echo, noTarget)
		} else {
			// Asked for, but by nobody: a client without an entry sends nothing.
			l.count(t, Echo)
		}
	})
	l.census.due(now, func(i int) {
		for h := range l.known {
			l.ask(l.targets[i], uint16(h))
		}
	})
}

// ask takes the census of one host.
func (l *loop) ask(t *target, host uint16) {
	l.echo(t, CensusEcho, host)
	l.resolve(t, host)
}

func (l *loop) echo(t *target, s Stream, host uint16) {
	mac := t.believed
	if host != noTarget {
		mac = l.macs[host]
	}
	l.seq++
	p := payload{session: l.session, addr: t.index, target: host, stream: s, sent: time.Now().UnixNano()}
	l.transmit(t.echoTo(mac, l.seq, p))
	l.count(t, s)
}

// resolve asks everybody, or one host.
func (l *loop) resolve(t *target, host uint16) {
	everybody := host == noTarget
	var spare int
	var mac [6]byte
	stream := Resolve
	if everybody {
		t.round[0] = (t.round[0] + 1) % broadcastSpares
		spare = t.round[0]
	} else {
		// All hosts of a round are asked from the same address, told apart by
		// their own.
		if host == 0 {
			t.round[1] = (t.round[1] + 1) % censusSpares
		}
		spare, mac, stream = broadcastSpares+t.round[1], l.macs[host], CensusResolve
	}
	// Within one census round the earliest time stands for all.
	if everybody || host == 0 {
		t.resolveAt[spare] = time.Now().UnixNano()
	}
	l.transmit(t.resolveTo(mac, spare, everybody))
	l.count(t, stream)
}

func (l *loop) transmit(frame []byte) {
	l.sent++
	if l.ring.send(frame) != nil {
		l.refused++
	}
}

func (l *loop) count(t *target, s Stream) {
	l.rec.update(func(r *Recording) { r.Sent[t.index][s]++ })
}

// receive takes in what has arrived.
func (l *loop) receive() {
	l.received += l.ring.each(func(frame []byte, at int64) {
		s := parse(frame)
		i, watched := l.byAddr[s.addr]
		if s.kind == nothing || !watched {
			return
		}
		t := l.targets[i]
		switch s.kind {
		case announcement:
			l.rec.add(Event{Received: at, Addr: t.index, Host: l.rec.host(s.mac), Announcement: true})
			t.learn(s.claimed, at)
		case echoReply:
			if s.echo.session == l.session && s.echo.addr == t.index && s.echo.stream < streams {
				l.answer(t, s, Event{Received: at, Sent: s.echo.sent, Stream: s.echo.stream}, s.echo.target)
			}
		case resolveReply:
			if spare, ours := t.spareOf[s.to]; ours && t.resolveAt[spare] != 0 {
				l.resolved(t, s, spare, at)
			}
		}
	})
}

func (l *loop) resolved(t *target, s sighting, spare int, at int64) {
	e := Event{Received: at, Sent: t.resolveAt[spare], Stream: Resolve}
	if spare >= broadcastSpares {
		e.Stream = CensusResolve
	}
	if !t.learned || at-t.answered > int64(l.options.Relearn) {
		t.learn(s.claimed, at)
	}
	l.answer(t, s, e, noTarget)
}

// learn is what a neighbour cache does.
func (t *target) learn(mac [6]byte, at int64) {
	if t.believed != mac || !t.learned {
		t.answered = at
	}
	t.believed, t.learned = mac, true
}

// answer records an answer for the host that gave it: by its MAC, or, where that
// is a virtual one, the host that was asked.
func (l *loop) answer(t *target, s sighting, e Event, asked uint16) {
	e.Addr, e.Host = t.index, l.rec.host(s.mac)
	virtual := l.rec.virtual(e.Host)
	if virtual && int(asked) < l.known {
		e.Host, virtual = asked, false
	}
	l.rec.add(e)
	if e.Stream == Echo {
		t.answered = max(t.answered, e.Received)
	}
	if virtual {
		return
	}
	if t.lastAt != 0 && t.lastHost != e.Host && e.Received-t.lastAt < int64(l.options.Window) {
		l.confirm(t, t.lastHost, e.Host, e.Received)
	}
	t.lastHost, t.lastAt = e.Host, e.Received
}

// confirm asks both sides of a quick change again, the former first, to learn at
// once whether both answer.
func (l *loop) confirm(t *target, former, latter uint16, at int64) {
	if at-t.confirmed < int64(confirmAfter) {
		return
	}
	t.confirmed = at
	for _, h := range [...]uint16{former, latter} {
		if int(h) < l.known {
			l.echo(t, CensusEcho, h)
		}
	}
}
