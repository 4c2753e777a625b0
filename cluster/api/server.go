package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"vipd/cluster/backup"
)

// maxRequest bounds a request's body, in bytes: a backup of the largest size fits.
const maxRequest = backup.MaxSize + 1<<10

// Bounds of one caller, who may be anybody that the socket's mode lets in.
const (
	maxCallers   = 128             // at once; others wait until one is done
	requestLimit = 5 * time.Second // for a request to be there as a whole
	answerLimit  = 5 * time.Second // for a caller to take what is written
)

// line is one line of an answer.
type line struct {
	Progress string          `json:"progress,omitempty"`
	Error    string          `json:"error,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
}

// Listen opens the daemon's socket, for the daemon's own user and group. A socket that nobody listens on
// any more is replaced; one that a daemon answers at is not.
func Listen(path string) (net.Listener, error) {
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
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("restrict %s: %w", path, err), l.Close())
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
func Serve(ctx context.Context, l net.Listener, b Backend) error {
	server := &http.Server{Handler: routes(b), ReadHeaderTimeout: 5 * time.Second}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(limited) != nil {
			server.Close()
		}
	})
	err := server.Serve(newLimited(l, maxCallers))
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stopping.Wait()
	return err
}

func routes(b Backend) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/status", verb(b.Status))
	mux.HandleFunc("POST /v1/why", verb(b.Why))
	mux.HandleFunc("POST /v1/simulate", verb(b.Simulate))
	mux.HandleFunc("POST /v1/spec", verb(b.Spec))
	mux.HandleFunc("POST /v1/checks", verb(b.Checks))
	mux.HandleFunc("POST /v1/token", verb(b.Token))
	mux.HandleFunc("POST /v1/init", verb(b.Init))
	mux.HandleFunc("POST /v1/join", verb(b.Join))
	mux.HandleFunc("POST /v1/leave", verb(b.Leave))
	mux.HandleFunc("POST /v1/remove", verb(b.Remove))
	mux.HandleFunc("POST /v1/role", verb(b.Role))
	mux.HandleFunc("POST /v1/voters", verb(b.Voters))
	mux.HandleFunc("POST /v1/apply", verb(b.Apply))
	mux.HandleFunc("POST /v1/profile", verb(b.Profile))
	mux.HandleFunc("POST /v1/move", verb(b.Move))
	mux.HandleFunc("POST /v1/drain", verb(b.Drain))
	mux.HandleFunc("POST /v1/reload", verb(b.Reload))
	mux.HandleFunc("POST /v1/backup", verb(b.Backup))
	mux.HandleFunc("POST /v1/restore", verb(b.Restore))
	mux.HandleFunc("POST /v1/pause", verb(b.Pause))
	mux.HandleFunc("POST /v1/restart-hold", verb(b.RestartHold))
	mux.HandleFunc("POST /v1/bonds", verb(b.Bonds))
	mux.HandleFunc("POST /v1/bond-plan", verb(b.BondPlan))
	mux.HandleFunc("POST /v1/bond-apply", verb(b.BondApply))
	mux.HandleFunc("POST /v1/bond-failover", verb(b.BondFailover))
	return mux
}

// verb makes a handler of a method.
func verb[In, Out any](do func(context.Context, In, Progress) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		var writing sync.Mutex // progress may come from several goroutines
		put := func(l line) {
			writing.Lock()
			defer writing.Unlock()
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerLimit))
			if json.NewEncoder(w).Encode(l) == nil { // else the caller went away: nobody is left to tell
				_ = http.NewResponseController(w).Flush()
			}
		}
		var in In
		// The limit is for the request alone: net/http would take one for all of the call as the end of the call.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(requestLimit))
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			put(line{Error: "read request: " + err.Error()})
			return
		}
		_ = control.SetReadDeadline(time.Time{})
		out, err := do(r.Context(), in, func(text string) { put(line{Progress: text}) })
		if err != nil {
			put(line{Error: err.Error()})
			return
		}
		result, err := json.Marshal(out)
		if err != nil {
			put(line{Error: "encode result: " + err.Error()})
			return
		}
		put(line{Result: result})
	}
}
