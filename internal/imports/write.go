package imports

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/roster"
)

// Options say which manifests to write.
type Options struct {
	// Namespace is that of the manifests; "" leaves it to kubectl apply -n.
	Namespace string
	// URIPrefix is what client ids begin with; "": all.
	URIPrefix string
	// Owned: also those of TrustedApplications that live, and the operator's own, as comments.
	Owned bool
}

// Summary is what was made of a list.
type Summary struct {
	// Server is the name of the IdentityServer.
	Server string
	// Registrations are those that the options ask for, of which Manifests can be applied, Obstructed are written as comments, and Skipped are
	// not written. Omitted are missing in the list itself.
	Registrations, Manifests, Obstructed, Skipped, Omitted int
	Rows                                                   []Row
}

// Row is one registration.
type Row struct {
	ClientID, Name string
	Flow           v1alpha1.Flow
	// Obstacle is as in Manifest; Skipped: nothing was written.
	Obstacle string
	Skipped  bool
	Warnings int
}

// Write writes a manifest for each registration of a list, with comments, as one stream of YAML documents.
func Write(out io.Writer, list roster.Document, o Options) (Summary, error) {
	s := Summary{Server: list.Server.Name, Omitted: list.Omitted}
	names := Names(list.Registrations)
	var text bytes.Buffer
	fmt.Fprintf(&text, "# The registrations at the IdentityServer %s, as they were listed at %s.\n# Applied as they are, these manifests change nothing "+
		"at the server. To let the operator manage one, set its driftPolicy to Enforce;\n# to keep its secret, see docs/adoption.md first.\n",
		list.Server.Name, list.Time.UTC().Format(time.RFC3339))
	if list.Omitted > 0 {
		fmt.Fprintf(&text, "# The list is not whole: there was no room for %d registrations.\n", list.Omitted)
	}
	for _, e := range list.Registrations {
		if !strings.HasPrefix(e.ClientID, o.URIPrefix) {
			continue
		}
		m := For(list.Server, e, o.Namespace, names[e.ClientID])
		row := Row{
			ClientID: e.ClientID, Name: m.Application.Name, Flow: desired.Flow(m.Application.Spec), Obstacle: m.Obstacle, Warnings: len(m.Warnings),
			Skipped: !o.Owned && (e.Operator || e.Owner != nil && e.Owner.Lives),
		}
		s.Registrations++
		s.Rows = append(s.Rows, row)
		if row.Skipped {
			s.Skipped++
			continue
		}
		if m.Obstacle != "" {
			s.Obstructed++
		} else {
			s.Manifests++
		}
		if err := m.write(&text, e); err != nil {
			return s, err
		}
	}
	_, err := out.Write(text.Bytes())
	return s, err
}

// write writes one document; all of it as comments where the manifest is of no use as it is.
func (m Manifest) write(text *bytes.Buffer, e roster.Entry) error {
	body, err := yaml.Marshal(m.Application)
	if err != nil {
		return fmt.Errorf("writing the manifest of %q: %w", e.ClientID, err)
	}
	text.WriteString("---\n")
	comment(text, dates(e))
	if m.Obstacle != "" {
		comment(text, "NOT IMPORTED: "+m.Obstacle)
	}
	for _, w := range m.Warnings {
		comment(text, "warning: "+w)
	}
	if m.Obstacle == "" {
		text.Write(body)
		return nil
	}
	for line := range strings.Lines(string(body)) {
		comment(text, strings.TrimSuffix(line, "\n"))
	}
	return nil
}

// dates tell when a registration was made and changed, which is all that the server knows about its use.
func dates(e roster.Entry) string {
	said := strconv.QuoteToASCII(e.ClientID)
	if e.Created != nil {
		said += ", made " + e.Created.Format(time.DateOnly)
	}
	if e.Changed != nil {
		said += ", last changed " + e.Changed.Format(time.DateOnly)
	}
	return said
}

// breaks are what ends a line of YAML beside the line feed.
var breaks = strings.NewReplacer("\r", "?", "\n", "?", "\u0085", "?", "\u2028", "?", "\u2029", "?")

// comment writes a line that is certainly nothing else.
func comment(text *bytes.Buffer, line string) {
	text.WriteString("# " + breaks.Replace(line) + "\n")
}

// Table renders the summary for people.
func (s Summary) Table(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "CLIENT ID\tNAME\tFLOW\tWARNINGS\tMANIFEST")
	for _, r := range s.Rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", bare(r.ClientID), r.Name, r.Flow, r.Warnings, r.outcome())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d registrations at %s: %d manifests, %d as comments only, %d skipped\n",
		s.Registrations, s.Server, s.Manifests, s.Obstructed, s.Skipped)
	if err == nil && s.Omitted > 0 {
		_, err = fmt.Fprintf(out, "%d more are not in the list, because there was no room for them\n", s.Omitted)
	}
	return err
}

// bare is a text of the server as it is where it is harmless on a terminal, else quoted.
func bare(s string) string {
	if printable.MatchString(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

func (r Row) outcome() string {
	switch {
	case r.Skipped:
		return "skipped: " + breaks.Replace(r.Obstacle)
	case r.Obstacle != "":
		return "comment: " + breaks.Replace(r.Obstacle)
	}
	return "yes"
}
