package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) server() *cobra.Command {
	c := &cobra.Command{Use: "server", Short: "Look at identity servers"}
	var as format
	check := &cobra.Command{
		Use: "check NAME", Short: "Show a server: its login, the operator's rights there, version, abilities and limits",
		Example: "  kubectl trustedapp server check acme",
		Args:    one("IdentityServer"), ValidArgsFunction: e.serverNames,
		RunE: func(cmd *cobra.Command, args []string) error { return e.checkServer(cmd.Context(), args[0], as) },
	}
	as.bind(check)
	c.AddCommand(check)
	return c
}

// serverReport is what is told of an identity server. Its JSON is stable.
type serverReport struct {
	Name         string                 `json:"name"`
	Ready        bool                   `json:"ready"`
	Reason       string                 `json:"reason,omitempty"`
	Message      string                 `json:"message,omitempty"`
	Type         string                 `json:"type,omitempty"`
	Version      string                 `json:"version,omitempty"`
	Endpoints    *v1alpha1.Endpoints    `json:"endpoints,omitempty"`
	Capabilities *v1alpha1.Capabilities `json:"capabilities,omitempty"`
	Limits       map[string]int32       `json:"limits,omitempty"`
	Orphans      int32                  `json:"orphans"`
	Applications *population            `json:"applications,omitempty"`
	Conditions   []metav1.Condition     `json:"conditions,omitempty"`
	Warnings     []string               `json:"warnings,omitempty"`
}

// population counts the applications of a server.
type population struct {
	Total    int `json:"total"`
	NotReady int `json:"notReady"`
}

func serverReportOn(server *v1alpha1.IdentityServer) serverReport {
	s := server.Status
	r := serverReport{
		Name: server.Name, Type: s.Type, Version: s.Version, Endpoints: s.Endpoints, Capabilities: s.Capabilities, Orphans: s.Orphaned,
		Conditions: s.Conditions, Warnings: s.Warnings,
	}
	if server.Spec.ERPNet != nil && server.Spec.ERPNet.Limits != nil {
		limits := server.Spec.ERPNet.Limits
		r.Limits = map[string]int32{"requestsPerMinute": limits.RequestsPerMinute, "batchSize": limits.BatchSize}
	}
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); ready != nil {
		r.Ready, r.Reason, r.Message = ready.Status == metav1.ConditionTrue, ready.Reason, ready.Message
	} else {
		r.Reason, r.Message = "Unknown", "the operator has not seen it yet: is it running, and does it work for this server?"
	}
	return r
}

func (r serverReport) state() string {
	if r.Ready {
		return v1alpha1.ReasonReady
	}
	return "not Ready: " + r.Reason
}

func (e *env) checkServer(ctx context.Context, name string, as format) error {
	server, err := e.identityServer(ctx, name)
	if err != nil {
		return err
	}
	r := serverReportOn(server)
	var apps v1alpha1.TrustedApplicationList
	counted := e.list(ctx, &apps) // who may not list those of all namespaces is told the rest
	if counted == nil {
		r.Applications = populationOf(apps.Items, name)
	}
	if err := as.print(e.Out, r, func() error { return e.serverTree(r, counted) }); err != nil {
		return err
	}
	if !r.Ready {
		return errUnwell
	}
	return nil
}

func populationOf(apps []v1alpha1.TrustedApplication, server string) *population {
	p := &population{}
	for i := range apps {
		if apps[i].Spec.IdentityServerRef.Name != server {
			continue
		}
		p.Total++
		if !meta.IsStatusConditionTrue(apps[i].Status.Conditions, v1alpha1.ConditionReady) {
			p.NotReady++
		}
	}
	return p
}

func (e *env) serverTree(r serverReport, counted error) error {
	colour := green
	if !r.Ready {
		colour = red
	}
	if _, err := fmt.Fprintf(e.Out, "%s  %s\n", e.ink.paint(bold, r.Name), e.ink.paint(colour, r.state())); err != nil {
		return err
	}
	b := branch{below: []branch{leaf("server", strings.TrimSpace(cmp.Or(r.Type, "not known yet")+" "+r.Version))}}
	if p := r.Endpoints; p != nil {
		b.below = append(b.below, leaf("issuer", p.Issuer), leaf("tokens from", p.Token))
	}
	if c := r.Capabilities; c != nil {
		b.below = append(b.below, leaf("secrets", fmt.Sprintf("%s, %d at a time", c.SecretOrigin, c.SecretSlots)),
			leaf("methods", joined(c.Methods, ", ")), leaf("rotation by", joined(c.Strategies, ", ")))
		if len(c.Features) > 0 {
			b.below = append(b.below, leaf("features", joined(c.Features, ", ")))
		}
	}
	if len(r.Limits) > 0 {
		b.below = append(b.below, leaf("limits", fmt.Sprintf("%d requests a minute, %d calls in one", r.Limits["requestsPerMinute"], r.Limits["batchSize"])))
	}
	if p := r.Applications; p != nil {
		b.below = append(b.below, leaf("applications", fmt.Sprintf("%d, of which %d are not Ready", p.Total, p.NotReady)))
	} else {
		b.below = append(b.below, leaf("applications", "not known: "+firstLine(counted.Error())))
	}
	b.below = append(b.below, leaf("orphans", fmt.Sprint(r.Orphans)), e.ink.conditionLines(r.Conditions))
	b.below = append(b.below, leaves("warnings", r.Warnings)...)
	return b.draw(e.Out, "")
}

// joined writes names in a line.
func joined[T ~string](names []T, separator string) string {
	all := make([]string, 0, len(names))
	for _, n := range names {
		all = append(all, string(n))
	}
	return strings.Join(all, separator)
}
