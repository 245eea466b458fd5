// Package clock is the time of one stand-in instance: the real time, which a test can move forward.
package clock

import (
	"sync/atomic"
	"time"
)

// Clock is real time plus an offset. Its zero value shows the real time. It is safe for concurrent use.
type Clock struct{ offset atomic.Int64 }

// Now is the time of the instance, in UTC.
func (c *Clock) Now() time.Time { return time.Now().UTC().Add(c.Offset()) }

// Offset is how far the instance is ahead of the real time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Advance moves the instance's time forward by d.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
