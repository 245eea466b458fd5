package imports

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"trustedapps.dev/operator/internal/roster"
)

const (
	// maxName is the longest name of a TrustedApplication.
	maxName = 63
	// suffix is how much of a hash tells two names apart.
	suffix = 8
)

var unnameable = regexp.MustCompile(`[^a-z0-9]+`)

// Names gives every registration of a list a name of its own: its client id in the characters of a name. Where two become the same, or one is too
// long, a hash of the client id is added to each of them, so that no name depends on the order of the list.
func Names(entries []roster.Entry) map[string]string {
	count := map[string]int{}
	for _, e := range entries {
		count[plain(e.ClientID)]++
	}
	names := make(map[string]string, len(entries))
	for _, e := range entries {
		name := plain(e.ClientID)
		if name == "" || len(name) > maxName || count[name] > 1 {
			sum := sha256.Sum256([]byte(e.ClientID))
			name = strings.Trim(name[:min(len(name), maxName-suffix-1)], "-") + "-" + hex.EncodeToString(sum[:])[:suffix]
			if strings.HasPrefix(name, "-") {
				name = "app" + name
			}
		}
		names[e.ClientID] = name
	}
	return names
}

func plain(clientID string) string {
	return strings.Trim(unnameable.ReplaceAllString(strings.ToLower(clientID), "-"), "-")
}
