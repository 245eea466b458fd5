package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) orphans() *cobra.Command {
	var as format
	var server string
	var remove, yes bool
	var timeout time.Duration
	c := &cobra.Command{
		Use: "orphans", Short: "List registrations that belong to no application any more",
		Long: "List registrations that belong to no application any more: orphans, which carry the mark of this cluster; those that lost answers may\n" +
			"have left; and those that were abandoned. --delete has the operator delete the orphans of one server, and waits for it.",
		Example: "  kubectl trustedapp orphans\n  kubectl trustedapp orphans --server acme --delete",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !remove {
				return e.listOrphans(cmd.Context(), server, as)
			}
			if server == "" {
				return errors.New("--delete is for one server: name it with --server")
			}
			return e.deleteOrphans(cmd.Context(), server, yes, timeout)
		},
	}
	as.bind(c)
	c.Flags().StringVar(&server, "server", "", "the IdentityServer; default: all")
	c.Flags().BoolVar(&remove, "delete", false, "have the operator delete the orphans")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the deletion")
	_ = c.RegisterFlagCompletionFunc("server", e.serverNames)
	return c
}

// lost is a registration that belongs to no application. Its JSON is stable.
type lost struct {
	Server      string `json:"server"`
	Kind        string `json:"kind"` // Orphan, Declared or Abandoned
	ClientID    string `json:"clientId,omitempty"`
	Application string `json:"application,omitempty"`
	Enabled     *bool  `json:"enabled,omitempty"`
	Note        string `json:"note,omitempty"`
}

func lostAt(server *v1alpha1.IdentityServer) (all []lost) {
	s := server.Status
	for _, o := range s.Orphans {
		l := lost{Server: server.Name, Kind: "Orphan", ClientID: o.ClientID, Application: o.Application, Enabled: &o.Enabled}
		if o.Successor {
			l.Note = "an application of that name lives again: let it adopt the registration"
		}
		all = append(all, l)
	}
	for _, d := range s.DeclaredOrphans {
		all = append(all, lost{Server: server.Name, Kind: "Declared", Note: d + ": look for it at the server"})
	}
	for _, a := range s.Abandoned {
		all = append(all, lost{Server: server.Name, Kind: "Abandoned", ClientID: a.ClientID, Application: a.Application, Note: "delete it at the server"})
	}
	return all
}

func (e *env) listOrphans(ctx context.Context, name string, as format) error {
	var servers v1alpha1.IdentityServerList
	if name != "" {
		server, err := e.identityServer(ctx, name)
		if err != nil {
			return err
		}
		servers.Items = append(servers.Items, *server)
	} else if err := e.list(ctx, &servers); err != nil {
		return err
	}
	all := []lost{}
	for i := range servers.Items {
		all = append(all, lostAt(&servers.Items[i])...)
	}
	if err := as.print(e.Out, all, func() error { return e.tellLost(all, len(servers.Items)) }); err != nil {
		return err
	}
	if len(all) > 0 {
		return errUnwell
	}
	return nil
}

func (e *env) tellLost(all []lost, servers int) error {
	if len(all) == 0 {
		_, err := fmt.Fprintf(e.Out, "no orphans; IdentityServers: %d\n", servers)
		return err
	}
	rows := [][]string{{"SERVER", "KIND", "CLIENT ID", "WAS FOR", "ENABLED", "NOTE"}}
	for _, l := range all {
		enabled := ""
		if l.Enabled != nil {
			enabled = fmt.Sprint(*l.Enabled)
		}
		rows = append(rows, []string{l.Server, l.Kind, l.ClientID, l.Application, enabled, l.Note})
	}
	return table(e.Out, rows...)
}

// lastWord is how long giving the former policy back may take.
const lastWord = 15 * time.Second

// deleteOrphans lends the server the orphanPolicy Delete until its orphans are gone. The operator deletes what two sweeps in a row found.
func (e *env) deleteOrphans(ctx context.Context, name string, yes bool, timeout time.Duration) error {
	server, err := e.identityServer(ctx, name)
	if err != nil {
		return err
	}
	before := deletable(server)
	if before == 0 {
		_, err := fmt.Fprintf(e.Out, "%s has no orphans that could be deleted\n", name)
		return err
	}
	question := fmt.Sprintf("The operator deletes %d registrations at %s, and what else two sweeps find orphaned. Go on?", before, name)
	if err := e.confirm(yes, question); err != nil {
		return err
	}
	if err := e.setOrphanPolicy(ctx, name, v1alpha1.OrphanDelete); err != nil {
		return err
	}
	err = e.sweepAway(ctx, name, before, timeout)
	// The former policy comes back in any case: after an interruption, and where the server cannot be read any more.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if back := e.setOrphanPolicy(last, name, server.Spec.OrphanPolicy); back != nil {
		err = errors.Join(err, fmt.Errorf("the IdentityServer %s STILL HAS orphanPolicy Delete; set it to %s: %w", name, server.Spec.OrphanPolicy, back))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Out, "orphans deleted at %s: %d\n", name, before)
	return err
}

// sweepAway asks for sweeps until a server has no orphans that could be deleted; at first it has so many.
func (e *env) sweepAway(ctx context.Context, name string, before int, timeout time.Duration) error {
	left := before
	err := wait.PollUntilContextTimeout(ctx, 2*time.Second, timeout, true, func(ctx context.Context) (bool, error) {
		server, err := e.identityServer(ctx, name)
		if err != nil {
			return false, err
		}
		if left = deletable(server); left == 0 {
			return true, nil
		}
		return false, e.annotate(ctx, server, v1alpha1.SweepAnnotation, time.Now().UTC().Format(time.RFC3339Nano))
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return &timeoutError{message: fmt.Sprintf("%d of %d orphans were left at %s after %s", left, before, name, timeout)}
	}
	return err
}

// deletable counts the orphans that the operator would delete: not those whose application lives again.
func deletable(server *v1alpha1.IdentityServer) int {
	n := int(server.Status.Orphaned)
	for _, o := range server.Status.Orphans {
		if o.Successor {
			n--
		}
	}
	return n
}

// setOrphanPolicy changes nothing else, and needs to read nothing.
func (e *env) setOrphanPolicy(ctx context.Context, name string, policy v1alpha1.OrphanPolicy) error {
	k, err := e.client()
	if err != nil {
		return err
	}
	server := &v1alpha1.IdentityServer{}
	server.Name = name
	patch := fmt.Appendf(nil, `{"spec":{"orphanPolicy":%q}}`, policy)
	return k.Patch(ctx, server, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(fieldOwner))
}
