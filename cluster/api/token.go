package api

import (
	"context"
	"time"
)

// TokenRequest asks for a join token: the zero value for one that has the cluster's secret in it, else for one that only
// members can make use of, and that ends.
type TokenRequest struct {
	TTL  time.Duration `json:"ttl,omitempty"` // 0 with Once: an hour
	Once bool          `json:"once,omitempty"`
}

// TokenText is a join token.
type TokenText struct {
	Token   string    `json:"token"`
	ID      string    `json:"id,omitempty"`     // of one that ends
	Expires time.Time `json:"expires,omitzero"` // by the leader's clock
}

// TokenList is the tokens that end.
type TokenList struct {
	Tokens []TokenStatus `json:"tokens"`
}

// TokenStatus is one token, without what makes it good.
type TokenStatus struct {
	ID      string    `json:"id"`
	State   string    `json:"state"` // good, used, expired or revoked
	Made    time.Time `json:"made"`
	By      string    `json:"by,omitempty"`
	Expires time.Time `json:"expires"` // by the leader's clock
	Once    bool      `json:"once,omitempty"`
	Used    int       `json:"used"` // how often
}

// TokenRevokeRequest makes a token no good.
type TokenRevokeRequest struct {
	ID string `json:"id"`
}

// Token asks for the join token that has the cluster's secret in it.
func (c *Client) Token(ctx context.Context) (TokenText, error) {
	return c.TokenFor(ctx, TokenRequest{})
}

// TokenFor asks for a join token.
func (c *Client) TokenFor(ctx context.Context, r TokenRequest) (TokenText, error) {
	return do[TokenText](ctx, c, "token", r)
}

// TokenList asks which tokens there are that end.
func (c *Client) TokenList(ctx context.Context) (TokenList, error) {
	return do[TokenList](ctx, c, "token-list", None{})
}

// TokenRevoke makes a token no good.
func (c *Client) TokenRevoke(ctx context.Context, r TokenRevokeRequest) error {
	_, err := do[None](ctx, c, "token-revoke", r)
	return err
}
