package controllers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/output"
)

// executor assembles a run on the application and what is published for it.
func (r *TrustedApplicationReconciler) executor(
	app *v1alpha1.TrustedApplication, entry connections.Entry, published *output.Objects,
) *execute.Executor {
	finalizer := &finalizer{client: r.Client, live: r.Live, app: app}
	record := r.Ledgers.Entry(ledger.App{Namespace: app.Namespace, Name: app.Name, UID: app.UID})
	var objects execute.Outputs = published
	if !app.DeletionTimestamp.IsZero() {
		objects = &partingOutputs{Outputs: objects}
	}
	name := client.ObjectKeyFromObject(app)
	return &execute.Executor{
		Server: entry.Server,
		Pace: func() (time.Time, bool) {
			return r.Pace.Begin(app.Spec.IdentityServerRef.Name, name, entry.Spacing, time.Now())
		},
		Ledger:    &guardedLedger{Entry: record, finalizer: finalizer},
		Outputs:   objects,
		Finalizer: finalizer,
		Abandon:   func(ctx context.Context, ids []string) error { return r.abandon(ctx, app, ids, time.Now()) },
		Lives:     r.lives,
		Restart: func(ctx context.Context, credential string) ([]string, error) {
			return r.restart(ctx, app, credential, time.Now())
		},
		Again:   again,
		Draw:    idserver.DrawSecret,
		DrawKey: idserver.DrawKey,
		NewID:   ledger.NewID,
		Now:     time.Now,
	}
}

// saves is how often what cannot be told again is saved, secondSave the time before the second attempt, which doubles: three seconds in all.
const (
	saves      = 7
	secondSave = 50 * time.Millisecond
)

// again waits before another attempt to save what cannot be told again.
func again(ctx context.Context, attempt int) bool {
	if attempt >= saves {
		return false
	}
	timer := time.NewTimer(secondSave << (attempt - 1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// lives says whether the application exists that a mark of this cluster names.
func (r *TrustedApplicationReconciler) lives(ctx context.Context, owner idserver.Mark) (bool, error) {
	var other v1alpha1.TrustedApplication
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: owner.Namespace, Name: owner.Name}, &other)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the application of a registration: %w", err)
	}
	return string(other.UID) == owner.UID, nil
}

// outputs is what the application says about its published objects.
func outputs(app *v1alpha1.TrustedApplication) output.App {
	o := output.App{
		Namespace: app.Namespace, Name: app.Name, UID: app.UID, ServerName: app.Spec.IdentityServerRef.Name,
		SecretName: desired.SecretName(app), ConfigMapName: desired.ConfigMapName(app), Want: desired.Registration(app),
		ClientID: app.Spec.ApplicationURI, Adopts: app.Spec.AdoptionPolicy != "" && app.Spec.AdoptionPolicy != v1alpha1.AdoptNever,
	}
	if c := app.Spec.Credentials; c != nil && c.Template != nil {
		t := c.Template
		o.Template = output.Template{Labels: texts(t.Labels), Annotations: texts(t.Annotations), Data: texts(t.Data)}
		for _, preset := range t.Presets {
			o.Template.Presets = append(o.Template.Presets, string(preset))
		}
	}
	return o
}

func texts[T ~string](m map[string]T) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}
