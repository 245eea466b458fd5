// Package desired turns a TrustedApplication into what the plan works towards. It is pure.
package desired

import (
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/access"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// Of returns what is desired of an application whose server is known as entry, on the cluster with the given UID. known is false
// where the server was never probed.
func Of(app *v1alpha1.TrustedApplication, cluster string, entry connections.Entry, known bool) plan.Desired {
	d := plan.Desired{
		Key:      idserver.Key{ClientID: app.Spec.ApplicationURI, Owner: MarkOf(app, cluster)},
		Want:     Registration(app),
		Deleting: !app.DeletionTimestamp.IsZero(),
		Deletion: deletion(app.Spec.DeletionPolicy),
		Adoption: adoption(app, entry),
		Restart:  app.Spec.Credentials != nil && len(app.Spec.Credentials.RolloutRestart) > 0,
		Enforce:  app.Spec.DriftPolicy == "" || app.Spec.DriftPolicy == v1alpha1.DriftEnforce,
		Abandon:  app.Annotations[v1alpha1.AbandonAnnotation] == app.Spec.ApplicationURI,
	}
	usable := known && entry.Server != nil && entry.Info.Endpoints.Issuer != ""
	if known && entry.Server != nil {
		d.Capabilities, d.KeyAlgorithm = entry.Capabilities, entry.Info.KeyAlgorithm
		d.Unsupported = unsupported(app, d.Capabilities)
		if d.Unsupported == "" && usable {
			d.Unsupported = undiscovered(app, d)
		}
		d.Want = d.Capabilities.Reduce(d.Want)
	}
	d.Rotation = rotation(app, d.Capabilities)
	d.ServerReady = usable && entry.Ready
	if !d.ServerReady {
		d.ServerWait = wait(app, entry, known)
	}
	if !usable {
		return d
	}
	d.Verify = entry.Verification != v1alpha1.VerificationOff
	d.Target = target(d, entry)
	return d
}

// target names what is wanted. The verification is part of it: what was published unproven does not count once proof is required.
func target(d plan.Desired, entry connections.Entry) string {
	proof := "/verification=required"
	if !d.Verify {
		proof = "/verification=off"
	}
	return d.Want.Hash(entry.Info.Endpoints.Issuer + proof)
}

// Granted is what is desired within what the grants of the server allow.
func Granted(d plan.Desired, entry connections.Entry, by access.Decision) plan.Desired {
	d.Denied, d.DisableDenied = by.Missing, entry.DisableDenied
	d.Want.AdminUser = by.Administrators && d.Want.Service && d.Capabilities.SystemUsers
	if d.Denied != "" && d.DisableDenied {
		d.Want.Enabled = false
	}
	if d.Target != "" {
		d.Target = target(d, entry)
	}
	return d
}

// MarkOf is the mark that registrations of the application carry.
func MarkOf(app *v1alpha1.TrustedApplication, cluster string) idserver.Mark {
	return idserver.Mark{Cluster: cluster, Namespace: app.Namespace, Name: app.Name, UID: string(app.UID)}
}

// adoption says which registrations of others the application may take over.
func adoption(app *v1alpha1.TrustedApplication, entry connections.Entry) plan.Adoption {
	policy := app.Spec.AdoptionPolicy
	return plan.Adoption{
		Unowned:        policy == v1alpha1.AdoptIfUnowned || policy == v1alpha1.AdoptTakeover,
		Takeover:       policy == v1alpha1.AdoptTakeover && entry.Takeover,
		Observe:        app.Spec.DriftPolicy == v1alpha1.DriftObserve,
		FormerClusters: entry.FormerClusters,
	}
}

// ClientIDs are those that registrations of the application may have at the server.
func ClientIDs(app *v1alpha1.TrustedApplication) []string {
	ids := []string{app.Spec.ApplicationURI}
	if c := app.Spec.Credentials; c != nil && c.Rotation != nil && c.Rotation.Strategy == v1alpha1.RotationAlternate {
		ids = append(ids, app.Spec.ApplicationURI+v1alpha1.AlternateSuffix)
	}
	return ids
}

// Flow is the OAuth 2.0 flow that follows from the blocks of the spec.
func Flow(spec v1alpha1.TrustedApplicationSpec) v1alpha1.Flow {
	switch {
	case spec.Interactive != nil && spec.Service != nil:
		return v1alpha1.FlowHybrid
	case spec.Service != nil:
		return v1alpha1.FlowClientCredentials
	}
	return v1alpha1.FlowAuthorizationCode
}

// SecretName is the name of the Secret to publish; "" for a public application.
func SecretName(app *v1alpha1.TrustedApplication) string {
	switch {
	case app.Spec.ClientType == v1alpha1.ClientTypePublic:
		return ""
	case app.Spec.Credentials != nil && app.Spec.Credentials.SecretName != "":
		return app.Spec.Credentials.SecretName
	}
	return app.Name
}

// ConfigMapName is the name of the ConfigMap to publish; "" for an application without interactive users.
func ConfigMapName(app *v1alpha1.TrustedApplication) string {
	switch {
	case app.Spec.Interactive == nil:
		return ""
	case app.Spec.ConfigMapName != "":
		return app.Spec.ConfigMapName
	}
	return app.Name
}

// Registration is what a server shall hold that has a place for all of it, normalized.
func Registration(app *v1alpha1.TrustedApplication) idserver.Registration {
	spec := app.Spec
	r := idserver.Registration{
		DisplayName:     spec.DisplayName,
		Enabled:         spec.Enabled == nil || *spec.Enabled,
		Public:          spec.ClientType == v1alpha1.ClientTypePublic,
		Scopes:          texts(spec.Scopes),
		ReferenceTokens: string(spec.ReferenceTokens),
		PrivateKey:      spec.Credentials != nil && spec.Credentials.Method == v1alpha1.MethodPrivateKeyJWT,
	}
	if r.DisplayName == "" {
		r.DisplayName = app.Namespace + "/" + app.Name
	}
	if i := spec.Interactive; i != nil {
		r.RedirectURIs, r.PostLogoutRedirectURIs = texts(i.RedirectURIs), texts(i.PostLogoutRedirectURIs)
		r.CommunityUsers = slices.Contains(i.Users, v1alpha1.UsersCommunity)
		r.InternalUsers = len(i.Users) == 0 || slices.Contains(i.Users, v1alpha1.UsersInternal)
	}
	if s := spec.Service; s != nil {
		r.Service, r.SystemUser = true, s.SystemUser
		r.InternalUsers = r.InternalUsers || s.InternalUserImpersonation == v1alpha1.ImpersonationAllowed
	}
	return r.Normalize()
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

func deletion(p v1alpha1.DeletionPolicy) plan.Deletion {
	switch p {
	case v1alpha1.DeletionDisable:
		return plan.DisableOnly
	case v1alpha1.DeletionOrphan:
		return plan.Orphan
	}
	return plan.Delete
}

// wait says what an application waits for whose server cannot be asked.
func wait(app *v1alpha1.TrustedApplication, entry connections.Entry, known bool) plan.Wait {
	name := app.Spec.IdentityServerRef.Name
	w := plan.Wait{
		Reason:  v1alpha1.ReasonServerNotFound,
		Message: "the IdentityServer " + name + " does not exist: create it, or name another one (kubectl get identityservers)",
	}
	if known {
		w.Reason = v1alpha1.ReasonServerNotReady
		w.Message = "the IdentityServer " + name + " is not ready (" + entry.Reason + "); this goes on by itself when it is: " +
			"kubectl describe identityserver " + name
	}
	return w
}
