package fleet

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"trustedapps.dev/operator/api/v1alpha1"
)

// selected is a server that a set is for; server is nil where there is none of that name, or it is being deleted.
type selected struct {
	name   string
	server *v1alpha1.IdentityServer
}

// selection are the servers of a set, by name. A server that is being deleted is not selected by its labels any more, so that the set does not keep
// it; who names it has to take it from the list.
func selection(of v1alpha1.SetServers, all []v1alpha1.IdentityServer) []selected {
	var found []selected
	if of.Selector != nil {
		match := selector(*of.Selector)
		for i := range all {
			if all[i].DeletionTimestamp.IsZero() && match.Matches(labels.Set(all[i].Labels)) {
				found = append(found, selected{all[i].Name, &all[i]})
			}
		}
	}
	for _, name := range of.Names {
		s := selected{name: name}
		if at := slices.IndexFunc(all, func(ids v1alpha1.IdentityServer) bool { return ids.Name == name }); at >= 0 && all[at].DeletionTimestamp.IsZero() {
			s.server = &all[at]
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b selected) int { return strings.Compare(a.name, b.name) })
	return found
}

// selector is that of labels; what cannot be read, and nothing at all, matches nothing. The schema lets neither through.
func selector(of v1alpha1.ServerSelector) labels.Selector {
	s := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for key, value := range of.MatchLabels {
		s.MatchLabels[key] = string(value)
	}
	for _, e := range of.MatchExpressions {
		r := metav1.LabelSelectorRequirement{Key: e.Key, Operator: metav1.LabelSelectorOperator(e.Operator)}
		for _, value := range e.Values {
			r.Values = append(r.Values, string(value))
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
	}
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || parsed.Empty() {
		return labels.Nothing()
	}
	return parsed
}
