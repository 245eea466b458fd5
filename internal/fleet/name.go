package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// maxName is the longest name of a TrustedApplication, and hashLength what of a hash follows one that was cut.
const maxName, hashLength = 63, 8

// Name is that of the TrustedApplication of a set at a server. It is the same for ever: the names of both, and where that is too long its beginning
// and a hash of it.
func Name(set, server string) string {
	name := set + "-" + server
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:maxName-hashLength-1], "-.") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

// Owns says whether an application was made by this very set: only the owner reference proves it.
func Owns(set *v1alpha1.TrustedApplicationSet, app *v1alpha1.TrustedApplication) bool {
	owner := metav1.GetControllerOfNoCopy(app)
	return owner != nil && owner.UID == set.UID
}
