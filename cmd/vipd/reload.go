package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"vipd/cluster"
	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/trust"
	"vipd/cmd/vipd/nodefile"
)

// confirmWithin is how long the cluster may take to answer after a change of the bonds; see `vipctl bond apply`.
const confirmWithin = 30 * time.Second

// reloader reads the node file again while the daemon runs.
type reloader struct {
	path    string
	log     *slog.Logger
	level   *slog.LevelVar
	service *service
	node    *cluster.Node // set before the first reload
	ready   chan struct{} // closed when the node has begun

	mu      sync.Mutex
	running nodefile.File // what is in force
	own     *trust.Own    // the certificates in force; nil: those that follow from the secret
	due     *time.Timer   // says when their list of revoked ones is to be replaced; nil: it never is
}

// live are the keys that take no restart.
var live = map[string]bool{"log.level": true, "script_dirs": true, "script_user": true, "labels": true, "bonds": true, "tls.ca": true, "tls.cert": true, "tls.key": true, "tls.crl": true, "tls.derived": true}

// reload does what the file says now, as far as a running daemon can. A file with a mistake changes nothing, and so
// does one with bonds that cannot be made.
func (r *reloader) reload(ctx context.Context, progress api.Progress) (api.Reloaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.service.reloading()
	result, err := r.apply(ctx, progress)
	if err != nil {
		r.log.Error("the node file is refused; what was in force stays so", "error", err)
		r.service.remark("node file refused: " + err.Error())
	} else {
		r.note(result)
	}
	r.service.ready(r.node.Describe())
	return result, err
}

func (r *reloader) apply(ctx context.Context, progress api.Progress) (api.Reloaded, error) {
	result := api.Reloaded{File: r.path, Changes: []api.FileChange{}}
	written, err := nodefile.Load(r.path)
	if err != nil {
		return result, err
	}
	resolved, err := nodefile.Resolve(written)
	if err != nil {
		return result, err
	}
	own, err := resolved.OwnCertificates()
	if err == nil {
		err = resolved.CheckLists(own, time.Now())
	}
	if err != nil {
		return result, err
	}
	scripts, err := scriptsOf(written)
	if err != nil {
		return result, err
	}
	for _, c := range nodefile.Changes(r.running, written) {
		result.Changes = append(result.Changes, api.FileChange{Key: c.Key, Before: c.Before, After: c.After, Live: live[c.Key]})
	}
	// Bonds first: they are what may fail.
	for i := range result.Changes {
		if c := &result.Changes[i]; c.Key == "bonds" {
			plan, err := r.node.BondApply(ctx, api.BondApplyRequest{ConfirmWithin: confirmWithin}, progress)
			if err != nil {
				return api.Reloaded{}, fmt.Errorf("bonds: %w", err)
			}
			c.Note = bondNote(plan)
		}
	}
	if err := r.node.SetTLS(own); err != nil {
		return api.Reloaded{}, fmt.Errorf("tls: %w", err)
	}
	result.Changes = append(result.Changes, certificates(r.own, own)...)
	r.holdOwn(own, resolved.TLS.CRL)
	r.node.SetScripts(scripts)
	r.node.SetLabels(written.Labels)
	r.level.Set(levelOf(written.Log))
	for _, c := range result.Changes {
		if c.Live {
			r.running.Take(c.Key, written)
		}
	}
	return result, nil
}

func bondNote(plan api.BondPlan) string {
	var notes []string
	for _, step := range plan.Bonds {
		for _, change := range step.Changes {
			notes = append(notes, step.Bond+": "+change)
		}
		if step.Left != "" {
			notes = append(notes, step.Bond+": left alone, "+step.Left)
		}
	}
	return strings.Join(notes, "; ")
}

// note logs what became of a file, and has `systemctl status` show what takes a restart.
func (r *reloader) note(result api.Reloaded) {
	var restart []string
	for _, c := range result.Changes {
		if c.Live {
			r.log.Info("node file: applied", "key", c.Key, "before", c.Before, "after", c.After, "note", c.Note)
			continue
		}
		r.log.Warn("node file: takes a restart of the daemon", "key", c.Key, "before", c.Before, "after", c.After)
		restart = append(restart, c.Key)
	}
	if len(result.Changes) == 0 {
		r.log.Info("node file: nothing changed")
	}
	r.log.Debug("node file: read again", "file", result.File)
	r.service.remark("")
	if len(restart) > 0 {
		r.service.remark("takes a restart: " + strings.Join(restart, ", "))
	}
}

func scriptsOf(f nodefile.File) (health.Scripts, error) {
	user, err := f.ScriptCredential()
	return health.Scripts{Dirs: f.ScriptDirs, User: user}, err
}

// levelOf is the log's level; a node file with another word was refused.
func levelOf(l nodefile.Log) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
