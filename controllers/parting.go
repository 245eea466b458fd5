package controllers

import (
	"context"
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/status"
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

// abandon records at the server that registrations are left behind, once for each.
func (r *TrustedApplicationReconciler) abandon(ctx context.Context, app *v1alpha1.TrustedApplication, ids []string, now time.Time) error {
	var server v1alpha1.IdentityServer
	if err := r.Live.Get(ctx, client.ObjectKey{Name: app.Spec.IdentityServerRef.Name}, &server); err != nil {
		return client.IgnoreNotFound(err) // the event tells it; there is nothing else that could
	}
	if !status.Abandon(&server.Status, app, ids, metav1.NewTime(now)) {
		return nil
	}
	if err := r.Client.Status().Update(ctx, &server); err != nil {
		return err
	}
	r.Recorder.Eventf(&server, app, corev1.EventTypeWarning, "RegistrationAbandoned", "Deregister", "%s", clip(app.Namespace+"/"+app.Name+
		" is gone, and may have left registrations at the server, "+strings.Join(ids, ", ")+"; have them deleted there: see status.abandoned"))
	return nil
}
