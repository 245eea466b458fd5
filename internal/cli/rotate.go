package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) rotate() *cobra.Command {
	r := replacement{annotation: v1alpha1.RotateAnnotation}
	c := &cobra.Command{
		Use: "rotate NAME", Short: "Replace the credential, in the way that the application asks for",
		Long: "Replace the credential, in the way that spec.credentials.rotation.strategy asks for, as soon as it may begin.\n" +
			"With --wait, progress is told until the new one is published and works. It tells which workloads pick the new one up by themselves,\n" +
			"and which must be restarted.",
		Example: "  kubectl trustedapp rotate order-sync -n orders --wait",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error { return e.replace(cmd.Context(), args[0], r) },
	}
	r.bind(c)
	return c
}

func (e *env) revoke() *cobra.Command {
	r := replacement{annotation: v1alpha1.RevokeAnnotation}
	var yes bool
	c := &cobra.Command{
		Use: "revoke NAME", Short: "End the present secret at once, because it was exposed, and publish a new one",
		Long: "End the present secret at once, because it was exposed, and publish a new one. Clients fail until they read it.\n" +
			"Tokens that were issued before live on until they expire.",
		Example: "  kubectl trustedapp revoke order-sync -n orders --yes --wait",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				r.question = "Clients of " + args[0] + " fail until they read the new secret. Revoke the present one?"
			}
			return e.replace(cmd.Context(), args[0], r)
		},
	}
	r.bind(c)
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
