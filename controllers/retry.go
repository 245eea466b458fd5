package controllers

import (
	"math/rand/v2"
	"time"
)

// jitter spreads retries: between three quarters and five quarters of d.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1) //nolint:gosec // not for secrets
}
