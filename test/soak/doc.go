// Package soak runs the real process of the operator under what only a process can suffer: churn that lasts, SIGKILL at any moment, a leader
// that is frozen and thawed, and servers that go away with a thousand applications.
package soak
