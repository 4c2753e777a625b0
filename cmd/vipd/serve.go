package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"vipd/bond"
	"vipd/cluster"
	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/links"
	"vipd/cmd/vipd/nodefile"
	"vipd/storage"
)

// serve runs the daemon: first the data directory, which keeps a second daemon out, then the bonds, which the node's
// address may be on, last the node.
func serve(ctx context.Context, config string, file nodefile.File, stderr io.Writer) error {
	// So small a heap would be collected several times a second for no gain.
	debug.SetGCPercent(300)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from now on it does not end the daemon
	defer signal.Stop(hangup)
	lines := startLineWriter(stderr)
	defer lines.close()
	level := &slog.LevelVar{}
	level.Set(levelOf(file.Log))
	logger := newLogger(file.Log, level, lines)
	if file.Realtime {
		if err := becomeRealtime(); err != nil {
			logger.Warn("a busy host may cost this node its lease", "error", err)
		}
	}
	scripts, err := scriptsOf(file)
	if err != nil {
		return err
	}
	access, err := file.Access()
	if err != nil {
		return err
	}
	dir, err := storage.Open(file.DataDir)
	if err != nil {
		return err
	}
	r := &reloader{path: config, level: level, running: file, ready: make(chan struct{})}
	host := links.New(logger)
	err = host.Build(ctx, file.BondConfigs())
	if err == nil {
		file, err = nodefile.Resolve(file)
	}
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	own, err := file.OwnCertificates()
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	r.log = logger.With("node", file.Node)
	r.holdOwn(own, file.TLS.CRL)
	r.service = &service{log: r.log}
	r.node = cluster.New(r.options(file, scripts, access, dir, host))
	err = r.run(ctx, hangup)
	r.log.Info("stopped")
	return errors.Join(err, dir.Close())
}

func (r *reloader) options(file nodefile.File, scripts health.Scripts, access api.Access, dir *storage.Dir, host *links.Links) cluster.Options {
	return cluster.Options{
		Name:        file.Node,
		Listen:      file.Listen.Addr,
		GossipPort:  file.GossipPort,
		ClusterPort: file.ClusterPort,
		Socket:      file.Socket,
		Access:      access,
		Labels:      file.Labels,
		Fence:       file.Fence == nodefile.FenceNFTables,
		Scripts:     scripts,
		TLS:         r.own,
		Dir:         dir,
		Logger:      r.log,
		Version:     version,
		Links:       host,
		Bonds: func() ([]bond.Config, error) {
			written, err := nodefile.Load(r.path)
			return written.BondConfigs(), err
		},
		Reload: r.reload,
		Ready: func() {
			status := r.node.Describe()
			r.log.Info("ready", "version", version, "status", status, "socket", file.Socket)
			r.service.ready(status)
			close(r.ready)
		},
	}
}

// run runs the node, and beside it what serves the service manager.
func (r *reloader) run(ctx context.Context, hangup <-chan os.Signal) error {
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	if os.Getenv("NOTIFY_SOCKET") != "" {
		parts.Go(func() { r.service.feed(beside, r.node) })
	}
	parts.Go(func() {
		select {
		case <-r.ready: // a reload ends by saying that the daemon is ready
		case <-beside.Done():
			return
		}
		for {
			select {
			case <-beside.Done():
				return
			case <-hangup:
				if _, err := r.reload(beside, func(string) {}); err == nil { // else it has logged what is wrong
					r.node.NoteSignal("reload")
				}
			}
		}
	})
	unheed := context.AfterFunc(ctx, r.service.stopping)
	defer unheed()
	err := r.node.Run(ctx)
	end()
	parts.Wait()
	return err
}
