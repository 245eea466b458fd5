package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClientType says whether an application can keep a secret (RFC 6749 section 2.1).
//
// +kubebuilder:validation:Enum=Confidential;Public
type ClientType string

const (
	// ClientTypeConfidential is an application on a server: it keeps a secret.
	ClientTypeConfidential ClientType = "Confidential"
	// ClientTypePublic is an application in a browser or on a device: it cannot keep a secret and uses PKCE.
	ClientTypePublic ClientType = "Public"
)

// Flow is the OAuth 2.0 flow that follows from the blocks present in a TrustedApplicationSpec.
//
// +kubebuilder:validation:Enum=AuthorizationCode;ClientCredentials;Hybrid
type Flow string

const (
	// FlowAuthorizationCode signs users in (spec.interactive).
	FlowAuthorizationCode Flow = "AuthorizationCode"
	// FlowClientCredentials acts as itself (spec.service).
	FlowClientCredentials Flow = "ClientCredentials"
	// FlowHybrid does both with one registration (spec.interactive and spec.service).
	FlowHybrid Flow = "Hybrid"
)

// UserGroup is a group of users that may sign in to an interactive application.
//
// +kubebuilder:validation:Enum=Internal;Community
type UserGroup string

const (
	// UsersInternal are the licensed users of the instance.
	UsersInternal UserGroup = "Internal"
	// UsersCommunity are external users, such as customers: they sign in, but get no API tokens.
	UsersCommunity UserGroup = "Community"
)

// ReferenceTokenPolicy says who may issue opaque long-lived tokens (API keys) for an application.
//
// +kubebuilder:validation:Enum=None;AuthenticatedUsers;AdministratorsOnly
type ReferenceTokenPolicy string

const (
	// ReferenceTokensNone forbids reference tokens.
	ReferenceTokensNone ReferenceTokenPolicy = "None"
	// ReferenceTokensAuthenticatedUsers lets every signed-in user issue one.
	ReferenceTokensAuthenticatedUsers ReferenceTokenPolicy = "AuthenticatedUsers"
	// ReferenceTokensAdministratorsOnly lets administrators issue them.
	ReferenceTokensAdministratorsOnly ReferenceTokenPolicy = "AdministratorsOnly"
)

// DeletionPolicy says what happens to the registration when its TrustedApplication is deleted.
//
// +kubebuilder:validation:Enum=Delete;Disable;Orphan
type DeletionPolicy string

const (
	// DeletionDelete deletes the registration; where the server refuses because something still refers to it, it is disabled.
	DeletionDelete DeletionPolicy = "Delete"
	// DeletionDisable leaves the registration, disabled.
	DeletionDisable DeletionPolicy = "Disable"
	// DeletionOrphan leaves the registration as it is, working.
	DeletionOrphan DeletionPolicy = "Orphan"
)

// DriftPolicy says what happens when somebody changed or deleted the registration at the server.
//
// +kubebuilder:validation:Enum=Enforce;Warn;Observe
type DriftPolicy string

const (
	// DriftEnforce brings the registration back to what the spec asks for.
	DriftEnforce DriftPolicy = "Enforce"
	// DriftWarn leaves it, says so in the status, and warns with an event.
	DriftWarn DriftPolicy = "Warn"
	// DriftObserve leaves it, and says so in the status.
	DriftObserve DriftPolicy = "Observe"
)

// AdoptionPolicy says whether a registration that exists already may be taken over.
//
// +kubebuilder:validation:Enum=Never;IfUnowned;Takeover
type AdoptionPolicy string

const (
	// AdoptNever leaves it alone.
	AdoptNever AdoptionPolicy = "Never"
	// AdoptIfUnowned takes one over that carries no mark, or that of a former TrustedApplication of the same name.
	AdoptIfUnowned AdoptionPolicy = "IfUnowned"
	// AdoptTakeover takes also one over that carries the mark of another cluster or system, or of a TrustedApplication that is gone.
	AdoptTakeover AdoptionPolicy = "Takeover"
)

