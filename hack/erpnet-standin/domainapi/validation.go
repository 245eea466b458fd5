package domainapi

import "trustedapps.dev/operator/hack/erpnet-standin/model"

// validate applies the rules that span attributes. Only the size of the additional data is documented; whether a
// real instance refuses contradictory records is not known, so those rules are a quirk.
func (w applicationWriter) validate(a app) error {
	if a.ApplicationURI == "" || a.Name == "" {
		return errSaving("Constraint failed: ApplicationUri and Name must have a value.")
	}
	if a.AdditionalDataJSON != nil && utf16Length(*a.AdditionalDataJSON) > 32000 {
		return errSaving("Constraint R101790: Additional Data JSON cannot exceed 32000 characters.")
	}
	if !w.quirks.ServerSideValidation {
		return nil
	}
	for _, rule := range contradictions {
		if rule.broken(a) {
			return errSaving("Constraint failed: " + rule.message)
		}
	}
	return nil
}

var contradictions = []struct {
	message string
	broken  func(a app) bool
}{
	{"A public client cannot have a secret.", func(a app) bool { return a.ClientType == model.Public && a.ApplicationSecretHash != nil }},
	{"A public client cannot act as a system user.", func(a app) bool { return a.ClientType == model.Public && a.SystemUserAllowed }},
	{"A public client requires a login URL.", func(a app) bool { return a.ClientType == model.Public && isBlank(a.ImpersonateLoginURL) }},
	{"A public client requires impersonation.", func(a app) bool { return a.ClientType == model.Public && !impersonates(a) }},
	{"A client of type None takes part in no flow.", func(a app) bool {
		return a.ClientType == model.NoClient && (a.ApplicationSecretHash != nil || a.SystemUserAllowed || impersonates(a) || !isBlank(a.ImpersonateLoginURL))
	}},
	{"SystemUserAllowed requires a SystemUser.", func(a app) bool { return a.SystemUserAllowed && a.SystemUserID == nil }},
	{"A SystemUser requires SystemUserAllowed.", func(a app) bool { return a.SystemUserID != nil && !a.SystemUserAllowed }},
}

func impersonates(a app) bool {
	return a.ImpersonateAsInternalUserAllowed || a.ImpersonateAsCommunityUserAllowed
}

func isBlank(s *string) bool { return s == nil || *s == "" }
