package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) status() *cobra.Command {
	var all bool
	var as format
	c := &cobra.Command{
		Use: "status [NAME]", Short: "Show an application as a tree, or list those of a namespace",
		Example: "  kubectl trustedapp status order-sync -n orders\n  kubectl trustedapp status -A",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && all {
				return fmt.Errorf("a NAME is in one namespace: leave -A out, or the NAME")
			}
			if len(args) == 1 {
				return e.showOne(cmd.Context(), args[0], as)
			}
			return e.showAll(cmd.Context(), all, as)
		},
	}
	c.Flags().BoolVarP(&all, "all-namespaces", "A", false, "list those of all namespaces")
	as.bind(c)
	return c
}

func (e *env) showOne(ctx context.Context, name string, as format) error {
	app, err := e.application(ctx, name)
	if err != nil {
		return err
	}
	r, who := reportOn(app), e.users(ctx, app)
	r.UsedBy, r.UsedByMore, r.UsedByUnknown = who.all, who.more, who.unknown
	if err := as.print(e.Out, r, func() error { return e.tree(ctx, r, who) }); err != nil {
		return err
	}
	if !r.Ready {
		return errUnwell
	}
	return nil
}

// tree writes an application for people.
func (e *env) tree(ctx context.Context, r report, who users) error {
	now := time.Now()
	colour := green
	if !r.Ready {
		colour = red
	}
	if _, err := fmt.Fprintf(e.Out, "%s  %s\n", e.ink.paint(bold, r.Namespace+"/"+r.Name), e.ink.paint(colour, r.state())); err != nil {
		return err
	}
	b := branch{below: []branch{leaf("server", e.serverLine(ctx, r.Server)), leaf("registration", r.Registration.line())}}
	if r.Credential != nil {
		b.below = append(b.below, leaf("credential", r.Credential.line(now)))
	}
	if r.ConfigMap != "" {
		b.below = append(b.below, leaf("publishes", "ConfigMap "+r.ConfigMap))
	}
	b.below = append(b.below, who.branches(r.Credential)...)
	if len(r.Conditions) > 0 {
		b.below = append(b.below, e.ink.conditionLines(r.Conditions))
	} else {
		b.below = append(b.below, leaf("next", r.Message))
	}
	b.below = append(b.below, leaves("differs at the server", r.Drift)...)
	b.below = append(b.below, leaves("warnings", r.Warnings)...)
	b.below = append(b.below, leaves("may have been left at the server", r.Orphans)...)
	return b.draw(e.Out, "")
}

// serverLine is what may be known of a server; an application is shown also where it is not.
func (e *env) serverLine(ctx context.Context, name string) string {
	server, err := e.identityServer(ctx, name)
	if err != nil {
		return name + " (not known: " + firstLine(err.Error()) + ")"
	}
	s := serverReportOn(server)
	words := []string{name}
	if kind := strings.TrimSpace(s.Type + " " + s.Version); kind != "" {
		words = append(words, "("+kind+")")
	}
	return strings.Join(append(words, s.state()), " ")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (r registration) line() string {
	words := []string{r.ClientID, string(cmp.Or(r.Flow, "no flow yet")), string(r.ClientType)}
	if r.SystemUser != "" {
		words = append(words, "as "+r.SystemUser)
	}
	if len(r.Scopes) > 0 {
		words = append(words, "scopes "+joined(r.Scopes, " "))
	}
	if !r.Enabled {
		words = append(words, "disabled")
	}
	return strings.Join(words, ", ")
}

func (c *credential) line(now time.Time) string {
	if c.Secret == "" {
		return "not published yet"
	}
	words := []string{"Secret " + c.Secret}
	if c.Method != v1alpha1.MethodClientSecret {
		words = append(words, string(c.Method))
	}
	if c.Made != nil {
		words = append(words, age(c.Made, now)+" old")
	}
	if c.Phase != "" && c.Phase != v1alpha1.RotationIdle {
		words = append(words, "rotation: "+string(c.Phase))
	}
	switch {
	case c.Strategy == "":
	case c.Next == nil:
		words = append(words, "rotated on demand by "+string(c.Strategy))
	case c.Next.After(now):
		words = append(words, "rotated in "+duration.HumanDuration(c.Next.Sub(now))+" by "+string(c.Strategy))
	default:
		words = append(words, "rotation is due, by "+string(c.Strategy))
	}
	return strings.Join(words, ", ")
}

// showAll lists applications.
func (e *env) showAll(ctx context.Context, all bool, as format) error {
	var list v1alpha1.TrustedApplicationList
	var where []client.ListOption
	none := "no TrustedApplications in this cluster"
	namespace, err := e.namespace()
	if err != nil {
		return err
	}
	if !all {
		where = append(where, client.InNamespace(namespace))
		none = fmt.Sprintf("no TrustedApplications in the namespace %s; -A lists those of all namespaces", namespace)
	}
	if err := e.list(ctx, &list, where...); err != nil {
		return err
	}
	reports, unwell := make([]report, 0, len(list.Items)), 0
	for i := range list.Items {
		r := reportOn(&list.Items[i])
		reports = append(reports, r)
		if !r.Ready {
			unwell++
		}
	}
	if err := as.print(e.Out, reports, func() error { return e.rows(reports, as == wide, none) }); err != nil {
		return err
	}
	if unwell > 0 {
		return errUnwell
	}
	return nil
}

// rows writes a list for people, or that there is none. The remedies come below it, where a column would be too narrow.
func (e *env) rows(reports []report, broad bool, none string) error {
	if len(reports) == 0 {
		_, err := fmt.Fprintln(e.Err, none)
		return err
	}
	now := time.Now()
	rows := [][]string{{"NAMESPACE", "NAME", "CLIENT ID", "SERVER", "STATE", "SECRET AGE", "AGE"}}
	if broad {
		rows[0] = append(rows[0], "FLOW", "SECRET", "STRATEGY", "WARNINGS")
	}
	for i := range reports {
		r := &reports[i]
		row := []string{r.Namespace, r.Name, r.Registration.ClientID, r.Server, r.state(), r.secretAge(now), age(&r.Created, now)}
		if broad {
			c := cmp.Or(r.Credential, &credential{})
			row = append(row, string(r.Registration.Flow), c.Secret, string(c.Strategy), fmt.Sprint(len(r.Warnings)))
		}
		rows = append(rows, row)
	}
	if err := table(e.Out, rows...); err != nil {
		return err
	}
	for i := range reports {
		if r := &reports[i]; !r.Ready {
			if _, err := fmt.Fprintf(e.Out, "%s %s/%s: %s\n", e.ink.mark("False"), r.Namespace, r.Name, r.Message); err != nil {
				return err
			}
		}
	}
	return nil
}
