package desired

import (
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// unsupported says what the spec asks for that a server with these capabilities cannot do, and what to change; "" where there is nothing.
func unsupported(app *v1alpha1.TrustedApplication, c idserver.Capabilities) string {
	spec := app.Spec
	if s := spec.Service; s != nil {
		switch {
		case c.SystemUsers && s.SystemUser == "":
			return "spec.service.systemUser is missing: on this server a service acts as a user, whose login has to be named"
		case !c.SystemUsers && s.SystemUser != "":
			return "this server has no system users, a service acts as itself: remove spec.service.systemUser"
		case !c.SystemUsers && s.InternalUserImpersonation == v1alpha1.ImpersonationAllowed:
			return "this server has no system users: remove spec.service.internalUserImpersonation"
		}
	}
	if i := spec.Interactive; i != nil && !c.UserGroups && slices.Contains(i.Users, v1alpha1.UsersCommunity) {
		return "this server has no groups of users, it decides by itself who may sign in: remove spec.interactive.users"
	}
	if t := string(spec.ReferenceTokens); t != "" && t != idserver.ReferenceTokensNone && !c.ReferenceTokens {
		return "this server has no policy for reference tokens: remove spec.referenceTokens"
	}
	if p := spec.AdoptionPolicy; !c.Lookup && (p == v1alpha1.AdoptIfUnowned || p == v1alpha1.AdoptTakeover) {
		return "this server shows nobody the registrations of others, so none can be adopted: remove spec.adoptionPolicy"
	}
	return unsupportedStrategy(app, c)
}

// undiscovered says the same of what only a probe tells.
func undiscovered(app *v1alpha1.TrustedApplication, d plan.Desired) string {
	switch {
	case d.Want.PrivateKey && d.KeyAlgorithm == "":
		return "this server announces no private_key_jwt with " + strings.Join(idserver.KeyAlgorithms, " or ") + ": remove spec.credentials.method"
	case !d.Want.PrivateKey && d.Capabilities.SecretSlots < 2 && asked(app) == v1alpha1.RotationOverlap:
		return "this server keeps one secret for each client, so none can overlap: set spec.credentials.rotation.strategy to Announce, InPlace or " +
			"Alternate" + keyInstead(d)
	}
	return ""
}

// keyInstead offers what overlaps on every server that takes it.
func keyInstead(d plan.Desired) string {
	if d.KeyAlgorithm == "" {
		return ""
	}
	return ", or spec.credentials.method to PrivateKeyJWT: keys overlap here"
}

// asked is the strategy of the spec; "" where it names none.
func asked(app *v1alpha1.TrustedApplication) v1alpha1.RotationStrategy {
	if c := app.Spec.Credentials; c != nil && c.Rotation != nil {
		return c.Rotation.Strategy
	}
	return ""
}

func unsupportedStrategy(app *v1alpha1.TrustedApplication, c idserver.Capabilities) string {
	strategy, replaces := asked(app), c.SecretOrigin == idserver.ServerIssued
	keyed := app.Spec.Credentials != nil && app.Spec.Credentials.Method == v1alpha1.MethodPrivateKeyJWT
	switch {
	case strategy == "":
		return ""
	case replaces && strategy != v1alpha1.RotationReplace:
		return "this server issues client ids, so a credential is rotated by another registration: " +
			"remove spec.credentials.rotation.strategy, or set it to Replace"
	case !replaces && strategy == v1alpha1.RotationReplace && keyed:
		return "the strategy Replace is for servers that issue client ids: remove spec.credentials.rotation.strategy, or set it to Overlap"
	case !replaces && strategy == v1alpha1.RotationReplace:
		return "the strategy Replace is for servers that issue client ids: set spec.credentials.rotation.strategy to Announce, InPlace or Alternate"
	}
	return ""
}

// strategy is that of the spec, or the default of the server. One that the server cannot do is not followed.
func strategy(app *v1alpha1.TrustedApplication, c idserver.Capabilities) v1alpha1.RotationStrategy {
	keyed := app.Spec.Credentials != nil && app.Spec.Credentials.Method == v1alpha1.MethodPrivateKeyJWT
	overlaps := c.SecretSlots > 1
	switch s := asked(app); {
	case c.SecretOrigin == idserver.ServerIssued:
		return v1alpha1.RotationReplace
	case keyed:
		return v1alpha1.RotationOverlap
	case s != "" && s != v1alpha1.RotationReplace && (s != v1alpha1.RotationOverlap || overlaps):
		return s
	case overlaps:
		return v1alpha1.RotationOverlap
	}
	return v1alpha1.RotationAnnounce
}
