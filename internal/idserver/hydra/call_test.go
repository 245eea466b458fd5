package hydra

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Hydra says HTTP 400 of a transaction that its database took back, as of a value that it refuses. Only the text tells them apart.
func TestABusyDatabaseIsNoRefusal(t *testing.T) {
	g := NewWithT(t)
	s, err := New(Config{AdminURL: "http://127.0.0.1:1", PublicURL: "https://127.0.0.1:1"})
	g.Expect(err).NotTo(HaveOccurred())
	for body, busy := range map[string]bool{
		`{"error":"Unable to serialize access due to a concurrent update in another session","error_description":""}`: true,
		`{"error":"invalid_client_metadata","error_description":"Field client_name is not valid."}`:                   false,
		`{"error":"The request was malformed or contained invalid parameters","error_description":""}`:                false,
	} {
		for _, write := range []bool{true, false} {
			err := s.classify(opUpdate, write, oauth.Answer{Status: 400, Body: []byte(body)})
			if busy {
				g.Expect(err).To(MatchError(idserver.ErrUnavailable), body)
			} else {
				g.Expect(err).To(BeAssignableToTypeOf(&refusalError{}), body)
			}
		}
	}
}
