package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

func (e *env) verify() *cobra.Command {
	var as format
	c := &cobra.Command{
		Use: "verify NAME", Short: "Try the published credential at the server, and show what the token says",
		Long: "Try the published credential at the server, from this machine, with the Secret that the workload mounts, and show the claims of the\n" +
			"token. Neither the token nor the secret is shown. An application that only signs users in exchanges a made-up code: the server says\n" +
			"whether it knows the client.",
		Example: "  kubectl trustedapp verify order-sync -n orders",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error { return e.tryCredential(cmd.Context(), args[0], as) },
	}
	as.bind(c)
	return c
}

// proof is what a try found out. Its JSON is stable.
type proof struct {
	Secret        string         `json:"secret"`
	ClientID      string         `json:"clientId"`
	TokenEndpoint string         `json:"tokenEndpoint"`
	Accepted      bool           `json:"accepted"`
	Code          string         `json:"code,omitempty"`
	Hint          string         `json:"hint,omitempty"`
	Scope         string         `json:"scope,omitempty"`
	Seconds       int            `json:"expiresInSeconds,omitempty"`
	Claims        map[string]any `json:"claims,omitempty"`
	Opaque        bool           `json:"opaque,omitempty"`
}

func (e *env) tryCredential(ctx context.Context, name string, as format) error {
	p, err := e.published(ctx, name)
	if err != nil {
		return err
	}
	found := proof{Secret: p.secret, ClientID: p.credential.ClientID, TokenEndpoint: p.endpoint}
	if p.want().Service {
		err = found.byToken(ctx, p)
	} else {
		err = found.byCode(ctx, p)
	}
	if err != nil {
		return err
	}
	if err := as.print(e.Out, found, func() error { return e.tell(found) }); err != nil {
		return err
	}
	if !found.Accepted {
		return errUnwell
	}
	return nil
}

// byToken tries a service.
func (f *proof) byToken(ctx context.Context, p *published) error {
	g, err := p.grant(ctx, nil)
	if err != nil {
		return err
	}
	if g.Code != "" {
		f.Code, f.Hint = g.Code, oauth.Hint(g.Code, p.want())
		return nil
	}
	f.Accepted, f.Scope, f.Seconds = true, g.Scope, int(g.Life.Seconds())
	f.Claims, err = claims(g.Token)
	f.Opaque = err != nil
	return nil
}

// byCode tries an application that only signs users in.
func (f *proof) byCode(ctx context.Context, p *published) error {
	//nolint:forbidigo // the plugin is no part of the operator: it tries a credential, and manages nothing
	verdict, err := p.client.Verify(ctx, "trying the credential", p.endpoint, p.credential, p.want(), oauth.Hint)
	if err != nil {
		return err
	}
	f.Accepted, f.Code, f.Hint = verdict.OK, verdict.Code, verdict.Hint
	return nil
}

// tell writes it for people.
func (e *env) tell(f proof) error {
	if !f.Accepted {
		_, err := fmt.Fprintf(e.Out, "%s %s refuses %s with the Secret %s: %s: %s\n",
			e.ink.mark("False"), f.TokenEndpoint, f.ClientID, f.Secret, f.Code, f.Hint)
		return err
	}
	rows := [][]string{{"client id", f.ClientID}, {"token endpoint", f.TokenEndpoint}, {"Secret", f.Secret}}
	if f.Scope != "" {
		rows = append(rows, []string{"scope", f.Scope})
	}
	if f.Seconds > 0 {
		rows = append(rows, []string{"expires in", (time.Duration(f.Seconds) * time.Second).String()})
	}
	if f.Opaque {
		rows = append(rows, []string{"claims", "none can be read: the token is opaque"})
	}
	for _, name := range slices.Sorted(maps.Keys(f.Claims)) {
		rows = append(rows, []string{"claim " + name, claimText(f.Claims[name])})
	}
	if _, err := fmt.Fprintf(e.Out, "%s the server accepts the published credential\n", e.ink.mark("True")); err != nil {
		return err
	}
	return table(e.Out, rows...)
}

// claimText writes a claim for a person: times as such, lists with spaces.
func claimText(claim any) string {
	switch value := claim.(type) {
	case float64:
		if value == float64(int64(value)) && value > 1e9 {
			return time.Unix(int64(value), 0).UTC().Format(time.RFC3339)
		}
	case []any:
		all := make([]string, 0, len(value))
		for _, v := range value {
			all = append(all, claimText(v))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(claim)
}

func (e *env) token() *cobra.Command {
	var show bool
	var scopes []string
	c := &cobra.Command{
		Use: "token NAME --show", Short: "Print an access token of a service, for debugging",
		Long: "Print an access token that the published credential gets, for debugging. Whoever has it acts as the application until it\n" +
			"expires: it is printed with --show only, to the standard output, and nothing else is.",
		Example: "  curl -H \"Authorization: Bearer $(kubectl trustedapp token order-sync -n orders --show)\" https://...",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !show {
				return errors.New("a token is as good as the secret until it expires: add --show to print one; verify shows what it says without it")
			}
			return e.printToken(cmd.Context(), args[0], scopes)
		},
	}
	c.Flags().BoolVar(&show, "show", false, "print the token")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "the scopes to ask for; default: all that are registered")
	return c
}

func (e *env) printToken(ctx context.Context, name string, scopes []string) error {
	p, err := e.published(ctx, name)
	if err != nil {
		return err
	}
	if !p.want().Service {
		return fmt.Errorf("%s has no spec.service: it gets tokens only for the users who sign in", name)
	}
	g, err := p.grant(ctx, scopes)
	if err != nil {
		return err
	}
	if g.Code != "" {
		return &refusedError{code: g.Code, hint: oauth.Hint(g.Code, p.want())}
	}
	return writeToken(e, g.Token)
}

// refusedError is an answer of the token endpoint.
type refusedError struct{ code, hint string }

func (e *refusedError) Error() string { return "the server refuses a token: " + e.code + ": " + e.hint }

func writeToken(e *env, token idserver.Secret) error {
	_, err := fmt.Fprintln(e.Out, token.Reveal())
	return err
}
