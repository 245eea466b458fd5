package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) rotate() *cobra.Command {
	var w waiting
	c := &cobra.Command{
		Use: "rotate NAME", Short: "Replace the credential, in the way that the application asks for",
		Long: "Replace the credential, in the way that spec.credentials.rotation.strategy asks for, as soon as it may begin.\n" +
			"With --wait, progress is told until the new one is published and works.",
		Example: "  kubectl trustedapp rotate order-sync -n orders --wait",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.replace(cmd.Context(), args[0], v1alpha1.RotateAnnotation, w)
		},
	}
	w.bind(c)
	return c
}

func (e *env) revoke() *cobra.Command {
	var w waiting
	var yes bool
	c := &cobra.Command{
		Use: "revoke NAME", Short: "End the present secret at once, because it was exposed, and publish a new one",
		Long: "End the present secret at once, because it was exposed, and publish a new one. Clients fail until they read it.\n" +
			"Tokens that were issued before live on until they expire.",
		Example: "  kubectl trustedapp revoke order-sync -n orders --yes --wait",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.confirm(yes, "Clients of "+args[0]+" fail until they read the new secret. Revoke the present one?"); err != nil {
				return err
			}
			return e.replace(cmd.Context(), args[0], v1alpha1.RevokeAnnotation, w)
		},
	}
	w.bind(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

// confirm asks a person. Where nobody answers, nothing is done.
func (e *env) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if _, err := fmt.Fprintf(e.Err, "%s [y/N] ", question); err != nil {
		return err
	}
	answer, _ := bufio.NewReader(e.In).ReadString('\n') // no answer is one, too
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done: answer y, or add --yes")
}

// replace asks for a new credential by an annotation with a value that was not there before.
func (e *env) replace(ctx context.Context, name, annotation string, w waiting) error {
	app, err := e.application(ctx, name)
	if err != nil {
		return err
	}
	switch {
	case app.Spec.ClientType == v1alpha1.ClientTypePublic:
		return fmt.Errorf("%s is a Public client: it has no credential that could be replaced", name)
	case !app.DeletionTimestamp.IsZero():
		return fmt.Errorf("%s is being deleted", name)
	}
	value := time.Now().UTC().Format(time.RFC3339Nano)
	if err := e.annotate(ctx, app, annotation, value); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e.Err, "asked for a new credential of %s/%s\n", app.Namespace, app.Name); err != nil {
		return err
	}
	if meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionPaused) {
		_, err := fmt.Fprintln(e.Err, "it is paused: nothing happens until that ends")
		return err
	}
	if !w.wait {
		return nil
	}
	return e.await(ctx, app.Name, w.timeout, func(now *v1alpha1.TrustedApplication) bool { return replaced(now, annotation, value) })
}

func (e *env) annotate(ctx context.Context, o client.Object, annotation, value string) error {
	before, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		return errors.New("copying an object")
	}
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotation] = value
	o.SetAnnotations(annotations)
	return e.patch(ctx, o, before)
}

// fieldOwner is who wrote, in managedFields.
const fieldOwner = "kubectl-trustedapp"

// patch sends what changed.
func (e *env) patch(ctx context.Context, o, before client.Object) error {
	k, err := e.client()
	if err != nil {
		return err
	}
	return k.Patch(ctx, o, client.MergeFrom(before), client.FieldOwner(fieldOwner))
}

// replaced says whether the credential that was asked for is published and used.
func replaced(app *v1alpha1.TrustedApplication, annotation, value string) bool {
	r := app.Status.Rotation
	if r == nil {
		return false
	}
	handled := r.HandledRotate
	if annotation == v1alpha1.RevokeAnnotation {
		handled = r.HandledRevoke
	}
	return handled == value && (r.Phase == v1alpha1.RotationIdle || r.Phase == v1alpha1.RotationGrace) &&
		meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}
