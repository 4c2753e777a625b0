package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// planner answers what takes a specification as a node does, but for having it committed.
type planner struct{ Backend }

func (planner) Apply(_ context.Context, r ApplyRequest, _ Progress) (ApplyResult, error) {
	next := spec.Spec{Groups: r.Groups, Checks: r.Checks}.Normal()
	if err := spec.Validate(next); err != nil {
		return ApplyResult{}, err
	}
	_, err := spec.Marshal(next)
	return ApplyResult{Diff: spec.Compare(spec.Spec{}, next)}, err
}

func (planner) Restore(_ context.Context, r RestoreRequest, _ Progress) (RestoreResult, error) {
	if err := r.Backup.Validate(); err != nil {
		return RestoreResult{}, err
	}
	_, err := r.Backup.Served(state.New())
	return RestoreResult{}, err
}

func (planner) Profile(_ context.Context, r ProfileRequest, _ Progress) (state.Profile, error) {
	if r.Set == nil {
		return state.LAN, nil
	}
	return *r.Set, r.Set.Validate()
}

func (planner) Move(_ context.Context, r MoveRequest, p Progress) (GroupStatus, error) {
	p(r.Node)
	return GroupStatus{Name: r.Group}, nil
}

// FuzzRequest: whatever a request is, there is one result or one error.
func FuzzRequest(f *testing.F) {
	f.Add("apply", []byte(`{"groups":[{"name":"web","addresses":[{"address":"192.0.2.1/24","interface":"eth0"}],"priority":100}],"dry_run":true}`))
	f.Add("apply", []byte(`{"groups":null,"checks":[{"name":"c","tcp":"h:1","interval":1000000000,"timeout":1}]}`))
	f.Add("restore", []byte(`{"backup":{"groups":[],"withheld":["x"],"profile":{"renew":1}}}`))
	f.Add("profile", []byte(`{"set":{"renew":80000000,"lease":250000000,"margin":10000000}}`))
	f.Add("move", []byte(`{"group":"web","node":"\ud800"}`))
	f.Add("../status", []byte(`{`))
	handler := (&server{}).routes(context.Background(), planner{})
	f.Fuzz(func(t *testing.T, verb string, body []byte) {
		switch verb {
		case "apply", "restore", "profile", "move":
		default:
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/"+verb, bytes.NewReader(body))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		decoder, ends := json.NewDecoder(w.Body), 0
		for decoder.More() {
			var l line
			if err := decoder.Decode(&l); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if l.Error != "" || l.Result != nil {
				ends++
			}
		}
		if ends != 1 {
			t.Fatalf("%d results or errors: %s", ends, w.Body)
		}
	})
}
