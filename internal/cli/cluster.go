package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// cluster is the one that the flags and the kubeconfig name.
type cluster struct {
	config clientcmd.ClientConfig
	// known is made by the first who asks.
	known client.Client
}

// bind adds the flags that kubectl has for that.
func (c *cluster) bind(flags *pflag.FlagSet) {
	rules, overrides := clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}
	flags.StringVar(&rules.ExplicitPath, "kubeconfig", "", "the kubeconfig file; default: that of kubectl")
	clientcmd.BindOverrideFlags(overrides, flags, clientcmd.ConfigOverrideFlags{
		AuthOverrideFlags: clientcmd.AuthOverrideFlags{
			Impersonate:       clientcmd.FlagInfo{LongName: "as", Description: "the user to act as"},
			ImpersonateGroups: clientcmd.FlagInfo{LongName: "as-group", Description: "a group to act as; may be repeated"},
		},
		ContextOverrideFlags: clientcmd.ContextOverrideFlags{
			Namespace: clientcmd.FlagInfo{LongName: "namespace", ShortName: "n", Description: "the namespace; default: that of the context"},
		},
		CurrentContext: clientcmd.FlagInfo{LongName: "context", Description: "the context of the kubeconfig file"},
	})
	c.config = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// client connects, without asking anything yet.
func (c *cluster) client() (client.Client, error) {
	if c.known != nil {
		return c.known, nil
	}
	config, err := c.config.ClientConfig()
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{} // of the API server, about other things than were asked for
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c.known, err = client.New(config, client.Options{Scheme: scheme})
	return c.known, err
}

// namespace is the one that was asked for, or that of the context.
func (c *cluster) namespace() (string, error) {
	namespace, _, err := c.config.Namespace()
	return namespace, err
}

// application gets one.
func (c *cluster) application(ctx context.Context, name string) (*v1alpha1.TrustedApplication, error) {
	k, err := c.client()
	if err != nil {
		return nil, err
	}
	namespace, err := c.namespace()
	if err != nil {
		return nil, err
	}
	var app v1alpha1.TrustedApplication
	err = k.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &app)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("the namespace %s has no TrustedApplication %s: kubectl get ta -A lists all", namespace, name)
	}
	return &app, err
}

// identityServer gets one.
func (c *cluster) identityServer(ctx context.Context, name string) (*v1alpha1.IdentityServer, error) {
	k, err := c.client()
	if err != nil {
		return nil, err
	}
	var server v1alpha1.IdentityServer
	err = k.Get(ctx, client.ObjectKey{Name: name}, &server)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no IdentityServer %s: kubectl get ids lists all", name)
	}
	return &server, err
}

// applicationNames completes the name of a TrustedApplication.
func (c *cluster) applicationNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list v1alpha1.TrustedApplicationList
	namespace, err := c.namespace()
	if err == nil && len(args) == 0 {
		err = c.list(cmd.Context(), &list, client.InNamespace(namespace))
	}
	names := make([]cobra.Completion, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return completions(names, err)
}

// serverNames completes the name of an IdentityServer.
func (c *cluster) serverNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list v1alpha1.IdentityServerList
	var err error
	if len(args) == 0 {
		err = c.list(cmd.Context(), &list)
	}
	names := make([]cobra.Completion, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return completions(names, err)
}

func completions(names []cobra.Completion, err error) ([]cobra.Completion, cobra.ShellCompDirective) {
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *cluster) list(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	return k.List(ctx, list, options...)
}
