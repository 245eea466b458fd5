package connections

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
)

func TestLacking(t *testing.T) {
	erpNet := v1alpha1.IdentityServerSpec{ERPNet: &v1alpha1.ERPNetServer{}}
	dynamic := v1alpha1.IdentityServerSpec{DynamicRegistration: &v1alpha1.DynamicRegistrationServer{}}
	hydra := v1alpha1.IdentityServerSpec{Hydra: &v1alpha1.HydraServer{}}
	for name, c := range map[string]struct {
		spec v1alpha1.IdentityServerSpec
		own  Credentials
		want string
	}{
		"ERP.net, nothing":       {erpNet, nil, "client_id and client_secret"},
		"ERP.net, half":          {erpNet, Credentials{"client_id": "a"}, "client_id and client_secret"},
		"ERP.net, empty":         {erpNet, Credentials{"client_id": "a", "client_secret": ""}, "client_id and client_secret"},
		"ERP.net":                {erpNet, Credentials{"client_id": "a", "client_secret": "b"}, ""},
		"registration, nothing":  {dynamic, Credentials{"token": "a"}, "initial_access_token, or software_statement, or both"},
		"registration":           {dynamic, Credentials{"initial_access_token": "a"}, ""},
		"registration, stated":   {dynamic, Credentials{"software_statement": "a"}, ""},
		"Hydra, another key":     {hydra, Credentials{"initial_access_token": "a"}, "token"},
		"Hydra behind something": {hydra, Credentials{"token": "a"}, ""},
	} {
		NewWithT(t).Expect(Lacking(c.spec, c.own)).To(Equal(c.want), name)
	}
}
