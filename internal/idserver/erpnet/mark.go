package erpnet

import (
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// The mark of a registration is ExternalSystem (the operator and the cluster) and ExternalId (the object). Versions without
// them carry one line in Notes. A line is still read where a later version took the instance over.
const (
	systemPrefix      = "trustedapps.dev/"
	notesPrefix       = "trustedapps.dev/owner="
	maxExternalSystem = 64
	maxExternalID     = 254
)

// markAttributes are what carries the mark, to be added to the registration a.
func (f features) markAttributes(m idserver.Mark, a attributes) attributes {
	if f.externalID {
		return attributes{attrExternalSystem: systemPrefix + m.Cluster, attrExternalID: m.String()}
	}
	lines := []string{}
	if notes := a.str(attrNotes); notes != "" {
		lines = append(lines, notes)
	}
	return attributes{attrNotes: strings.Join(append(lines, notesPrefix+m.Cluster+"/"+m.String()), "\n")}
}

// owner reads the mark. foreign describes, without quoting it, a mark of another kind.
func (a attributes) owner() (m idserver.Mark, foreign string) {
	system, id := a.str(attrExternalSystem), a.str(attrExternalID)
	if system != "" || id != "" {
		cluster, ours := strings.CutPrefix(system, systemPrefix)
		if m, ok := idserver.ParseMark(cluster, id); ours && ok {
			return m, ""
		}
		return idserver.Mark{}, "ExternalSystem and ExternalId of another system"
	}
	return a.notesOwner()
}

func (a attributes) notesOwner() (idserver.Mark, string) {
	var found idserver.Mark
	for line := range strings.Lines(a.str(attrNotes)) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), notesPrefix)
		if !ok {
			continue
		}
		cluster, object, _ := strings.Cut(value, "/")
		m, ok := idserver.ParseMark(cluster, object)
		if !ok || (found != idserver.Mark{} && found != m) {
			return idserver.Mark{}, "a line in Notes that names no single owner"
		}
		found = m
	}
	return found, ""
}

// marked says whether the mark is where this version keeps it.
func (f features) marked(a attributes) bool { return !f.externalID || a.str(attrExternalSystem) != "" }

// checkMark refuses a mark that does not fit into the attributes.
func checkMark(op string, m idserver.Mark) error {
	if parsed, ok := idserver.ParseMark(m.Cluster, m.String()); !ok || parsed != m || strings.Contains(m.Cluster, "/") {
		return oauth.Rejected(op, idserver.ReasonInvalid, "the mark of the owner is incomplete")
	}
	if len(systemPrefix+m.Cluster) > maxExternalSystem || len(m.String()) > maxExternalID {
		return oauth.Rejected(op, idserver.ReasonInvalid, "the cluster's UID, or the namespace and name, are too long for the mark of the owner")
	}
	return nil
}
