package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"vipd/cluster/state"
)

// dialer connects, and hangs up.
func dialer(at string) func(context.Context) Outcome {
	return func(ctx context.Context) Outcome {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", at)
		if err != nil {
			return failed(err)
		}
		conn.Close()
		return Outcome{OK: true}
	}
}

// requester asks for a URL, each time over a connection of its own: one that was kept open would say nothing of
// whether the service takes new ones.
func requester(h state.HTTPCheck) func(context.Context) Outcome {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: h.Insecure}, //nolint:gosec // on the operator's word
	}}
	if !h.Follow {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return func(ctx context.Context) Outcome {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
		if err != nil {
			return failed(err)
		}
		request.Header.Set("User-Agent", "vipd")
		response, err := client.Do(request)
		if err != nil {
			return failed(err)
		}
		defer response.Body.Close()
		if response.StatusCode != h.Status {
			return Outcome{Text: fmt.Sprintf("it answers %s, not %d", tidy(response.Status), h.Status)}
		}
		// The whole answer, within reason: one that breaks off is a failure.
		if _, err := io.CopyN(io.Discard, response.Body, maxBody); err != nil && !errors.Is(err, io.EOF) {
			return failed(fmt.Errorf("read the answer: %w", err))
		}
		return Outcome{OK: true, Text: tidy(response.Status)}
	}
}

// maxBody is how much of an answer is read, in bytes.
const maxBody = 1 << 20