// RedirectURI is an absolute URI that the server compares exactly, character by character.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=500
// +kubebuilder:validation:XValidation:rule=`self.matches('^[!-~]*$') && !self.matches(r'[,"<>\\^{|}\x60]') && self.matches('^([^%]|%[0-9A-Fa-f]{2})*$')`,message="must consist of characters that a URI allows, without spaces and commas: percent-encode others (%20, %2C), and write an international host name in its xn-- form"
// +kubebuilder:validation:XValidation:rule="!self.contains('#')",message="must not have a fragment: remove '#' and what follows it (RFC 6749 section 3.1.2)"
// +kubebuilder:validation:XValidation:rule="!self.contains('*')",message="must not have a wildcard: list every URI exactly (RFC 9700 section 2.1)"
// +kubebuilder:validation:XValidation:rule="!self.matches('^[^/?]*//[^/?]*@')",message="must not have user information: remove what stands before '@'"
// +kubebuilder:validation:XValidation:rule=`self.matches('^https://([^/?#]*@)?([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#].*)?$') || self.matches('^http:') || self.matches('^[a-z][a-z0-9+-]*([.][a-z0-9+-]+)+:/')`,message="must be absolute and start with https://, or, for a native app, with a private-use scheme in reverse-domain form such as com.example.app:/callback (RFC 8252 section 7.1), in lower case"
// +kubebuilder:validation:XValidation:rule=`!self.matches('^http:') || self.matches('^http://(127[.]0[.]0[.]1|[[]::1[]]|localhost)(:[0-9]{1,5})?([/?].*)?$')`,message="may use http only for a loopback address of a native app: http://127.0.0.1/..., http://[::1]/... (RFC 8252 section 7.3); use https everywhere else"
type RedirectURI string

// Scope is a scope name (RFC 6749 section 3.3).
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!#-\[\]-~]*$')`,message="must be printable ASCII without spaces, quotes and backslashes: one list item for each scope"
// +kubebuilder:validation:XValidation:rule="self.lowerAscii() != 'domainapi'",message="the scope DomainApi is obsolete: use read, and update where the application writes"
type Scope string

// IdentityServerReference names an IdentityServer.
type IdentityServerReference struct {
	// name of the IdentityServer. IdentityServers are cluster-scoped and written
	// by platform administrators; `kubectl get ids` lists them.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be the name of an IdentityServer: lower-case letters, digits, '-' and '.'; kubectl get ids lists them"
	Name string `json:"name,omitempty"`
}

// InteractiveSpec describes an application that signs users in with the Authorization Code flow and PKCE.
type InteractiveSpec struct {
	// redirectUris are the URIs that the server may send a user back to after
	// sign-in, at least one. They are stored and compared exactly: case, port and
	// trailing slash matter. Use https; a Public native app may also use
	// http://127.0.0.1/... or a private-use scheme such as
	// com.example.app:/callback. Together, joined by commas, at most 500
	// characters (254 on ERP.net before 26.2.1.66).
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:XValidation:rule="self.join(',').size() <= 500",message="joined by commas the URIs must not be longer than 500 characters: shorten or remove some"
	RedirectURIs []RedirectURI `json:"redirectUris,omitempty"`

	// postLogoutRedirectUris are the URIs that the server may send a user to
	// after sign-out. The same rules as for redirectUris hold. Without one, users
	// stay on the server's sign-out page.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:XValidation:rule="self.join(',').size() <= 500",message="joined by commas the URIs must not be longer than 500 characters: shorten or remove some"
	PostLogoutRedirectURIs []RedirectURI `json:"postLogoutRedirectUris,omitempty"`

	// users says who may sign in: Internal (licensed users of the instance, the
	// default) and Community (external users, who get an identity, but no access
	// to the APIs). For ERP.net; other servers decide that by themselves.
	//
	// +optional
	// +listType=set
	// +default=["Internal"]
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Users []UserGroup `json:"users,omitempty"`
}

// InternalUserImpersonation says whether a service registration may act as an internal user.
//
// +kubebuilder:validation:Enum=Forbidden;Allowed
type InternalUserImpersonation string

const (
	// ImpersonationForbidden registers the service without the right to impersonate internal users.
	ImpersonationForbidden InternalUserImpersonation = "Forbidden"
	// ImpersonationAllowed registers the service with it.
	ImpersonationAllowed InternalUserImpersonation = "Allowed"
)

// ServiceSpec describes an application that acts as itself with the Client Credentials flow.
type ServiceSpec struct {
	// systemUser is for ERP.net, and required there: the login of the user of the
	// instance that the application acts as when no person is signed in. On other
	// servers a service acts as itself. Each token of the Client Credentials
	// flow has this user's permissions, so give each service a user of its own
	// that may do what the service needs and no more, and is not an
	// administrator. The user must exist at the instance, be active and not
	// locked, and be an internal or application user. Changing it changes the
	// rights of tokens issued from then on.
	// Example: svc.orders
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^\s\p{Z}\p{C}]([^\p{C}]*[^\s\p{Z}\p{C}])?$')`,message="must be the user's login, without white space around it and without control or invisible characters"
	SystemUser string `json:"systemUser,omitempty"`

	// internalUserImpersonation is Forbidden by default. Some versions of ERP.net
	// issue tokens to a service that acts as an internal user only where it is
	// Allowed: set it if a token is refused with unauthorized_client although all
	// else is right. An application that is also interactive for Internal users
	// has it in any case.
	//
	// +optional
	// +default="Forbidden"
	InternalUserImpersonation InternalUserImpersonation `json:"internalUserImpersonation,omitempty"`
}

