package process

import (
	"context"
	"net/http"
	"time"
)

// Answers is the probe of a program that is ready once url answers 200. It keeps no connection, which a program that ends
// might wait for.
func Answers(client *http.Client, url string) Probe {
	return func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return false
		}
		defer client.CloseIdleConnections()
		res, err := client.Do(req)
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusOK
	}
}
