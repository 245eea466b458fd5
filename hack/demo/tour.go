package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// Names in the manifests of config/.
const (
	appNamespace      = "demo"
	operatorNamespace = "trustedapp-system"
	operatorAccount   = "trustedapp-operator"
	serverName        = "acme"
)

// tour is the demo: what is running, where it is told, and what came of it.
type tour struct {
	*console
	world  world
	report report
}

// newTour is a tour before its start. lost ends everything, with the cause, when a part ends unasked.
func newTour(lost context.CancelCauseFunc) *tour {
	return &tour{
		console: newConsole(os.Stdout),
		report:  report{Apps: []*appReport{}},
		world:   world{lost: lost, published: map[string]idserver.Secret{}},
	}
}

// take goes through all parts. An error means that the rest made no sense; what did not hold beside that is in the report.
func (t *tour) take(ctx context.Context, keep bool) error {
	for _, part := range []func(context.Context) error{t.start, t.install, t.register} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.title, cause(ctx, err))
		}
	}
	parts := []func(context.Context){t.useService, t.signInUsers, t.whatIf}
	if !keep {
		parts = append(parts, t.farewell)
	}
	for _, part := range parts {
		if ctx.Err() == nil {
			part(ctx)
		}
	}
	return context.Cause(ctx) // nil as long as all is well
}

// try runs a part that others do not depend on, and records what did not hold.
func (t *tour) try(ctx context.Context, what string, part func(context.Context) error) bool {
	if ctx.Err() != nil {
		return false // take tells why
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := part(limited)
	if err == nil {
		return true
	}
	failure := fmt.Sprintf("%s: %v", what, cause(limited, err))
	t.failed(failure)
	t.report.fail(failure)
	return false
}

// patience is how long anything may take on a busy machine; a quiet one needs a second or two.
const patience = 30 * time.Second

// cause prefers the reason why everything was given up, such as the end of the operator, to what followed from it.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); reason != nil && !errors.Is(reason, ctx.Err()) {
		return reason
	}
	return err
}
