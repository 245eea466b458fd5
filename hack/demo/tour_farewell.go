package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// farewell deletes the applications and looks for what they left.
func (t *tour) farewell(ctx context.Context) {
	t.step("Delete the applications: nothing stays behind")
	t.try(ctx, "cleaning up", func(ctx context.Context) error {
		if err := t.world.kubectl.run(ctx, "delete", "ta", "--all", "-n", appNamespace, "--timeout=30s"); err != nil {
			return err
		}
		for _, check := range []func(context.Context) error{t.noRegistrations, t.noObjects, t.noLedgers} {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return t.searchForSecrets(ctx, []string{operatorsName})
	})
}

func (t *tour) noRegistrations(ctx context.Context) error {
	left, err := t.world.instance.Applications(ctx)
	if err != nil {
		return err
	}
	if len(left) != 1 || left[0].ApplicationURI != operatorClientID {
		return fmt.Errorf("the instance still has %d trusted applications beside the operator's own", len(left)-1)
	}
	t.holds("the instance has no trusted application any more but the operator's own")
	return nil
}

func (t *tour) noObjects(ctx context.Context) error {
	ours := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}
	err := await(ctx, "all Secrets and ConfigMaps are gone", func(ctx context.Context) (bool, error) {
		var secrets corev1.SecretList
		if err := t.world.kube.List(ctx, &secrets, client.InNamespace(appNamespace)); err != nil {
			return false, err
		}
		var maps corev1.ConfigMapList
		err := t.world.kube.List(ctx, &maps, client.InNamespace(appNamespace), ours)
		return len(secrets.Items) == 0 && len(maps.Items) == 0, err
	})
	if err == nil {
		t.holds("no Secret and no ConfigMap is left in the namespace %s", appNamespace)
	}
	return err
}

// noLedgers checks the operator's own records.
func (t *tour) noLedgers(ctx context.Context) error {
	var secrets corev1.SecretList
	if err := t.world.kube.List(ctx, &secrets, client.InNamespace(operatorNamespace)); err != nil {
		return fmt.Errorf("listing the operator's Secrets: %w", err)
	}
	if len(secrets.Items) != 1 {
		return fmt.Errorf("the operator keeps %d Secrets beside its own credentials", len(secrets.Items)-1)
	}
	t.holds("the operator kept nothing but its own credentials")
	return nil
}
