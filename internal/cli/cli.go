// Package cli is the kubectl plugin kubectl-trustedapp: what people at a terminal see and do, with the rights of their own kubeconfig. It asks
// nothing of the operator but what anybody can: it reads and writes TrustedApplications, IdentityServers and their annotations, and reads what
// the operator publishes.
package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// Streams are what a command reads and writes.
type Streams struct {
	In io.Reader
	// Out gets results, Err questions, progress and errors.
	Out, Err io.Writer
}

// Run runs the plugin with its arguments, and returns its exit code.
func Run(ctx context.Context, args []string, s Streams) int {
	root := Command(s)
	root.SetArgs(args)
	return s.exit(root.ExecuteContext(ctx))
}

// Command is the whole plugin.
func Command(s Streams) *cobra.Command {
	c := &cluster{}
	root := &cobra.Command{
		Use:   "kubectl-trustedapp",
		Short: "See and steer TrustedApplications and their identity servers",
		Long: "See and steer TrustedApplications and their identity servers, with the rights that you have in the cluster.\n\n" +
			exitCodes,
		SilenceUsage: true, SilenceErrors: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl trustedapp"},
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	c.bind(root.PersistentFlags())
	e := &env{Streams: s, cluster: c, ink: inkFor(s.Out)}
	root.AddCommand(
		e.status(), e.diff(), e.verify(), e.token(), e.rotate(), e.revoke(), e.adopt(), e.server(), e.orphans(), e.choose(), e.importing(),
	)
	return root
}

// env is what the commands share.
type env struct {
	Streams
	*cluster
	ink ink
}
