package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// whatIf shows what happens when people do what people do.
func (t *tour) whatIf(ctx context.Context) {
	t.step("What happens if ...")
	t.note("... somebody deletes the Secret by hand?")
	t.try(ctx, "restoring a deleted Secret", t.deleteSecret)
	t.note("... an application must be stopped at once? The kill switch:")
	t.report.KillSwitch = t.try(ctx, "the kill switch", t.killSwitch)
	t.note("... somebody makes a mistake? The API server says what to do:")
	t.try(ctx, "refusing a mistake", t.mistake)
	t.note("... somebody looks for secrets where they do not belong?")
	t.try(ctx, "keeping secrets", func(ctx context.Context) error {
		return t.searchForSecrets(ctx, append(slices.Collect(maps.Keys(t.world.published)), operatorsName))
	})
}

func (t *tour) deleteSecret(ctx context.Context) error {
	app, err := t.application(ctx, "orders")
	if err != nil {
		return err
	}
	if app.Status.Binding == nil {
		return errors.New("orders has no Secret")
	}
	key := client.ObjectKey{Namespace: appNamespace, Name: app.Status.Binding.Name}
	var before, after corev1.Secret
	if err := t.world.kube.Get(ctx, key, &before); err != nil {
		return fmt.Errorf("reading the Secret: %w", err)
	}
	began := time.Now()
	if err := t.world.kubectl.run(ctx, "delete", "secret", key.Name, "-n", key.Namespace); err != nil {
		return err
	}
	err = await(ctx, "the Secret is back", func(ctx context.Context) (bool, error) {
		err := t.world.kube.Get(ctx, key, &after)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil && after.UID != before.UID, err
	})
	if err != nil {
		return err
	}
	was, is := before.Data[v1alpha1.KeyClientSecret], after.Data[v1alpha1.KeyClientSecret]
	if len(was) == 0 || !bytes.Equal(was, is) {
		return errors.New("the Secret is back with another client secret")
	}
	t.holds("the Secret is back %.2f s later, with the same credential: nothing breaks", time.Since(began).Seconds())
	return nil
}

func (t *tour) killSwitch(ctx context.Context) error {
	if err := t.setEnabled(ctx, false); err != nil {
		return err
	}
	b, err := readBackEnd(t.mounted("orders"))
	if err != nil {
		return err
	}
	_, err = serviceToken(ctx, t.world.client(), b)
	switch {
	case err == nil:
		return errors.New("a disabled application still gets tokens")
	case refusal(err) != "invalid_client":
		return fmt.Errorf("a disabled application is not refused with invalid_client: %w", err)
	}
	t.holds("the instance refuses its credentials at once: %s", refusal(err))
	if err := t.setEnabled(ctx, true); err != nil {
		return err
	}
	if _, err := serviceToken(ctx, t.world.client(), b); err != nil {
		return fmt.Errorf("enabling it again: %w", err)
	}
	t.holds("enabled again, the same credentials work again")
	return nil
}

// setEnabled patches the application and waits until that reached the instance.
func (t *tour) setEnabled(ctx context.Context, enabled bool) error {
	patch := fmt.Sprintf(`{"spec":{"enabled":%t}}`, enabled)
	if err := t.world.kubectl.run(ctx, "patch", "ta", "orders", "-n", appNamespace, "--type=merge", "-p", patch); err != nil {
		return err
	}
	began := time.Now()
	err := await(ctx, "the change reached the instance", func(ctx context.Context) (bool, error) {
		app, err := t.application(ctx, "orders")
		return err == nil && app.Status.ObservedGeneration == app.Generation, err
	})
	if err != nil {
		return err
	}
	t.holds("the change reached the instance after %.2f s", time.Since(began).Seconds())
	return nil
}

func (t *tour) mistake(ctx context.Context) error {
	said, err := t.world.kubectl.refused(ctx, "apply", "-f", "hack/demo/manifests/wrong.yaml")
	if err != nil {
		return err
	}
	for _, advice := range []string{"a Public client has no secret", "wildcard"} {
		if !strings.Contains(said, advice) {
			return fmt.Errorf("the refusal does not say %q", advice)
		}
	}
	t.holds("it is refused before anything happens, and the message says what to do")
	return nil
}
