// Package fleet runs the operator with a TrustedApplicationSet over many instances of the stand-in, on a real API server: all become Ready, a change
// is rolled out step by step, an instance that is down stops one, and the change back is one more. It writes build/fleet.json.
package fleet
