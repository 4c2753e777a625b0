package api

import "context"

// Reloaded is what became of the node file's changes when it was read again.
type Reloaded struct {
	File    string       `json:"file"`
	Changes []FileChange `json:"changes"`
}

// FileChange is a key of the node file that says something else than what the daemon runs with.
type FileChange struct {
	Key    string `json:"key"`
	Before string `json:"before"` // empty: nothing was said
	After  string `json:"after"`
	// Live says that it is in force now; else it takes a restart.
	Live bool `json:"live"`
	// Note is what to know about it, as the steps that were taken; empty: nothing.
	Note string `json:"note,omitempty"`
}

// Reload has the daemon read its node file again.
func (c *Client) Reload(ctx context.Context) (Reloaded, error) {
	return do[Reloaded](ctx, c, "reload", None{})
}
