package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// choice is what decides on the kind of an application.
type choice struct {
	users, keepsSecret, alone            string // yes, no, or "" to ask
	name, server, uri, redirect, account string
}

func (e *env) choose() *cobra.Command {
	var o choice
	c := &cobra.Command{
		Use: "choose", Short: "Answer three questions, and get a manifest",
		Long: "Answer three questions, and get a manifest. Questions go to the standard error, the manifest to the standard output. What the flags\n" +
			"answer is not asked.",
		Example: "  kubectl trustedapp choose > app.yaml\n" +
			"  kubectl trustedapp choose --users no --name order-sync --server acme --uri com.example.orders/sync --system-user svc.orders",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return e.askAndWrite(o) },
	}
	f := c.Flags()
	f.StringVar(&o.users, "users", "", "yes or no: does a user sign in?")
	f.StringVar(&o.keepsSecret, "keeps-secret", "", "yes or no: does all the code that talks to the token endpoint run on a server?")
	f.StringVar(&o.alone, "alone", "", "yes or no: does it also act on its own, without a user?")
	f.StringVar(&o.name, "name", "", "the name of the TrustedApplication")
	f.StringVar(&o.server, "server", "", "the IdentityServer")
	f.StringVar(&o.uri, "uri", "", "the applicationUri, which is the client_id")
	f.StringVar(&o.redirect, "redirect-uri", "", "where users come back to")
	f.StringVar(&o.account, "system-user", "", "the user of the instance that a service acts as (ERP.net)")
	_ = c.RegisterFlagCompletionFunc("server", e.serverNames)
	return c
}

// errTwo is where one registration would mix what must stay apart.
var errTwo = errors.New("that is two applications: a Public one for what runs at the user, without a secret, and a service for what acts on its own " +
	"on a server. Run choose twice: once with --users yes --keeps-secret no --alone no, once with --users no")

func (e *env) askAndWrite(o choice) error {
	q := questions{in: bufio.NewReader(e.In), out: e.Err}
	users := q.yes(&o.users, "Does a user sign in?")
	keeps, alone := true, !users
	if users {
		keeps = q.yes(&o.keepsSecret, "Does all the code that talks to the token endpoint run on a server? (not in a browser, on a desktop or phone)")
		alone = q.yes(&o.alone, "Does a part on a server also act on its own, without a user?")
	}
	if q.err == nil && users && !keeps && alone {
		return errTwo
	}
	q.text(&o.name, "Name of the TrustedApplication", validation.IsDNS1123Label)
	q.text(&o.server, "Name of the IdentityServer (kubectl get ids)", validation.IsDNS1123Subdomain)
	q.text(&o.uri, "applicationUri, the client_id, such as com.example.orders/sync", filled)
	if users {
		q.text(&o.redirect, "Redirect URI, such as https://orders.example.com/callback", filled)
	}
	if alone {
		q.text(&o.account, "Login of the user of the instance that it acts as on its own", filled)
	}
	if q.err != nil {
		return q.err
	}
	namespace, err := e.namespace()
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(o.manifest(namespace, users, keeps, alone))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Out, "# %s\n%s", explainKind(users, keeps, alone), text)
	return err
}

// manifest is what a person would write by hand: no status, and nothing that is the default anyway.
func (o choice) manifest(namespace string, users, keeps, alone bool) map[string]any {
	spec := map[string]any{"identityServerRef": map[string]any{"name": o.server}, "applicationUri": o.uri, "scopes": []string{"read"}}
	if users {
		spec["clientType"] = map[bool]string{true: "Confidential", false: "Public"}[keeps]
		spec["interactive"] = map[string]any{"redirectUris": []string{o.redirect}}
	}
	if alone {
		spec["service"] = map[string]any{"systemUser": o.account}
	}
	return map[string]any{
		"apiVersion": "trustedapps.dev/v1alpha1", "kind": "TrustedApplication",
		"metadata": map[string]any{"name": o.name, "namespace": namespace}, "spec": spec,
	}
}

func explainKind(users, keeps, alone bool) string {
	switch {
	case !users:
		return "A service (Client Credentials): it acts as its system user. Its credentials are in the Secret of its name."
	case alone:
		return "A hybrid application: Authorization Code with PKCE for users, Client Credentials for itself. Secret and ConfigMap have its name."
	case keeps:
		return "A web application (Authorization Code with PKCE, Confidential). Secret and ConfigMap have its name."
	}
	return "A Public application (Authorization Code with PKCE): no secret. Its configuration is in the ConfigMap of its name."
}

// questions asks what is not answered yet, and keeps the first error.
type questions struct {
	in  *bufio.Reader
	out io.Writer
	err error
}

func filled(v string) []string {
	if v == "" {
		return []string{"it must not be empty"}
	}
	return nil
}

// yes asks a question that is answered with yes or no.
func (q *questions) yes(answer *string, question string) bool {
	q.text(answer, question+" yes or no", func(v string) []string {
		switch strings.ToLower(v) {
		case "y", "yes", "n", "no":
			return nil
		}
		return []string{"answer yes or no"}
	})
	return strings.HasPrefix(strings.ToLower(*answer), "y")
}

// text asks until the answer can be used. What a flag said is not asked again.
func (q *questions) text(answer *string, question string, wrong func(string) []string) {
	asked := *answer == ""
	for q.err == nil {
		if asked {
			_, _ = fmt.Fprintf(q.out, "%s: ", question)
			line, err := q.in.ReadString('\n')
			if *answer = strings.TrimSpace(line); err != nil && *answer == "" {
				q.err = fmt.Errorf("no answer to: %s", question)
				return
			}
		}
		problems := wrong(*answer)
		if len(problems) == 0 {
			return
		}
		if !asked {
			q.err = fmt.Errorf("%q cannot be used: %s: %s", *answer, question, strings.Join(problems, "; "))
			return
		}
		_, _ = fmt.Fprintf(q.out, "  %s\n", strings.Join(problems, "; "))
	}
}
