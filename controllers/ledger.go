package controllers

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"trustedapps.dev/operator/internal/ledger"
)

// guardedLedger is the ledger of one application in one run. It begins a ledger only for an application that certainly still
// exists, and makes a lost race a conflict that the queue knows.
type guardedLedger struct {
	*ledger.Entry
	finalizer *finalizer
	exists    bool
}

// Load reads it. An application that nothing was ever done for has none: should there be one all the same, it cannot be begun, and is read by
// the next run.
func (g *guardedLedger) Load(ctx context.Context) (ledger.Record, bool, error) {
	if g.finalizer.untouched() {
		return ledger.Record{}, false, nil
	}
	rec, exists, err := g.Entry.Load(ctx)
	g.exists = exists
	return rec, exists, err
}

// Save writes it, on top of the version that was read.
func (g *guardedLedger) Save(ctx context.Context, rec ledger.Record) error {
	if !g.exists {
		if err := g.finalizer.confirm(ctx); err != nil {
			return err
		}
	}
	if err := g.Entry.Save(ctx, rec); err != nil {
		return g.conflict(err)
	}
	g.exists = true
	return nil
}

// Delete deletes the version that was read.
func (g *guardedLedger) Delete(ctx context.Context) error {
	if err := g.Entry.Delete(ctx); err != nil {
		return g.conflict(err)
	}
	g.exists = false
	return nil
}

func (g *guardedLedger) conflict(err error) error {
	if errors.Is(err, ledger.ErrConflict) {
		return apierrors.NewConflict(corev1.Resource("secrets"), ledger.SecretName(g.finalizer.app.UID), err)
	}
	return err
}
