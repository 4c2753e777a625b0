package api

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"vipd/cluster/backup"
)

// Limits of the socket. Nobody may keep others from it: a user has so many connections, and all but root and the daemon's
// own user together have maxOthers.
const (
	maxPerUser = 64
	maxOthers  = 256

	maxHeader    = 16 << 10        // bytes
	requestLimit = 5 * time.Second // for a request to be there as a whole
	writeLimit   = 5 * time.Second // for each line of an answer to be taken
	idleLimit    = 30 * time.Second

	turnAwayLimit = time.Second
)

// Bounds of a request's body, in bytes: of those who may command, and of others.
const (
	maxRequest = backup.MaxSize + 1<<10 // a backup of the largest size fits
	maxOfOther = 1 << 20
)

// door lets in connections of a unix socket whose other end the kernel names, and not too many.
type door struct {
	net.Listener
	porters chan struct{} // who turn others away

	mu    sync.Mutex
	users map[uint32]int // connections of each
	other int            // connections of all but root and the daemon's user
}

func newDoor(l net.Listener) *door {
	return &door{Listener: l, users: map[uint32]int{}, porters: make(chan struct{}, 8)}
}

// guest is a connection, and who is at its other end.
type guest struct {
	*net.UnixConn
	caller Caller
	leave  func()
}

func (g *guest) Close() error {
	g.leave()
	return g.UnixConn.Close()
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		unixConn := conn.(*net.UnixConn) // Listen makes no others
		caller, err := peerOf(unixConn)
		if err != nil {
			conn.Close() // it has gone already
			continue
		}
		if d.enter(caller) {
			return &guest{UnixConn: unixConn, caller: caller, leave: sync.OnceFunc(func() { d.leave(caller) })}, nil
		}
		d.turnAway(conn)
	}
}

func privileged(c Caller) bool { return c.UID == 0 || int(c.UID) == os.Geteuid() }

func (d *door) enter(c Caller) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[c.UID] >= maxPerUser || !privileged(c) && d.other >= maxOthers {
		return false
	}
	d.users[c.UID]++
	if !privileged(c) {
		d.other++
	}
	return true
}

func (d *door) leave(c Caller) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[c.UID]--; d.users[c.UID] == 0 {
		delete(d.users, c.UID)
	}
	if !privileged(c) {
		d.other--
	}
}

// turnAway says why not, if there is somebody free to say it: the other end has to have sent its request first.
func (d *door) turnAway(conn net.Conn) {
	select {
	case d.porters <- struct{}{}:
	default:
		conn.Close()
		return
	}
	go func() {
		defer func() { <-d.porters }()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(turnAwayLimit))
		_, _ = conn.Read(make([]byte, maxHeader))
		_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"+
			`{"error":"too many connections to vipd: end other programs of this user that use its socket, or try again"}`+"\n")
	}()
}

// bound gives a request so long to arrive, and no longer; what it starts may take its time.
func bound(w http.ResponseWriter, r *http.Request, trusted bool) (body io.Reader, arrived func()) {
	controller := http.NewResponseController(w)
	_ = controller.SetReadDeadline(time.Now().Add(requestLimit))
	limit := int64(maxOfOther)
	if trusted {
		limit = maxRequest
	}
	return http.MaxBytesReader(w, r.Body, limit), func() { _ = controller.SetReadDeadline(time.Time{}) }
}
