package identity

import (
	"strings"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

// approved is a token request that passed every check before its code or refresh token is looked at.
type approved struct {
	tokenRequest
	app        registration
	systemUser model.User // of a service request
	scopes     []string   // of a service request
}

// evaluate checks a well-formed token request in the documented order: the application exists and is enabled, the
// client authenticates, the grant is allowed, the scopes are. Code and refresh token are the library's to check.
func (s *Server) evaluate(req tokenRequest) (approved, error) {
	app, ok := s.application(req.clientID)
	if !ok || !app.IsEnabled {
		return approved{}, s.missing(req.grant)
	}
	a := approved{tokenRequest: req, app: app}
	if err := s.authenticate(app, req); err != nil {
		return a, err
	}
	if req.grant != grantService {
		if !app.interactive() {
			return a, failure(unsupportedGrantType, "The application may not sign users in.")
		}
		return a, nil
	}
	var err error
	if a.systemUser, err = s.systemUser(app); err != nil {
		return a, err
	}
	a.scopes, err = app.serviceScopes(strings.TrimSpace(req.form.Get("scope")))
	return a, err
}

// missing is the answer for an application that does not exist or is disabled; it depends on the flow.
func (s *Server) missing(grant string) error {
	const text = "The application is not registered or disabled."
	if grant == grantService && !s.Quirks.DisabledIsUnauthorizedClient {
		return failure(invalidClient, text)
	}
	return failure(unauthorizedClient, text)
}

func (s *Server) authenticate(app registration, req tokenRequest) error {
	switch app.ClientType {
	case model.Confidential:
		replaced := s.Quirks.PKCEReplacesSecret && req.grant == grantCode && req.form.Get("code_verifier") != ""
		if !req.hasSecret && replaced {
			return nil
		}
		if !req.hasSecret {
			return failure(invalidClient, "A confidential client must send its secret.")
		}
		if !app.secretMatches(req.secret) {
			return failure(invalidClient, "The client secret is wrong.")
		}
		return nil
	case model.Public:
		if req.hasSecret {
			return failure(invalidClient, "A public client must not send a secret.")
		}
		return nil
	}
	return failure(invalidClient, "The application is registered as a note only.")
}

// systemUser finds the user that a service acts as.
func (s *Server) systemUser(app registration) (model.User, error) {
	if !app.SystemUserAllowed || app.SystemUserID == nil {
		return model.User{}, failure(unauthorizedClient, "The application has no system user or may not use it.")
	}
	user, ok := s.Store.User(*app.SystemUserID)
	if !ok || !usable(user, s.Clock.Now()) {
		return model.User{}, failure(unauthorizedClient, "The system user is missing, inactive or locked.")
	}
	switch user.UserType {
	case model.InternalUser:
		if s.Quirks.ServiceNeedsInternalImpersonation && !app.ImpersonateAsInternalUserAllowed {
			return model.User{}, failure(unauthorizedClient, "The application may not impersonate an internal user.")
		}
	case model.SystemUserNoLogin, model.ApplicationUserNoLogin:
	default:
		return model.User{}, failure(unauthorizedClient, "Users of this type cannot be a system user.")
	}
	return user, nil
}

// usable says whether a user is active and not locked out.
func usable(u model.User, now time.Time) bool {
	return u.Active && (u.LockoutEndUTC == nil || !now.Before(*u.LockoutEndUTC))
}
