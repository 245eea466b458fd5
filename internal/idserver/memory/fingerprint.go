package memory

import (
	"fmt"
	"regexp"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
)

// Fingerprint renders everything that the server's further behaviour depends on: equal fingerprints mean servers that nobody can
// tell apart. It is one line for each registration and shows secrets, which are counters here. How many values were drawn and how many
// writes were counted is left out, and so are versions: they tell only whether a reply is stale, and whoever compares states holds no
// reply then. Put it through Canonical, together with the rest of the state, to leave out the names of drawn
// values too.
func (s *Server) Fingerprint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range s.held {
		b.WriteString(r.fingerprint())
		b.WriteByte('\n')
	}
	return b.String()
}

// fingerprint needs Reveal: a Secret prints as [redacted], which would make different servers look equal.
func (r Stored) fingerprint() string {
	return fmt.Sprintf("%q %q %q %q %+v secret=%q %s control=%q notes=%q referenced=%t", r.Handle, r.ClientID, r.Owner.Cluster+" "+r.Owner.String(),
		r.ForeignOwner, r.Registration.Normalize(), r.Secret.Reveal(), revealed(r.Former), r.Control.Reveal(), r.Notes, r.Referenced)
}

func revealed(secrets []idserver.Secret) string {
	var all []string
	for _, s := range secrets {
		all = append(all, s.Reveal())
	}
	return strings.Join(all, " ")
}

var drawnValue = regexp.MustCompile(`drawn-([a-z]+)-\d+`)

// Canonical renames the drawn values in a rendering of a whole state (of the server, the ledger, the published objects) by the order in
// which they first occur, kind by kind: states that differ only in how many values were drawn before become equal. Nothing
// depends on a drawn value but whether it equals another one. Values that the explorer draws are renamed as well if they have
// the form drawn-KIND-NUMBER.
func Canonical(state string) string {
	names, count := map[string]string{}, map[string]int{}
	return drawnValue.ReplaceAllStringFunc(state, func(value string) string {
		name, known := names[value]
		if !known {
			kind := drawnValue.FindStringSubmatch(value)[1]
			count[kind]++
			name = fmt.Sprintf("drawn-%s-%d", kind, count[kind])
			names[value] = name
		}
		return name
	})
}
