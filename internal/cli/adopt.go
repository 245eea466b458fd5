package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) adopt() *cobra.Command {
	var o adoption
	c := &cobra.Command{
		Use: "adopt NAME", Short: "Let an application take over the registration that exists already with its client id",
		Long: "Let an application take over the registration that exists already with its applicationUri. The client id stays. The secret stays\n" +
			"where --secret names one of this namespace that holds the right client_secret; else a new one is set at once, and whoever has the\n" +
			"old one fails. What was only watched, by driftPolicy Observe, is enforced from then on.",
		Example: "  kubectl trustedapp adopt order-sync -n orders --secret order-sync-by-hand --wait",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error { return e.takeOver(cmd.Context(), args[0], o) },
	}
	o.bind(c)
	c.Flags().BoolVar(&o.takeover, "takeover", false, "also from another cluster or system, where the IdentityServer allows it")
	c.Flags().StringVar(&o.secret, "secret", "", "the Secret with the present client_secret; it gets a label that says so")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return c
}

type adoption struct {
	waiting
	takeover, yes bool
	secret        string
}

func (e *env) takeOver(ctx context.Context, name string, o adoption) error {
	app, err := e.application(ctx, name)
	if err != nil {
		return err
	}
	public := app.Spec.ClientType == v1alpha1.ClientTypePublic
	set := metav1.GetControllerOf(app)
	switch {
	case set != nil && set.Kind == "TrustedApplicationSet":
		return fmt.Errorf("%s is of the TrustedApplicationSet %s, which would take the change back: set adoptionPolicy in its template", name, set.Name)
	case public && o.secret != "":
		return fmt.Errorf("%s is a Public client: it has no secret; leave --secret out", name)
	case !public && o.secret == "":
		if err := e.confirm(o.yes, "Without --secret a new secret is set, and whoever has the old one fails. Go on?"); err != nil {
			return err
		}
	case o.secret != "":
		if err := e.label(ctx, app, o.secret); err != nil {
			return err
		}
	}
	before := app.DeepCopy()
	app.Spec.AdoptionPolicy = v1alpha1.AdoptIfUnowned
	if o.takeover {
		app.Spec.AdoptionPolicy = v1alpha1.AdoptTakeover
	}
	policies := fmt.Sprintf("adoptionPolicy %s", app.Spec.AdoptionPolicy)
	if app.Spec.DriftPolicy == v1alpha1.DriftObserve { // as imported: what is only watched is not adopted
		app.Spec.DriftPolicy = v1alpha1.DriftEnforce
		policies += ", driftPolicy Enforce"
	}
	if err := e.patch(ctx, app, before); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Err, "%s/%s may adopt %s (%s)\n", app.Namespace, name, app.Spec.ApplicationURI, policies)
	if err != nil {
		return err
	}
	if !o.wait {
		return nil
	}
	generation := app.Generation
	return e.await(ctx, name, o.timeout, func(now *v1alpha1.TrustedApplication) bool {
		return now.Status.ObservedGeneration >= generation && meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)
	})
}

// label says for which application a Secret holds the client_secret. Only its labels are read and written.
func (e *env) label(ctx context.Context, app *v1alpha1.TrustedApplication, name string) error {
	k, err := e.client()
	if err != nil {
		return err
	}
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := k.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, secret); err != nil {
		return err
	}
	before := secret.DeepCopy()
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	secret.Labels[v1alpha1.AdoptForLabel] = app.Name
	return e.patch(ctx, secret, before)
}
