package oauth

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestCheckEndpoints(t *testing.T) {
	g := NewWithT(t)
	good := idserver.Endpoints{Issuer: "https://h/id", Token: "https://H/id/connect/token", JWKS: "https://h/id/jwks"}
	g.Expect(checkEndpoints("trying", "https://h/id", good)).To(Succeed())
	for name, change := range map[string]func(*idserver.Endpoints){
		"issuer of another host": func(e *idserver.Endpoints) { e.Issuer = "https://other/id" },
		"issuer of another path": func(e *idserver.Endpoints) { e.Issuer = "https://h/identity" },
		"token elsewhere":        func(e *idserver.Endpoints) { e.Token = "https://evil/connect/token" },
		"another port":           func(e *idserver.Endpoints) { e.Token = "https://h:444/connect/token" },
		"token without TLS":      func(e *idserver.Endpoints) { e.Token = "http://h/connect/token" },
		"keys elsewhere":         func(e *idserver.Endpoints) { e.JWKS = "https://evil/jwks" },
	} {
		bad := good
		change(&bad)
		err := checkEndpoints("trying", "https://h/id", bad)
		g.Expect(err).To(MatchError(idserver.ErrRejected), name)
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonIssuerMismatch), name)
		g.Expect(err.Error()).NotTo(ContainSubstring("evil"), name)
	}
}