// RotationStrategy says how a credential is replaced by a new one.
//
// +kubebuilder:validation:Enum=InPlace;Announce;Alternate;Overlap;Replace
type RotationStrategy string

const (
	// RotationInPlace replaces the secret at the server, then publishes it.
	RotationInPlace RotationStrategy = "InPlace"
	// RotationAnnounce publishes the next secret beside the present one, and replaces it at the server after the announcePeriod.
	RotationAnnounce RotationStrategy = "Announce"
	// RotationAlternate lets two registrations take turns.
	RotationAlternate RotationStrategy = "Alternate"
	// RotationOverlap registers the next key or secret beside the present one, which the registration forgets after the gracePeriod.
	RotationOverlap RotationStrategy = "Overlap"
	// RotationReplace registers the application once more, and deletes the former registration after the gracePeriod.
	RotationReplace RotationStrategy = "Replace"
)

// CredentialMethod says how an application proves itself at the token endpoint.
//
// +kubebuilder:validation:Enum=ClientSecret;PrivateKeyJWT
type CredentialMethod string

const (
	// MethodClientSecret sends a client_secret (RFC 6749 section 2.3.1).
	MethodClientSecret CredentialMethod = "ClientSecret"
	// MethodPrivateKeyJWT signs an assertion with a private key (RFC 7523), of which the server knows the public half.
	MethodPrivateKeyJWT CredentialMethod = "PrivateKeyJWT"
)

// RotationWindow is a time in which rotations may begin.
type RotationWindow struct {
	// schedule says when the window opens, as a cron expression of five fields
	// (minute, hour, day of month, month, day of week), or @daily, @weekly and
	// the like.
	// Example: 0 3 * * 6 (Saturdays at 3:00)
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|([0-9A-Za-z*/,?-]+[ ]+){4}[0-9A-Za-z*/,?-]+)$')`,message="must be a cron expression of five fields: minute, hour, day of month, month, day of week; for example 0 3 * * 6"
	Schedule string `json:"schedule,omitempty"`

	// duration is how long the window stays open, at least 1m.
	//
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="must be a duration such as 90m or 2160h between 1m and 168h"
	Duration metav1.Duration `json:"duration,omitzero"`

	// timeZone is the name of the time zone that schedule is in, from the tz
	// database. Default: UTC.
	// Example: Europe/Sofia
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[A-Za-z][A-Za-z0-9_+/-]*$') && self != 'Local'`,message="must be the name of a time zone such as UTC or Europe/Sofia"
	TimeZone string `json:"timeZone,omitempty"`
}

