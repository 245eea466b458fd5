package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trustedapps.dev/operator/internal/imports"
)

// importing is the command import: the word belongs to Go.
func (e *env) importing() *cobra.Command {
	var o imports.Options
	var server string
	var timeout time.Duration
	c := &cobra.Command{
		Use: "import --server NAME", Short: "Write manifests for the registrations that exist at a server",
		Long: "Write a manifest for each registration that exists at a server, to the standard output, and a summary to the standard error. The\n" +
			"operator lists them: no login of the server is needed here, but the right to patch the IdentityServer, and to get ConfigMaps of the\n" +
			"operator's namespace. What is applied changes nothing at the server until its driftPolicy is Enforce or Warn.",
		Example: "  kubectl trustedapp import --server acme --uri-prefix com.example. -n orders > orders.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if server == "" {
				return errors.New("name the IdentityServer with --server: kubectl get ids lists all")
			}
			namespace, err := e.namespace()
			if err != nil {
				return err
			}
			o.Namespace = namespace
			return e.writeManifests(cmd.Context(), server, o, timeout)
		},
	}
	c.Flags().StringVar(&server, "server", "", "the IdentityServer")
	c.Flags().StringVar(&o.URIPrefix, "uri-prefix", "", "only registrations whose client id begins with it")
	c.Flags().BoolVar(&o.Owned, "owned", false, "also registrations that carry the mark of a TrustedApplication")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the list")
	_ = c.RegisterFlagCompletionFunc("server", e.serverNames)
	return c
}

// writeManifests asks for the list and writes it as manifests; what is not a manifest goes to the standard error.
func (e *env) writeManifests(ctx context.Context, server string, o imports.Options, timeout time.Duration) error {
	k, err := e.client()
	if err != nil {
		return err
	}
	ids, err := e.identityServer(ctx, server)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("asking the operator for the registrations at %s\n", server)
	if about := serverReportOn(ids); !about.Ready {
		doing += fmt.Sprintf("%s is %s: %s; waiting for it, at most %s\n", server, about.state(), about.Message, timeout)
	}
	if _, err := fmt.Fprint(e.Err, doing); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	list, err := imports.List(limited, k, server)
	if err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			return &timeoutError{message: fmt.Sprintf("the operator did not list the registrations at %s within %s: %s", server, timeout, err)}
		}
		return err
	}
	summary, err := imports.Write(e.Out, list, o)
	if err != nil {
		return err
	}
	if summary.Registrations == 0 && o.URIPrefix != "" {
		_, err := fmt.Fprintf(e.Err, "no client id at %s begins with %s: leave --uri-prefix out to see all\n", server, o.URIPrefix)
		return err
	}
	return summary.Table(e.Err)
}
