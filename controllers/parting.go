package controllers

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// errNotWatched is the error for a namespace that the operator does not publish in.
var errNotWatched = errors.New("the namespace is not watched")

// partingOutputs are the published objects of an application that is being deleted. Where the operator may not reach them any more, they
// are left to Kubernetes, which deletes them with their owner. That is how every deletion of a namespace goes: the RoleBinding of the
// operator is deleted first, nobody can make another, and the namespace would wait forever for an application that waits for it.
type partingOutputs struct {
	execute.Outputs
	// closed: it turned out in this run that they cannot be reached.
	closed bool
}

// Observe implements execute.Outputs.
func (p *partingOutputs) Observe(ctx context.Context, rec ledger.Record) (plan.Output, error) {
	if p.closed {
		return plan.Output{}, nil
	}
	out, err := p.Outputs.Observe(ctx, rec)
	if p.refused(err) {
		return plan.Output{}, nil
	}
	return out, err
}

// Unpublish implements execute.Outputs.
func (p *partingOutputs) Unpublish(ctx context.Context, rec ledger.Record, all bool) error {
	if err := p.Outputs.Unpublish(ctx, rec, all); !p.refused(err) {
		return err
	}
	return nil
}

// refused notes whether an error says that the objects cannot be reached.
func (p *partingOutputs) refused(err error) bool {
	refused := apierrors.IsForbidden(err) || errors.Is(err, errNotWatched)
	p.closed = p.closed || refused
	return refused
}
