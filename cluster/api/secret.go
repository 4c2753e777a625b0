package api

import (
	"context"
	"time"
)

// SecretStatus is what may be told of the cluster's secret.
type SecretStatus struct {
	Fingerprint string          `json:"fingerprint"`          // of the one that this node uses; it tells nothing of the secret
	Rotated     time.Time       `json:"rotated,omitzero"`     // when the one before was given up
	Outdated    bool            `json:"outdated,omitempty"`   // the others have a newer one
	Rotation    *RotationStatus `json:"rotation,omitempty"`   // nil: none is under way
	Stragglers  []string        `json:"stragglers,omitempty"` // nodes that came with a former secret lately
}

// RotationStatus is a rotation of the secret that is under way.
type RotationStatus struct {
	Phase   string    `json:"phase"` // offer: each node stores the next secret; use: each begins to use it
	Next    string    `json:"next"`  // its fingerprint
	Since   time.Time `json:"since"`
	By      string    `json:"by,omitempty"`
	Without []string  `json:"without,omitempty"` // nodes that are not waited for while they are off
	Ready   []string  `json:"ready"`             // for the next phase
	Waiting []string  `json:"waiting,omitempty"` // nodes without which it does not go on
}

// SecretRotateRequest begins a rotation, waits for one that is under way, or gives it up.
type SecretRotateRequest struct {
	Without []string `json:"without,omitempty"` // nodes that are off
	Abort   bool     `json:"abort,omitempty"`   // give up the one that is under way
}

// SecretResult is what is so after a rotation.
type SecretResult struct {
	Fingerprint string   `json:"fingerprint"`
	Without     []string `json:"without,omitempty"` // members that do not have the new secret
	Aborted     bool     `json:"aborted,omitempty"` // the rotation was given up, and the secret is the one before
}

// SecretStatus asks about the secret.
func (c *Client) SecretStatus(ctx context.Context) (SecretStatus, error) {
	return do[SecretStatus](ctx, c, "secret-status", None{})
}

// SecretRotate has the secret replaced by another.
func (c *Client) SecretRotate(ctx context.Context, r SecretRotateRequest) (SecretResult, error) {
	return do[SecretResult](ctx, c, "secret-rotate", r)
}
