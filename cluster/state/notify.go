package state

import "time"

// Notify names the scripts that a node runs when what it is to a group changes: when it carries the addresses, could
// carry them, cannot, or has to do with the group no more. Any runs for each of these. Nil: nothing runs.
type Notify struct {
	Master  *ScriptCheck  `json:"master,omitempty"`
	Backup  *ScriptCheck  `json:"backup,omitempty"`
	Fault   *ScriptCheck  `json:"fault,omitempty"`
	Stop    *ScriptCheck  `json:"stop,omitempty"`
	Any     *ScriptCheck  `json:"any,omitempty"`
	Timeout time.Duration `json:"timeout"` // of each script
}

// DefaultNotifyTimeout is what a script has where nothing else is said.
const DefaultNotifyTimeout = 30 * time.Second