// RotationSpec says when and how the credential is replaced by a new one.
//
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || [self.interval, self.gracePeriod, self.announcePeriod].exists(d, !d.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$')) || duration(self.interval) > duration(self.gracePeriod) + duration(self.announcePeriod)",message="the interval must be longer than gracePeriod and announcePeriod together: a rotation ends before the next begins",fieldPath=".interval"
// +kubebuilder:validation:XValidation:rule="!has(self.jitter) || has(self.interval)",message="jitter spreads scheduled rotations: set interval, or remove jitter",fieldPath=".jitter"
// +kubebuilder:validation:XValidation:rule="!has(self.window) || has(self.interval)",message="a window is for scheduled rotations: set interval, or remove window",fieldPath=".window"
type RotationSpec struct {
	// interval is how old a credential gets before it is replaced, for example
	// 2160h (90 days). Without it nothing is rotated unless somebody asks for it
	// by the annotation trustedapps.dev/rotate.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('87600h')",message="must be a duration such as 90m or 2160h between 1m and 87600h (ten years)"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// jitter is the longest time by which a scheduled rotation is put off, so that
	// not all applications rotate at once. Each application has its share of it.
	// Default: a tenth of the interval, at most 24h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('8760h')",message="must be a duration such as 90m or 2160h between 0s and 8760h"
	Jitter *metav1.Duration `json:"jitter,omitempty"`

	// window limits when a scheduled rotation begins. One that is due outside of
	// it waits for the next. Rotations on demand do not wait. Default: any time.
	//
	// +optional
	Window *RotationWindow `json:"window,omitempty"`

	// strategy says how the credential is replaced.
	// InPlace: the new secret is set at the server, then published; clients fail
	// until they read it.
	// Announce (default where the operator chooses secrets and one is valid at a
	// time, as on ERP.net): the new secret is published first, as
	// client_secret_next beside client_secret, and set at the server after the
	// announcePeriod; a client that tries both never fails, others fail as with
	// InPlace.
	// Alternate: two registrations take turns, applicationUri and
	// applicationUri.alternate; the Secret changes from one client_id and
	// client_secret to the other, and the former go on to work for the
	// gracePeriod; no client that reads its Secret again fails. For services
	// only, where the operator chooses secrets.
	// Overlap (default for the method PrivateKeyJWT, and where the server keeps
	// former secrets): the next key or secret is registered beside the present
	// one, which goes on to work for the gracePeriod; no client that reads its
	// Secret again fails. Not for the secrets of a server that keeps one: see
	// status.capabilities.secretSlots of the IdentityServer.
	// Replace (default, and the only one, where the server issues client ids, as
	// with dynamic registration): the application is registered once more, the
	// Secret changes to the other client_id and client_secret, and the former
	// registration is deleted after the gracePeriod; no client that reads its
	// Secret again fails.
	//
	// +optional
	Strategy RotationStrategy `json:"strategy,omitempty"`

	// gracePeriod is how long the former registration, key or secret goes on to
	// work with the strategies Alternate, Overlap and Replace. Longer than the
	// time in which all Pods read the new Secret: up to two minutes where it is
	// mounted. Default: 1h.
	//
	// +optional
	// +default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('720h')",message="must be a duration such as 90m or 2160h between 1s and 720h"
	GracePeriod *metav1.Duration `json:"gracePeriod,omitempty"`

	// announcePeriod is how long the next secret is published before it is used,
	// with the strategy Announce. Longer than the time in which all Pods read the
	// changed Secret: up to two minutes where it is mounted. Default: 5m.
	//
	// +optional
	// +default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('168h')",message="must be a duration such as 90m or 2160h between 1s and 168h"
	AnnouncePeriod *metav1.Duration `json:"announcePeriod,omitempty"`
}

// TemplatePreset is an entry in the form that a tool reads.
//
// +kubebuilder:validation:Enum=appsettings.json;application.properties;oauth2-proxy.cfg;.env
type TemplatePreset string

// OutputTemplate says what else the published Secret holds.
//
// +kubebuilder:validation:XValidation:rule="!has(self.presets) || !has(self.data) || !self.presets.exists(p, p in self.data)",message="a preset and an entry of data have the same name: remove one of them",fieldPath=".data"
type OutputTemplate struct {
	// labels are put on the Secret, beside those of the operator.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue() && !format.labelValue().validate(self[k]).hasValue())",message="must be valid labels"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !k.matches('^([^/]*[.])?trustedapps[.]dev/') && !k.startsWith('app.kubernetes.io/managed-by'))`,message="must not be labels of the operator: trustedapps.dev/... and app.kubernetes.io/managed-by"
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// annotations are put on the Secret, beside those of the operator.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="must have valid annotation keys"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !k.matches('^([^/]*[.])?trustedapps[.]dev/'))`,message="must not be annotations of the operator: trustedapps.dev/..."
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`

	// data are more entries of the Secret, each a Go template over the values of
	// this application, such as {{ .ClientID }}, {{ .ClientSecret }} and
	// {{ .TokenEndpoint }}; docs/templates.md lists the values and functions. The
	// standard entries (client_id, client_secret ...) stay. One that cannot be
	// rendered is told in Ready, and the published Secret stays as it was.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[-._a-zA-Z0-9]{1,253}$') && k != '.' && !k.startsWith('..'))",message="must have valid keys of a Secret: letters, digits, '-', '_' and '.', not beginning with '..'"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !(k in ['client_id', 'client_secret', 'client_secret_next', 'issuer', 'private_key', 'private_key_jwk', 'key_id', 'token_endpoint', 'scope', 'api_url', 'type', 'provider', 'uri', 'host', 'client-id', 'client-secret']))",message="must not be the name of a standard entry: choose another"
	Data map[string]TemplateText `json:"data,omitempty"`

	// presets are entries in the form that a tool reads, by the name of the file:
	// appsettings.json (ASP.NET Core), application.properties (Spring Security
	// OAuth2 client), oauth2-proxy.cfg (oauth2-proxy) and .env.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Presets []TemplatePreset `json:"presets,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// AnnotationValue is the value of an annotation.
//
// +kubebuilder:validation:MaxLength=1024
type AnnotationValue string

// TemplateText is a Go template.
//
// +kubebuilder:validation:MaxLength=4096
type TemplateText string

// RestartKind is a kind of workload that can be restarted.
//
// +kubebuilder:validation:Enum=Deployment;StatefulSet;DaemonSet
type RestartKind string

// RestartTarget is a workload of the namespace.
type RestartTarget struct {
	// kind is Deployment, StatefulSet or DaemonSet.
	//
	// +required
	Kind RestartKind `json:"kind,omitempty"`

	// name of the workload.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid name: lower-case letters, digits, '-' and '.'"
	Name string `json:"name,omitempty"`
}

// CredentialsSpec says where and how credentials are published.
type CredentialsSpec struct {
	// secretName is the name of the Secret, in the namespace of the
	// TrustedApplication, that the operator writes and the workload mounts.
	// Default: the name of the TrustedApplication. A Secret that exists already
	// and is not the operator's is never touched. After a change the new Secret
	// is written first, then the former one is deleted.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid Secret name: lower-case letters, digits, '-' and '.'"
	SecretName string `json:"secretName,omitempty"`

	// method says how the application proves itself at the token endpoint.
	// ClientSecret (default): it sends the client_secret in the Secret.
	// PrivateKeyJWT: it signs an assertion (RFC 7523) with the private key in the
	// Secret, which never leaves the cluster; the server is told the public key
	// only. Not on every server: status.capabilities.methods of the IdentityServer
	// says so. Changing it makes a new credential, and the former one ends.
	//
	// +optional
	Method CredentialMethod `json:"method,omitempty"`

	// rotation says when and how the credential is replaced. Without it, and
	// without the annotations trustedapps.dev/rotate and trustedapps.dev/revoke,
	// it stays the same.
	//
	// +optional
	Rotation *RotationSpec `json:"rotation,omitempty"`

	// template says what else the published Secret holds, for tools that do not
	// read the standard entries. Changing it writes the Secret again, with the
	// same credential.
	//
	// +optional
	Template *OutputTemplate `json:"template,omitempty"`

	// rolloutRestart are workloads of this namespace that are restarted once after
	// each new credential was published, as kubectl rollout restart does: for
	// those that read it only when they start. The operator needs the permission
	// for that, which it does not have by default (chart value rolloutRestart).
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	RolloutRestart []RestartTarget `json:"rolloutRestart,omitempty"`
}

// TrustedApplicationSpec is what a team asks for. At least one of interactive and service is needed; the flow follows from
// which of them are present.
//
// +kubebuilder:validation:XValidation:rule="has(self.interactive) || has(self.service)",message="say what the application does: add spec.service (acts as itself, Client Credentials), spec.interactive (signs users in, Authorization Code), or both"
// +kubebuilder:validation:XValidation:rule="!has(self.interactive) || has(self.clientType)",message="an interactive application must say whether it can keep a secret: set spec.clientType to Confidential (server side) or Public (SPA, native, mobile)"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || !has(self.service)",message="a Public client has no secret and cannot use Client Credentials: remove spec.service, or set spec.clientType to Confidential"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || has(self.interactive)",message="a Public client needs spec.interactive with at least one redirect URI"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || !has(self.credentials) || !has(self.credentials.secretName)",message="a Public client never gets a Secret: remove spec.credentials.secretName; its configuration is published in the ConfigMap spec.configMapName"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || !has(self.credentials) || !has(self.credentials.rotation)",message="a Public client has no secret that could be rotated: remove spec.credentials.rotation",fieldPath=".credentials.rotation"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || !has(self.credentials) || (!has(self.credentials.template) && !has(self.credentials.rolloutRestart))",message="a Public client never gets a Secret: remove spec.credentials.template and spec.credentials.rolloutRestart",fieldPath=".credentials"
// +kubebuilder:validation:XValidation:rule="!has(self.interactive) || !has(self.credentials) || !has(self.credentials.rotation) || !has(self.credentials.rotation.strategy) || self.credentials.rotation.strategy != 'Alternate'",message="Alternate changes the client_id, which users of an interactive application know: use Announce or InPlace",fieldPath=".credentials.rotation.strategy"
// +kubebuilder:validation:XValidation:rule="!has(self.credentials) || !has(self.credentials.rotation) || !has(self.credentials.rotation.strategy) || self.credentials.rotation.strategy != 'Alternate' || self.applicationUri.size() <= 244",message="with the strategy Alternate the applicationUri must not be longer than 244 characters, because a second registration has .alternate after it: use Announce or InPlace",fieldPath=".credentials.rotation.strategy"
// +kubebuilder:validation:XValidation:rule="!has(self.clientType) || self.clientType != 'Public' || !has(self.credentials) || !has(self.credentials.method)",message="a Public client has neither a secret nor a key: remove spec.credentials.method",fieldPath=".credentials.method"
// +kubebuilder:validation:XValidation:rule="!has(self.credentials) || !has(self.credentials.method) || self.credentials.method != 'PrivateKeyJWT' || !has(self.credentials.rotation) || !has(self.credentials.rotation.strategy) || self.credentials.rotation.strategy in ['Overlap', 'Replace']",message="with the method PrivateKeyJWT a registration knows the old and the new key at the same time: remove the strategy, or set it to Overlap",fieldPath=".credentials.rotation.strategy"
// +kubebuilder:validation:XValidation:rule="!has(self.configMapName) || has(self.interactive)",message="a ConfigMap is published for interactive applications only: remove spec.configMapName, or add spec.interactive"
// +kubebuilder:validation:XValidation:rule="!has(self.interactive) || !has(self.clientType) || self.clientType == 'Public' || !self.interactive.redirectUris.exists(u, !u.startsWith('https://'))",message="a Confidential application needs https redirect URIs, also on localhost; http://127.0.0.1 and private-use schemes are for Public native apps (RFC 8252)",fieldPath=".interactive.redirectUris"
// +kubebuilder:validation:XValidation:rule="!has(self.interactive) || !has(self.clientType) || self.clientType == 'Public' || !has(self.interactive.postLogoutRedirectUris) || !self.interactive.postLogoutRedirectUris.exists(u, !u.startsWith('https://'))",message="a Confidential application needs https post-logout redirect URIs, also on localhost; http://127.0.0.1 and private-use schemes are for Public native apps (RFC 8252)",fieldPath=".interactive.postLogoutRedirectUris"
// +kubebuilder:validation:XValidation:rule="has(self.interactive) || !has(self.scopes) || !('offline_access' in self.scopes)",message="offline_access asks for refresh tokens, which belong to interactive applications only: remove it from spec.scopes",fieldPath=".scopes"
// +kubebuilder:validation:XValidation:rule="!has(self.service) || !has(self.service.systemUser) || self.service.systemUser.lowerAscii() != self.applicationUri.lowerAscii()",message="the client id must not be the login of a user (RFC 9700 section 4.15): choose another spec.applicationUri, such as com.example.orders/sync"
type TrustedApplicationSpec struct {
	// identityServerRef names the IdentityServer to register at. It cannot be
	// changed: to move an application, create another TrustedApplication.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: create another TrustedApplication for the other server, then delete this one"
	IdentityServerRef IdentityServerReference `json:"identityServerRef,omitzero"`

	// applicationUri identifies the application at the server and is its OAuth
	// 2.0 client_id. Reverse-host form such as com.example.orders/sync is
	// recommended. It cannot be changed. At most 254 characters.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]*$')",message="must be printable ASCII without spaces, for example com.example.orders/sync"
	// +kubebuilder:validation:XValidation:rule="!self.contains('@')",message="must not look like the login of a user (RFC 9700 section 4.15): use a form such as com.example.orders/sync, without '@'"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed, because it is the client_id that users and workloads know: create another TrustedApplication, then delete this one"
	ApplicationURI string `json:"applicationUri,omitempty"`

	// displayName is what administrators and users see. Default: namespace/name
	// of the TrustedApplication.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^\s\p{Z}]([^\n]*[^\s\p{Z}])?$') && !self.matches(r'[\p{Cc}\p{Zl}\p{Zp}\x{202A}-\x{202E}\x{2066}-\x{2069}]')`,message="must not start or end with white space and must not contain line breaks, control characters or characters that change the writing direction"
	DisplayName string `json:"displayName,omitempty"`

	// enabled is the kill switch: false makes the server refuse this client at
	// once (invalid_client), without losing the registration or its secret.
	// Tokens issued before live on until they expire. Default: true.
	//
	// +optional
	// +default=true
	Enabled *bool `json:"enabled,omitempty"`

	// clientType says whether the application can keep a secret: Confidential (it
	// runs on a server) or Public (SPA, native or mobile: no secret, PKCE
	// instead). Required for interactive applications; a service is always
	// Confidential. A change to Public deletes the Secret and makes its content
	// worthless; a change to Confidential creates one.
	//
	// +optional
	ClientType ClientType `json:"clientType,omitempty"`

	// interactive is present when the application signs users in (Authorization
	// Code with PKCE).
	//
	// +optional
	Interactive *InteractiveSpec `json:"interactive,omitempty"`

	// service is present when the application acts as itself (Client
	// Credentials).
	//
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// scopes are all the scopes that the application may ask for; a token request
	// without a scope gets all of them. On ERP.net: read, and update where the
	// application writes. Protocol scopes (openid, profile) need not be listed
	// there.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Scopes []Scope `json:"scopes,omitempty"`

	// referenceTokens says who may issue opaque long-lived tokens (API keys) for
	// this application: None (default), AdministratorsOnly, or
	// AuthenticatedUsers. ERP.net has them since 26.2.
	//
	// +optional
	// +default="None"
	ReferenceTokens ReferenceTokenPolicy `json:"referenceTokens,omitempty"`

	// credentials says where credentials are published.
	//
	// +optional
	Credentials *CredentialsSpec `json:"credentials,omitempty"`

	// configMapName is the name of the ConfigMap with the public configuration of
	// an interactive application (client id, authority, endpoints), in the
	// namespace of the TrustedApplication. It never holds a secret. Default: the
	// name of the TrustedApplication.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid ConfigMap name: lower-case letters, digits, '-' and '.'"
	ConfigMapName string `json:"configMapName,omitempty"`

	// deletionPolicy says what happens to the registration when this
	// TrustedApplication is deleted: Delete (default), Disable (it stays, and
	// refuses every request) or Orphan (it stays and works; nobody manages it any
	// more). The published Secret and ConfigMap are deleted in any case.
	//
	// +optional
	// +default="Delete"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// driftPolicy says what happens when somebody changed or deleted the
	// registration at the server: Enforce (default) brings it back, with the same
	// client id and the same secret; Warn and Observe leave it and list what
	// differs in status.drift, Warn with an event. A change of the spec brings
	// the whole registration to what it asks for, whatever the policy.
	//
	// +optional
	// +default="Enforce"
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`

	// adoptionPolicy says whether a registration that exists already with this
	// applicationUri may be taken over. Never (default). IfUnowned: where it
	// carries no mark, or that of a former TrustedApplication of the same name.
	// Takeover: also where it carries the mark of another cluster or system, if
	// the IdentityServer allows it; never one of a TrustedApplication that lives.
	// With driftPolicy Observe nothing is written: status.drift shows what would
	// change, and where nothing would, and nobody has marked the registration, it
	// is watched (Ready, Observed). The client id stays. The secret stays where a
	// Secret in this namespace, labelled trustedapps.dev/adopt-for with the name
	// of this TrustedApplication, holds the right client_secret; else a new one is
	// set at once, and whoever has the old one fails.
	//
	// +optional
	// +default="Never"
	AdoptionPolicy AdoptionPolicy `json:"adoptionPolicy,omitempty"`
}

// BindingReference names the Secret of a Provisioned Service (https://servicebinding.io).
type BindingReference struct {
	// name of the published Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// RotationPhase says where the credential is in its life.
//
// +kubebuilder:validation:Enum=Idle;Queued;Announced;Switching;Grace
type RotationPhase string

const (
	// RotationIdle means that one credential works, and nothing is under way.
	RotationIdle RotationPhase = "Idle"
	// RotationQueued means that a rotation is due and waits for its turn at the IdentityServer.
	RotationQueued RotationPhase = "Queued"
	// RotationAnnounced means that the next secret is published beside the present one.
	RotationAnnounced RotationPhase = "Announced"
	// RotationSwitching means that the server is being told the new secret, or the new one is not published yet.
	RotationSwitching RotationPhase = "Switching"
	// RotationGrace means that the new credential is published, the former one still works.
	RotationGrace RotationPhase = "Grace"
)

// RotationStatus says how old the credential is and when it is replaced.
type RotationStatus struct {
	// strategy is how it is replaced.
	//
	// +optional
	Strategy RotationStrategy `json:"strategy,omitempty"`

	// phase is Idle, or what is under way: Queued, Announced, Switching, Grace.
	//
	// +optional
	Phase RotationPhase `json:"phase,omitempty"`

	// lastTime is when the present credential was made.
	//
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`

	// nextTime is when the schedule replaces it. Absent: no schedule.
	//
	// +optional
	NextTime *metav1.Time `json:"nextTime,omitempty"`

	// handledRotate is the last value of the annotation trustedapps.dev/rotate
	// that was done. A long one is told by its hash.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	HandledRotate string `json:"handledRotate,omitempty"`

	// handledRevoke is the same of trustedapps.dev/revoke.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	HandledRevoke string `json:"handledRevoke,omitempty"`
}

// SecretUse says how a workload gets at a published Secret.
//
// +kubebuilder:validation:Enum=Environment;ImagePull;Mounted;SubPath;VolumeDriver
type SecretUse string

// SecretUser is a workload that uses a published Secret.
type SecretUser struct {
	// kind of the workload: Deployment, StatefulSet, DaemonSet, CronJob, Job, Pod,
	// or what else controls the Pods.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the workload.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uses are the ways in which it gets at the Secret. Mounted, a whole
	// volume, follows a rotation by itself. Environment, SubPath and VolumeDriver
	// are read only when a Pod starts; ImagePull at each pull.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Uses []SecretUse `json:"uses,omitempty"`
}

// TrustedApplicationStatus is what the operator found and did. It is never read back as input.
type TrustedApplicationStatus struct {
	// observedGeneration is the latest generation of the spec that reached the
	// server or, with the condition Stalled, cannot reach it before a person
	// changes something. -1 means that none has.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// flow is the OAuth 2.0 flow that follows from the spec.
	//
	// +optional
	Flow Flow `json:"flow,omitempty"`

	// clientId is the OAuth 2.0 client_id that the server knows the application
	// by.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	ClientID string `json:"clientId,omitempty"`

	// binding names the published Secret in the form of the Service Binding
	// specification (Provisioned Service).
	//
	// +optional
	Binding *BindingReference `json:"binding,omitempty"`

	// rotation says how old the credential is and when it is replaced. Absent for
	// a Public client.
	//
	// +optional
	Rotation *RotationStatus `json:"rotation,omitempty"`

	// configMapName is the name of the published ConfigMap.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMapName string `json:"configMapName,omitempty"`

	// warnings tell what is accepted but worth changing. Each says what to do.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Warnings []string `json:"warnings,omitempty"`

	// drift are the names of the fields in which the registration at the server
	// differs from the spec, as it was last looked at; "registration" where it is
	// not there. Never the values.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Drift []string `json:"drift,omitempty"`

	// orphans are registrations that may have been left at the server by
	// creations whose answer was lost, by the name to look for. An administrator
	// should look for them and delete them.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Orphans []string `json:"orphans,omitempty"`

	// usedBy are the workloads that use the published Secret, as they were last
	// looked for: at a sweep, a rotation and a deletion. Those that need a restart
	// come before others where there are too many. Absent where the operator does
	// not look, which is the default (the chart's inUseDetection.enabled).
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	UsedBy []SecretUser `json:"usedBy,omitempty"`

	// conditions are Ready, Reconciling, Stalled (kstatus) and Registered,
	// CredentialsVerified, CredentialsPublished. The message of each says what to
	// do next where something is to be done.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TrustedApplication is the registration of one application at an identity server. The operator registers it, proves its
// credentials and publishes them in a Secret (never for Public clients) and a ConfigMap (interactive applications).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ta,categories=trustedapps
// +kubebuilder:metadata:labels="servicebinding.io/provisioned-service=true"
// +kubebuilder:printcolumn:name="Flow",type=string,JSONPath=`.status.flow`
// +kubebuilder:printcolumn:name="Client ID",type=string,JSONPath=`.spec.applicationUri`
// +kubebuilder:printcolumn:name="Server",type=string,JSONPath=`.spec.identityServerRef.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.binding.name`
// +kubebuilder:printcolumn:name="Secret Age",type=date,JSONPath=`.status.rotation.lastTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must not be longer than 63 characters, because it is used as a label"
type TrustedApplication struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata; the name has at most 63
	// characters.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the application is and may do.
	//
	// +required
	Spec TrustedApplicationSpec `json:"spec,omitzero"`

	// status is what the operator found and did.
	//
	// +optional
	// +default={"observedGeneration": -1}
	Status TrustedApplicationStatus `json:"status,omitzero"`
}

// TrustedApplicationList is a list of TrustedApplications.
//
// +kubebuilder:object:root=true
type TrustedApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []TrustedApplication `json:"items"`
}
