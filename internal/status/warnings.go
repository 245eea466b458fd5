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

// annotationPrefix begins the warnings about annotations of a server, which no probe finds out.
const annotationPrefix = "metadata.annotations: "

func withoutAnnotations(warnings []string) []string {
	return slices.DeleteFunc(slices.Clone(warnings), func(w string) bool { return strings.HasPrefix(w, annotationPrefix) })
}

// annotationWarnings are about requests that do not have the effect that somebody may expect.
func annotationWarnings(ids *v1alpha1.IdentityServer) []string {
	if value, ok := ids.Annotations[v1alpha1.PausedAnnotation]; ok && value != v1alpha1.PausedValue {
		return []string{annotationPrefix + v1alpha1.PausedAnnotation + " pauses with the value true only: set it to true, or remove it"}
	}
	return nil
}
