package contract

import "testing"

// Suite runs the contract. newHarness is called once for each spec.
func Suite(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, s := range specs() {
		t.Run(s.name, func(t *testing.T) { s.run(t, newHarness(t)) })
	}
}

type spec struct {
	name string
	run  func(t *testing.T, h Harness)
}

func specs() []spec { return nil }
