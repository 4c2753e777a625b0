package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"vipd/cluster/state"
)

// line is one line of an answer.
type line struct {
	Progress string          `json:"progress,omitempty"`
	Error    string          `json:"error,omitempty"`
	Event    *state.Event    `json:"event,omitempty"`
	Missed   bool            `json:"missed,omitempty"` // events before this one were forgotten
	Result   json.RawMessage `json:"result,omitempty"`
}

// Listen opens the daemon's socket, for those whom access says. A socket that nobody listens on
// any more is replaced; one that a daemon answers at is not.
func Listen(path string, access Access) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the socket's directory: %w", err)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("listen at %s: another daemon answers there; give this one another `socket`", path)
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	if err := access.restrict(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeSocket removes a socket that a daemon left, and nothing else that may be there by mistake.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", path, err)
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("listen at %s: something that is no socket is there; name another `socket`, or remove it", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the old socket: %w", err)
	}
	return nil
}

// Serve answers requests until ctx ends; then it lets those under way finish for a moment.
func Serve(ctx context.Context, l net.Listener, b Backend, access Access) error {
	s := &server{access: access}
	web := &http.Server{
		Handler: s.routes(ctx, b), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context { return withCaller(ctx, conn.(*guest).caller) },
	}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if web.Shutdown(limited) != nil {
			web.Close()
		}
	})
	err := web.Serve(newDoor(l))
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stopping.Wait()
	return err
}

// server answers requests of those who may make them.
type server struct{ access Access }

func (s *server) routes(ctx context.Context, b Backend) http.Handler {
	mux := http.NewServeMux()
	look(mux, s, "status", b.Status)
	look(mux, s, "why", b.Why)
	look(mux, s, "simulate", b.Simulate)
	look(mux, s, "spec", func(ctx context.Context, in SpecRequest, progress Progress) (Specification, error) {
		out, err := b.Spec(ctx, in, progress)
		if caller, _ := CallerOf(ctx); !s.access.trusts(caller) {
			out = out.withoutSecrets()
		}
		return out, err
	})
	look(mux, s, "checks", b.Checks)
	look(mux, s, "bonds", b.Bonds)
	look(mux, s, "bond-plan", b.BondPlan)
	mux.HandleFunc("POST /v1/events", s.stream(ctx, b.Events))
	verb(mux, s, "apply", b.Apply, func(r ApplyRequest) bool { return !r.DryRun })
	verb(mux, s, "profile", b.Profile, func(r ProfileRequest) bool { return r.Set != nil })
	command(mux, s, "token", b.Token)
	look(mux, s, "token-list", b.TokenList)
	command(mux, s, "token-revoke", b.TokenRevoke)
	command(mux, s, "init", b.Init)
	command(mux, s, "join", b.Join)
	command(mux, s, "leave", b.Leave)
	command(mux, s, "remove", b.Remove)
	command(mux, s, "recover", b.Recover)
	command(mux, s, "role", b.Role)
	verb(mux, s, "voters", b.Voters, func(r VotersRequest) bool { return r.Limit != nil || r.ReplaceAfter != nil })
	command(mux, s, "move", b.Move)
	command(mux, s, "drain", b.Drain)
	command(mux, s, "pause", b.Pause)
	look(mux, s, "secret-status", b.SecretStatus)
	command(mux, s, "secret-rotate", b.SecretRotate)
	command(mux, s, "reload", b.Reload)
	command(mux, s, "backup", b.Backup)
	command(mux, s, "restore", b.Restore)
	command(mux, s, "restart-hold", b.RestartHold)
	command(mux, s, "bond-apply", b.BondApply)
	command(mux, s, "bond-failover", b.BondFailover)
	return mux
}

// look serves a verb that everyone may use who can open the socket.
func look[In, Out any](mux *http.ServeMux, s *server, name string, do func(context.Context, In, Progress) (Out, error)) {
	verb(mux, s, name, do, func(In) bool { return false })
}

// command serves a verb that changes something, or tells a secret.
func command[In, Out any](mux *http.ServeMux, s *server, name string, do func(context.Context, In, Progress) (Out, error)) {
	verb(mux, s, name, do, func(In) bool { return true })
}

// verb serves a method; commands says which requests only those may make who may command.
func verb[In, Out any](mux *http.ServeMux, s *server, name string, do func(context.Context, In, Progress) (Out, error), commands func(In) bool) {
	mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		a := s.open(w, r)
		var in In
		switch {
		case !a.read(&in):
		case commands(in) && !a.trusted:
			a.finish(nil, errors.New(s.access.refusal(a.caller)))
		default:
			out, err := do(a.ctx, in, func(text string) { _ = a.put(line{Progress: text}) })
			a.finish(out, err)
		}
	})
}

// answer is what is said to one request.
type answer struct {
	w       http.ResponseWriter
	ctx     context.Context //nolint:containedctx // it lives as long as the request
	caller  Caller
	trusted bool // the caller may command
	body    io.Reader
	arrived func()

	mu sync.Mutex // progress may come from several goroutines
}

func (s *server) open(w http.ResponseWriter, r *http.Request) *answer {
	w.Header().Set("Content-Type", "application/x-ndjson")
	a := &answer{w: w, ctx: r.Context()}
	a.caller, _ = CallerOf(r.Context())
	a.trusted = s.access.trusts(a.caller)
	a.body, a.arrived = bound(w, r, a.trusted)
	return a
}

// read reads the request; what cannot be read is answered.
func (a *answer) read(in any) bool {
	decoder := json.NewDecoder(a.body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(in); err != nil {
		// The limit stays: net/http reads what is left of the request before it answers.
		a.finish(nil, fmt.Errorf("read request: %w", err))
		return false
	}
	a.arrived()
	return true
}

// put says one line. It fails when the caller went away, or does not take what it is told.
func (a *answer) put(l line) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	controller := http.NewResponseController(a.w)
	_ = controller.SetWriteDeadline(time.Now().Add(writeLimit))
	defer func() { _ = controller.SetWriteDeadline(time.Time{}) }()
	if err := json.NewEncoder(a.w).Encode(l); err != nil {
		return err
	}
	return controller.Flush()
}

// finish says how it went. Nobody is left to tell if that fails.
func (a *answer) finish(out any, err error) {
	if err != nil {
		_ = a.put(line{Error: err.Error()})
		return
	}
	result, err := json.Marshal(out)
	if err != nil {
		_ = a.put(line{Error: "encode result: " + err.Error()})
		return
	}
	_ = a.put(line{Result: result})
}
