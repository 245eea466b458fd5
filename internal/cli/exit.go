package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"
)

// Exit codes.
const (
	exitOK       = 0
	exitError    = 1
	exitUnwell   = 2
	exitTimedOut = 3
)

const exitCodes = `Exit codes: 0 done, and all is well; 1 it could not be done (wrong input, no such object, no right to it);
2 done, but what was looked at is not well (not Ready, refused, drifted, orphans); 3 what was waited for did not
come in time.`

// errUnwell tells that a command did what it was asked to, and that what it found is not well. All was said before.
var errUnwell = errors.New("not well")

// timeoutError tells that something did not come in time.
type timeoutError struct{ message string }

func (e *timeoutError) Error() string { return e.message }

// exit tells an error in words that help, and makes an exit code of it.
func (s Streams) exit(err error) int {
	var late *timeoutError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnwell):
		return exitUnwell
	}
	_, _ = fmt.Fprintf(s.Err, "error: %s\n", explain(err))
	if errors.As(err, &late) {
		return exitTimedOut
	}
	return exitError
}

// one is for commands that are about one object.
func one(kind string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("name one %s: %s NAME", kind, c.CommandPath())
	}
}

// explain adds what to do to errors of the API server.
func explain(err error) string {
	message := err.Error()
	switch {
	case apierrors.IsForbidden(err):
		return message + "\n" + lacking(message)
	case apierrors.IsUnauthorized(err):
		return message + "\nThe cluster does not know you: sign in again, or choose another --context."
	case meta.IsNoMatchError(err):
		return "this cluster has no TrustedApplications: the operator is not installed here, or --context names another cluster"
	case clientcmd.IsEmptyConfig(err):
		return "no cluster is configured: name a file with --kubeconfig, or set KUBECONFIG"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return message
}

// lacking says who gives the right that somebody lacks.
func lacking(message string) string {
	switch {
	case strings.Contains(message, `resource "secrets"`):
		return "Who reads the published Secret can act as the application, so few may. Ask who administers the namespace for the right to get it."
	case strings.Contains(message, `resource "configmaps"`):
		return "The list of a server's registrations names those of all teams, so it is in the operator's namespace. " +
			"Ask who administers that for the right to get it."
	case strings.Contains(message, `resource "identityservers"`):
		return "IdentityServers belong to the platform's administrators, who may change them; everybody may read them by the ClusterRole " +
			"trustedapp-operator-servers-view. Ask an administrator."
	case strings.Contains(message, "at the cluster scope"):
		return "Leave -A out, and name a namespace of yours with -n, or ask for a ClusterRoleBinding to trustedapp-operator-view."
	case strings.Contains(message, " patch ") || strings.Contains(message, " update "):
		return "The ClusterRole trustedapp-operator-edit lets you change TrustedApplications (edit and admin include it): ask who administers the namespace."
	}
	return "The ClusterRole trustedapp-operator-view lets you read TrustedApplications (view includes it): ask who administers the namespace."
}
