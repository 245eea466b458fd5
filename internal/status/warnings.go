package status

import (
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
)

// The bounds that the schemas set to the warnings in a status. The API server would refuse the whole of it for one that is too long.
const (
	maxWarnings      = 16
	maxWarningLength = 512
)

// told brings warnings into the form of a status: sorted, each once, nil where there are none, and what is too long or too much cut off.
func told(warnings []string) []string {
	var out []string
	for _, w := range warnings {
		if len(w) > maxWarningLength {
			w = strings.ToValidUTF8(w[:maxWarningLength-3], "") + "..."
		}
		out = append(out, w)
	}
	out = sorted(out)
	return out[:min(len(out), maxWarnings)]
}

// Beginnings of the warnings about a server that no probe finds out.
const (
	annotationPrefix = "metadata.annotations: "
	accessPrefix     = "spec.access: "
)

// withoutOwn leaves those of the last probe.
func withoutOwn(warnings []string) []string {
	return slices.DeleteFunc(slices.Clone(warnings), func(w string) bool {
		return strings.HasPrefix(w, annotationPrefix) || strings.HasPrefix(w, accessPrefix)
	})
}

// accessWarnings are about grants that let nobody in.
func accessWarnings(ids *v1alpha1.IdentityServer) []string {
	if len(ids.Spec.Access) == 0 {
		return []string{accessPrefix + `nobody may register anything: add grants, see kubectl explain identityserver.spec.access; ` +
			`one for all of the cluster is {name: everyone, namespaces: ["*"]}`}
	}
	return nil
}

// annotationWarnings are about requests that do not have the effect that somebody may expect.
func annotationWarnings(ids *v1alpha1.IdentityServer) []string {
	if value, ok := ids.Annotations[v1alpha1.PausedAnnotation]; ok && value != v1alpha1.PausedValue {
		return []string{annotationPrefix + v1alpha1.PausedAnnotation + " pauses with the value true only: set it to true, or remove it"}
	}
	return nil
}
