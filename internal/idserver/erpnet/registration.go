package erpnet

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Client types of the published model.
const (
	clientConfidential = "Confidential"
	clientPublic       = "Public"
	clientNone         = "None"
)

// SecretHash is how the instance stores a secret: base64(SHA-256(UTF-8 bytes)), standard alphabet, padded, unsalted.
func SecretHash(secret idserver.Secret) string {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// allowedScopes are those that an application may be registered with. sec is reserved for the instance itself, and takes a grant of its own.
var allowedScopes = []string{"read", "update", "openid", "profile", "offline_access", "sec"}

// check refuses, with a message that teaches, what this version of the instance cannot hold.
func (f features) check(op string, want idserver.Registration) error {
	for _, list := range []struct {
		name string
		uris []string
	}{{"redirect URIs", want.RedirectURIs}, {"post-logout redirect URIs", want.PostLogoutRedirectURIs}} {
		for _, uri := range list.uris {
			if strings.Contains(uri, ",") {
				return oauth.Rejected(op, idserver.ReasonInvalid,
					"one of the %s holds a comma, which separates them at ERP.net: percent-encode it (%%2C)", list.name)
			}
		}
		if n := len(strings.Join(list.uris, ",")); n > f.urlLength {
			return oauth.Rejected(op, idserver.ReasonInvalid, "the %s take %d characters together, commas included; this version of ERP.net holds %d: "+
				"use fewer or shorter ones, or split the application", list.name, n, f.urlLength)
		}
	}
	for _, scope := range want.Scopes {
		if !slices.Contains(allowedScopes, scope) {
			return oauth.Rejected(op, idserver.ReasonInvalid, "ERP.net has no scope %q for applications: use %s", scope, strings.Join(allowedScopes, ", "))
		}
	}
	if policy := want.Normalize().ReferenceTokens; policy != idserver.ReferenceTokensNone && f.policyAttribute == "" {
		return oauth.Rejected(op, idserver.ReasonInvalid,
			"this version of ERP.net has no policy for reference tokens (26.2 and later have): set referenceTokens to None")
	}
	if want.Service && want.SystemUser == "" {
		return oauth.Rejected(op, idserver.ReasonInvalid, "a service needs a system user to act as")
	}
	return nil
}

// managed are the attributes that the operator decides, all of them, with their values. userID is the GUID of the system
// user; empty where there is none.
func (f features) managed(want idserver.Registration, userID string) attributes {
	want = want.Normalize()
	a := attributes{
		attrName: want.DisplayName, attrIsEnabled: want.Enabled, attrClientType: clientConfidential,
		attrInternalUsers: want.InternalUsers, attrCommunityUsers: want.CommunityUsers,
		attrLoginURL:     orNull(strings.Join(want.RedirectURIs, ",")),
		attrLogoutURL:    orNull(strings.Join(want.PostLogoutRedirectURIs, ",")),
		attrSystemUserOn: want.Service, attrSystemUser: nil,
		attrScope:     orNull(strings.Join(want.Scopes, " ")),
		attrBasicAuth: false,
	}
	if want.Public {
		a[attrClientType] = clientPublic
	}
	if userID != "" {
		a[attrSystemUser] = userRef{id: userID, login: want.SystemUser}
	}
	if f.policyAttribute != "" {
		a[f.policyAttribute] = want.ReferenceTokens
	}
	return a
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// diff are the attributes of want whose value in a is another one.
func (a attributes) diff(want attributes) attributes {
	changes := attributes{}
	for name, value := range want {
		if !sameValue(name, a[name], value) {
			changes[name] = value
		}
	}
	return changes
}

// sameValue compares by meaning: lists as sets, null as an empty string, references by id.
func sameValue(name string, have, want any) bool {
	switch name {
	case attrLoginURL, attrLogoutURL:
		return slices.Equal(splitURLs(have), splitURLs(want))
	case attrScope:
		return slices.Equal(splitScopes(have), splitScopes(want))
	case attrSystemUser:
		h, _ := have.(userRef)
		w, _ := want.(userRef)
		return h.id == w.id
	}
	return emptyIfNull(have) == emptyIfNull(want)
}

func emptyIfNull(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func splitURLs(v any) []string {
	s, _ := v.(string)
	return set(strings.FieldsFunc(s, func(r rune) bool { return r == ',' }))
}

func splitScopes(v any) []string {
	s, _ := v.(string)
	return set(strings.Fields(s))
}

// set sorts and drops duplicates and white space around the items, which others may have put there by hand.
func set(items []string) []string {
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// reply translates a registration as it is at the instance.
func (at *site) reply(a attributes) idserver.Reply {
	user, _ := a[attrSystemUser].(userRef)
	r := idserver.Registration{
		DisplayName: a.str(attrName), Enabled: a.flag(attrIsEnabled), Public: a.str(attrClientType) == clientPublic,
		RedirectURIs: splitURLs(a[attrLoginURL]), PostLogoutRedirectURIs: splitURLs(a[attrLogoutURL]),
		InternalUsers: a.flag(attrInternalUsers), CommunityUsers: a.flag(attrCommunityUsers),
		Service: a.flag(attrSystemUserOn), SystemUser: user.login, AdminUser: user.powerful() != "", Scopes: splitScopes(a[attrScope]),
		ReferenceTokens: a.str(at.features.policyAttribute),
	}
	reply := idserver.Reply{
		Credential:   idserver.Credential{Handle: a.id(), ClientID: a.str(attrApplicationURI)},
		Registration: r.Normalize(),
		Version:      a.version(),
		HasSecret:    a.str(attrSecretHash) != "" || at.masked && a.str(attrClientType) == clientConfidential,
		Warnings:     userWarnings(user),
		Raw:          a,
	}
	reply.Owner, reply.ForeignOwner = a.owner()
	return reply
}
