package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// VerificationPolicy says whether credentials are proven before they are published.
//
// +kubebuilder:validation:Enum=Required;Off
type VerificationPolicy string

const (
	// VerificationRequired requests a token with every credential before it is published.
	VerificationRequired VerificationPolicy = "Required"
	// VerificationOff publishes credentials unproven, for servers whose token endpoint the operator cannot reach.
	VerificationOff VerificationPolicy = "Off"
)

// Environment says what a server is used for.
//
// +kubebuilder:validation:Enum=Production;Test
type Environment string

const (
	// EnvironmentProduction is a server with real data.
	EnvironmentProduction Environment = "Production"
	// EnvironmentTest is a server for development and tests.
	EnvironmentTest Environment = "Test"
)

// HTTPSURL is an absolute https URL without user information, query and fragment.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.matches('^https://([^/?#]*@)?([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#].*)?$')`,message="must be an absolute https:// URL, for example https://acme.my.erp.net; plain http is not accepted, and a private CA goes to caBundle"
// +kubebuilder:validation:XValidation:rule=`self.matches('^[!-~]*$') && !self.matches('[#?@]')`,message="must not contain user information, a query, a fragment, a space or anything but printable ASCII"
type HTTPSURL string

// ClientAuthentication is how a client sends its id and secret to the token endpoint.
//
// +kubebuilder:validation:Enum=Post;Basic
type ClientAuthentication string

const (
	// ClientAuthenticationPost sends id and secret as form fields (client_secret_post).
	ClientAuthenticationPost ClientAuthentication = "Post"
	// ClientAuthenticationBasic sends id and secret in the Authorization header (client_secret_basic).
	ClientAuthenticationBasic ClientAuthentication = "Basic"
)

// LocalSecretReference names a Secret in the operator's own namespace.
type LocalSecretReference struct {
	// name of the Secret in the operator's own namespace, the only one that such
	// Secrets are read from.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid Secret name: lower-case letters, digits, '-' and '.'"
	Name string `json:"name,omitempty"`
}

// ERPNetServer is an ERP.net instance: its Identity Server issues tokens, its Domain API manages registrations.
type ERPNetServer struct {
	// url is the root of the instance, for example https://acme.my.erp.net.
	// Identity Server and Domain API are found by its auto-discovery.
	// Changing it to another instance registers all applications there, with
	// the same credentials; their registrations at the former instance stay
	// and have to be deleted there by hand.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule=`!self.matches('(?i)^https://([^/]*[.])?id[.]erp[.]net[.]?([:/]|$)')`,message="id.erp.net is the global identity, which registers no applications of an instance: use the URL of the instance, for example https://acme.my.erp.net"
	URL HTTPSURL `json:"url,omitempty"`

	// identityUrl overrides the discovered URL of the Identity Server, for
	// example https://acme.my.erp.net/id: needed where the site is private and
	// therefore not listed by auto-discovery.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule=`!self.matches('(?i)^https://([^/]*[.])?id[.]erp[.]net[.]?([:/]|$)')`,message="id.erp.net is the global identity, whose tokens do not open the APIs of an instance: use the identity URL of the instance, for example https://acme.my.erp.net/id"
	IdentityURL HTTPSURL `json:"identityUrl,omitempty"`

	// domainApiUrl overrides the discovered root of the Domain API's OData
	// service, for example https://acme.my.erp.net/api/domain/odata/: needed
	// where the site is private.
	//
	// +optional
	DomainAPIURL HTTPSURL `json:"domainApiUrl,omitempty"`

	// credentialsRef names the Secret, in the operator's own namespace, with
	// client_id and client_secret of the operator's own trusted application at
	// this instance: a service application whose system user is a database
	// administrator, with the scopes read, update and sec. Use one for each
	// cluster and instance.
	//
	// +required
	CredentialsRef LocalSecretReference `json:"credentialsRef,omitzero"`

	// clientAuthentication is how the operator sends client ids and secrets to
	// the token endpoint: Post (form fields, default) or Basic (header).
	//
	// +optional
	// +default="Post"
	ClientAuthentication ClientAuthentication `json:"clientAuthentication,omitempty"`

	// limits says how much the operator may ask of the Domain API. One request is
	// in flight at a time, whatever is set here.
	//
	// +optional
	Limits *ERPNetLimits `json:"limits,omitempty"`
}

// ERPNetLimits says how much the operator may ask of an instance's Domain API.
type ERPNetLimits struct {
	// requestsPerMinute is what the instance allows one session in a minute (its
	// setting SessionRpm): 600, which is also the default, unless its
	// administrators changed it. The operator stays below.
	//
	// +optional
	// +default=600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=100000
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// batchSize is how many look-ups and changes of registrations that wait at
	// the same time go into one request (OData $batch, each change with an
	// outcome of its own): 50 by default. With 1 each is sent alone, as is done
	// anyway where nothing else waits and where the instance refuses batches.
	//
	// +optional
	// +default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	BatchSize int32 `json:"batchSize,omitempty"`
}

// HTTPURL is an absolute http or https URL without user information, query and fragment.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.matches('^https?://([^/?#]*@)?([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#].*)?$')`,message="must be an absolute URL, for example http://hydra-admin.auth.svc:4445"
// +kubebuilder:validation:XValidation:rule=`self.matches('^[!-~]*$') && !self.matches('[#?@]')`,message="must not contain user information, a query, a fragment, a space or anything but printable ASCII"
type HTTPURL string

// DynamicRegistrationServer is a server with OAuth 2.0 Dynamic Client Registration (RFC 7591) and its management protocol (RFC 7592). The server
// draws client ids and secrets: spec.applicationUri of an application is a name for people there, and its client_id is in the published Secret
// and ConfigMap. A credential is rotated by another registration, which overlaps with the former one, so that the client_id changes, too.
type DynamicRegistrationServer struct {
	// issuer is the issuer identifier, for example https://auth.example.com. Its
	// discovery document (/.well-known/openid-configuration) has to name a
	// registration_endpoint.
	// Changing it registers all applications at the other server; their
	// registrations at the former one stay and have to be deleted there by hand.
	//
	// +required
	Issuer HTTPSURL `json:"issuer,omitempty"`

	// credentialsRef names the Secret, in the operator's own namespace, with
	// initial_access_token, where registration is not open (RFC 7591 section 3),
	// and software_statement, where the server wants one (section 2.3). Both may
	// be left out.
	//
	// +optional
	CredentialsRef *LocalSecretReference `json:"credentialsRef,omitempty"`

	// contacts are whom the server's administrators may ask about the
	// registrations, usually mail addresses (RFC 7591 section 2). A change is told
	// with the next change of each registration.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	Contacts []string `json:"contacts,omitempty"`

	// clientAuthentication is how applications are registered to send their secret
	// to the token endpoint: Post (client_secret_post, default) or Basic
	// (client_secret_basic). Servers refuse the other way.
	//
	// +optional
	// +default="Post"
	ClientAuthentication ClientAuthentication `json:"clientAuthentication,omitempty"`
}

// HydraServer is an Ory Hydra, version 2, managed through its admin API.
type HydraServer struct {
	// adminUrl is the root of the admin API, for example
	// http://hydra-admin.auth.svc:4445. Hydra has no login there. With http,
	// client secrets cross the network in the clear, so keep that network to the
	// operator and Hydra.
	//
	// +required
	AdminURL HTTPURL `json:"adminUrl,omitempty"`

	// publicUrl is the issuer, for example https://auth.example.com.
	//
	// +required
	PublicURL HTTPSURL `json:"publicUrl,omitempty"`

	// credentialsRef names the Secret, in the operator's own namespace, with
	// token: a bearer token for a proxy before the admin API. Default: none is
	// sent.
	//
	// +optional
	CredentialsRef *LocalSecretReference `json:"credentialsRef,omitempty"`

	// clientAuthentication is how applications are registered to send their secret
	// to the token endpoint: Post (client_secret_post, default) or Basic
	// (client_secret_basic). Hydra refuses the other way.
	//
	// +optional
	// +default="Post"
	ClientAuthentication ClientAuthentication `json:"clientAuthentication,omitempty"`
}

// RotationSpacing keeps the applications of a server from rotating all at once.
type RotationSpacing struct {
	// maxConcurrent is the number of applications of this server whose rotation is
	// under way at the same time, the announcePeriod included. Default: 10.
	//
	// +optional
	// +default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxConcurrent int32 `json:"maxConcurrent,omitempty"`

	// minInterval is the least time between the beginnings of two rotations at
	// this server. Default: 0s.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be a duration such as 90m or 2160h between 0s and 24h"
	MinInterval *metav1.Duration `json:"minInterval,omitempty"`
}

// TakeoverPolicy says whether applications may take registrations of others over.
//
// +kubebuilder:validation:Enum=Forbidden;Allowed
type TakeoverPolicy string

const (
	// TakeoverForbidden means that only what carries no mark may be adopted.
	TakeoverForbidden TakeoverPolicy = "Forbidden"
	// TakeoverAllowed means that also what carries the mark of another cluster or system may be.
	TakeoverAllowed TakeoverPolicy = "Allowed"
)

// OrphanPolicy says what happens to registrations that carry the mark of this cluster and belong to no TrustedApplication.
//
// +kubebuilder:validation:Enum=Report;Disable;Delete
type OrphanPolicy string

const (
	// OrphanReport lists them in the status.
	OrphanReport OrphanPolicy = "Report"
	// OrphanDisable makes the server refuse them.
	OrphanDisable OrphanPolicy = "Disable"
	// OrphanDelete deletes them.
	OrphanDelete OrphanPolicy = "Delete"
)

// AccessPolicy says what becomes of an application that no grant covers any more.
//
// +kubebuilder:validation:Enum=Freeze;Disable
type AccessPolicy string

const (
	// AccessFreeze leaves it as it is.
	AccessFreeze AccessPolicy = "Freeze"
	// AccessDisable makes the server refuse it.
	AccessDisable AccessPolicy = "Disable"
)

// NamespacePattern is the name of a namespace, or a beginning of such names with * after it; * alone is all of them.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?|([a-z0-9][-a-z0-9]*)?[*])$')",message="must be the name of a namespace, or its beginning with * after it, for example orders, team-a-* or *"
type NamespacePattern string

// TextPattern is a text, or a beginning of texts with * after it. {namespace} stands for the namespace of the application.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=254
// +kubebuilder:validation:XValidation:rule="!self.matches('[*].')",message="may have * at its end only"
// +kubebuilder:validation:XValidation:rule=`!self.matches('[{]namespace[}][^/.:_]')`,message="must have one of / . : _ after {namespace}, which no name of a namespace holds: else the team of the namespace a could register what is for ab"
type TextPattern string

// HostPattern is a host, with *. before it for all of its subdomains, or the scheme of a native application with : after it.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=254
// +kubebuilder:validation:XValidation:rule="self.matches('^(([*][.])?[a-z0-9]([-.a-z0-9]*[a-z0-9])?|[[:xdigit:]:]+|[a-z][-+.a-z0-9]*:)$')",message="must be a host in lower case without a port, for example shop.example.com, *.example.com or 127.0.0.1, or the scheme of a native application, for example com.example.app:"
type HostPattern string

// NamespaceSelector selects namespaces by their labels.
type NamespaceSelector struct {
	// matchLabels are the labels that a namespace has to carry, all of them.
	//
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue() && !format.labelValue().validate(self[k]).hasValue())",message="must be valid labels"
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`
}

// AdministratorPolicy says whether services may act as an administrator of the server.
//
// +kubebuilder:validation:Enum=Forbidden;Allowed
type AdministratorPolicy string

const (
	// AdministratorsForbidden lets no service act as one.
	AdministratorsForbidden AdministratorPolicy = "Forbidden"
	// AdministratorsAllowed lets them.
	AdministratorsAllowed AdministratorPolicy = "Allowed"
)

// AccessGrant lets the applications of some namespaces be registered, within bounds. A bound that is absent bounds nothing, but for the
// scope sec and administrators.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespaces) != has(self.namespaceSelector)",message="must have either namespaces or namespaceSelector: write two grants for both"
type AccessGrant struct {
	// name is what messages call the grant.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="must be a name of lower-case letters, digits and '-'"
	Name string `json:"name,omitempty"`

	// namespaces are those whose applications the grant is for: names, or
	// beginnings of names such as team-a-*, or * for all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Namespaces []NamespacePattern `json:"namespaces,omitempty"`

	// namespaceSelector selects the namespaces by their labels, in the place of
	// namespaces. Who may label a namespace decides who gets the grant.
	//
	// +optional
	NamespaceSelector *NamespaceSelector `json:"namespaceSelector,omitempty"`

	// applicationUris are the client ids that may be registered, or beginnings of
	// them, for example com.example.{namespace}/*
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ApplicationURIs []TextPattern `json:"applicationUris,omitempty"`

	// flows are those that may be used: ClientCredentials, AuthorizationCode,
	// Hybrid.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Flows []Flow `json:"flows,omitempty"`

	// clientTypes are Confidential, Public, or both.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	ClientTypes []ClientType `json:"clientTypes,omitempty"`

	// scopes are those that may be registered, or beginnings of them. The scope
	// sec of ERP.net, which opens the security namespace of the instance, is
	// granted only where it stands here as it is.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Scopes []TextPattern `json:"scopes,omitempty"`

	// systemUsers are the logins that services may act as, or beginnings of them,
	// for example svc.{namespace}.*
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	SystemUsers []TextPattern `json:"systemUsers,omitempty"`

	// administrators says whether services may act as a system user who is an
	// administrator of the server. Default: Forbidden.
	//
	// +optional
	// +default="Forbidden"
	Administrators AdministratorPolicy `json:"administrators,omitempty"`

	// redirectHosts are the hosts that users may be sent to after sign-in and
	// sign-out: shop.example.com, *.example.com, or com.example.app: for the
	// scheme of a native application.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	RedirectHosts []HostPattern `json:"redirectHosts,omitempty"`

	// referenceTokens are the policies for reference tokens that may be set.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	ReferenceTokens []ReferenceTokenPolicy `json:"referenceTokens,omitempty"`

	// maxApplications is how many applications of all namespaces of the grant may
	// be registered at this server, the oldest first.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	MaxApplications *int32 `json:"maxApplications,omitempty"`
}

// IdentityServerSpec says which server it is and how to reach it. Exactly one backend is needed.
//
// +kubebuilder:validation:ExactlyOneOf=erpNet;dynamicRegistration;hydra
// +kubebuilder:validation:XValidation:rule="has(self.erpNet) == has(oldSelf.erpNet) && has(self.dynamicRegistration) == has(oldSelf.dynamicRegistration) && has(self.hydra) == has(oldSelf.hydra)",message="the kind of server cannot be changed: create another IdentityServer"
type IdentityServerSpec struct {
	// erpNet is an ERP.net instance.
	//
	// +optional
	ERPNet *ERPNetServer `json:"erpNet,omitempty"`

	// dynamicRegistration is a server with OAuth 2.0 Dynamic Client Registration
	// (RFC 7591).
	//
	// +optional
	DynamicRegistration *DynamicRegistrationServer `json:"dynamicRegistration,omitempty"`

	// hydra is an Ory Hydra, managed through its admin API.
	//
	// +optional
	Hydra *HydraServer `json:"hydra,omitempty"`

	// caBundle holds PEM certificates of the authorities that the server's
	// certificate is checked against, base64-encoded. Default: the authorities of
	// the operator's image. Certificate checks cannot be turned off.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=262144
	CABundle []byte `json:"caBundle,omitempty"`

	// verification says whether every credential is proven with a token request
	// before it is published: Required (default) or Off, for a server whose token
	// endpoint cannot be reached from the operator. A token request opens no
	// session and costs no licence.
	//
	// +optional
	// +default="Required"
	Verification VerificationPolicy `json:"verification,omitempty"`

	// rotation spaces the rotations of the applications of this server. The
	// annotation trustedapps.dev/revoke waits for nobody.
	//
	// +optional
	Rotation *RotationSpacing `json:"rotation,omitempty"`

	// sweepInterval is the time between two looks at all registrations of this
	// cluster: one paged list, shared by all applications, which finds drift and
	// orphans. Default: that between probes, 30m. ERP.net holds a licence for 20
	// minutes after a call, so a shorter interval holds one for good.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="must be a duration such as 90m or 2160h between 1m and 168h"
	SweepInterval *metav1.Duration `json:"sweepInterval,omitempty"`

	// takeover says whether TrustedApplications with adoptionPolicy Takeover may
	// take registrations over that carry the mark of another cluster or system:
	// Forbidden (default) or Allowed.
	//
	// +optional
	// +default="Forbidden"
	Takeover TakeoverPolicy `json:"takeover,omitempty"`

	// access are grants: who may register what at this server. An application is
	// registered where one grant covers all of it; without any grant, none is.
	// A grant for all of the cluster: {name: everyone, namespaces: ["*"]}.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Access []AccessGrant `json:"access,omitempty"`

	// accessPolicy says what becomes of an application that is registered and that
	// no grant covers any more. Freeze (default): its registration and its Secret
	// stay as they are; the server is told nothing of it but its kill switch
	// (enabled: false) and its end. Disable: the server refuses it as well, until
	// a grant covers it again.
	//
	// +optional
	// +default="Freeze"
	AccessPolicy AccessPolicy `json:"accessPolicy,omitempty"`

	// formerClusters are the UIDs of clusters that this one was restored from: the
	// UID of the namespace kube-system there. Their marks then count as those of
	// this cluster. Set it only when the former cluster does not work any more:
	// two would fight over the registrations.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	FormerClusters []string `json:"formerClusters,omitempty"`

	// orphanPolicy says what happens to registrations that carry the mark of this
	// cluster and belong to no TrustedApplication: Report (default) lists them in
	// status.orphans; Disable and Delete also end them, once two sweeps in a row
	// found them so. One whose application lives again under the same name is
	// only reported.
	//
	// +optional
	// +default="Report"
	OrphanPolicy OrphanPolicy `json:"orphanPolicy,omitempty"`

	// environment is Production (default) or Test. It only changes warnings: a
	// loopback redirect URI is fine on a test server.
	//
	// +optional
	// +default="Production"
	Environment Environment `json:"environment,omitempty"`
}

// Endpoints are the discovered URLs of a server.
type Endpoints struct {
	// issuer is the issuer identifier (OpenID Connect Discovery 1.0).
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Issuer string `json:"issuer,omitempty"`

	// token is the URL of the token endpoint.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Token string `json:"token,omitempty"`

	// authorization is the URL of the authorization endpoint.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Authorization string `json:"authorization,omitempty"`

	// api is the base URL of the API that tokens are for, where the server has
	// one (ERP.net: the OData root).
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	API string `json:"api,omitempty"`
}

// SecretOrigin says who chooses client secrets.
//
// +kubebuilder:validation:Enum=ClientChosen;ServerIssued
type SecretOrigin string

const (
	// SecretClientChosen means that the operator draws secrets.
	SecretClientChosen SecretOrigin = "ClientChosen"
	// SecretServerIssued means that the server draws secrets and tells each of them once.
	SecretServerIssued SecretOrigin = "ServerIssued"
)

// Capabilities say what a server can do, as probed.
type Capabilities struct {
	// secretOrigin says who chooses client secrets.
	//
	// +optional
	SecretOrigin SecretOrigin `json:"secretOrigin,omitempty"`

	// secretSlots is the number of secrets of one registration that work at the
	// same time. 1: a new secret ends the old one at once.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	SecretSlots int32 `json:"secretSlots,omitempty"`

	// methods are the ways in which an application can prove itself, as
	// spec.credentials.method of a TrustedApplication names them.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Methods []CredentialMethod `json:"methods,omitempty"`

	// strategies are the ways in which a credential can be replaced, as
	// spec.credentials.rotation.strategy names them.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Strategies []RotationStrategy `json:"strategies,omitempty"`

	// search says whether registrations can be looked for at the server. Where
	// they cannot (false), a sweep only tries the credentials; other drift and
	// orphans are not found, and nothing can be adopted.
	//
	// +optional
	Search *bool `json:"search,omitempty"`

	// features are names of what this server's version has, for example
	// ReferenceTokens, ExternalId, ClientTypeNone.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Features []string `json:"features,omitempty"`
}

// AbandonedRegistration is one that its TrustedApplication was let go without, or may have left.
type AbandonedRegistration struct {
	// clientId is the OAuth 2.0 client_id at the server, or the display name where
	// the client_id was lost with an answer: there may be more than one of it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	ClientID string `json:"clientId,omitempty"`

	// application is namespace/name of the TrustedApplication that is gone.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Application string `json:"application,omitempty"`

	// uid is that of the TrustedApplication.
	//
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID types.UID `json:"uid,omitempty"`

	// time is when it was abandoned.
	//
	// +required
	Time metav1.Time `json:"time,omitzero"`
}

// OrphanedRegistration is one without a TrustedApplication.
type OrphanedRegistration struct {
	// clientId is the OAuth 2.0 client_id at the server.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	ClientID string `json:"clientId,omitempty"`

	// application is namespace/name of the TrustedApplication that it was made for.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Application string `json:"application,omitempty"`

	// enabled says whether the server accepts the client.
	//
	// +optional
	Enabled bool `json:"enabled,omitempty"`

	// successor is true where a TrustedApplication of the same name lives, with
	// another UID. It was made again, or restored; the registration is left to it.
	//
	// +optional
	Successor bool `json:"successor,omitempty"`
}

// PublishedInventory says where the list of a server's registrations is.
type PublishedInventory struct {
	// handledRequest is the last value of the annotation
	// trustedapps.dev/publish-inventory that was done, or refused. A long one is
	// told by its hash.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	HandledRequest string `json:"handledRequest,omitempty"`

	// problem is why nothing was published, and what to do. Absent: it was.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Problem string `json:"problem,omitempty"`

	// namespace is that of the ConfigMaps, the operator's own.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// configMaps are those that hold the list, a page each. Absent once they have
	// expired.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	ConfigMaps []string `json:"configMaps,omitempty"`

	// registrations is how many are on these pages.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Registrations int32 `json:"registrations,omitempty"`

	// omitted is how many are on none, because there is no room for them.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Omitted int32 `json:"omitted,omitempty"`

	// time is when the registrations were listed.
	//
	// +optional
	Time *metav1.Time `json:"time,omitempty"`

	// expires is when the ConfigMaps are deleted.
	//
	// +optional
	Expires *metav1.Time `json:"expires,omitempty"`
}

// MaxInventoryPages is the number of ConfigMaps that one inventory takes at most.
const MaxInventoryPages = 16

// MaxOrphans is the number of orphans, and of declared ones, that a status lists.
const MaxOrphans = 64

// MaxAbandoned is the number of abandoned registrations that a status keeps; the oldest go first.
const MaxAbandoned = 64

// IdentityServerStatus is what the operator found out about the server. It is never read back as input.
type IdentityServerStatus struct {
	// observedGeneration is the latest generation of the spec that was probed. -1
	// means that none has.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// type is the kind of server, for example ERP.net.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Type string `json:"type,omitempty"`

	// version is the product version that the server announces.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Version string `json:"version,omitempty"`

	// endpoints are the discovered URLs.
	//
	// +optional
	Endpoints *Endpoints `json:"endpoints,omitempty"`

	// capabilities say what the server can do.
	//
	// +optional
	Capabilities *Capabilities `json:"capabilities,omitempty"`

	// orphans are registrations that carry the mark of this cluster and belong to
	// no TrustedApplication, as the last sweep found them, the first 64.
	//
	// +optional
	// +listType=map
	// +listMapKey=clientId
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Orphans []OrphanedRegistration `json:"orphans,omitempty"`

	// orphaned is the number of such registrations.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Orphaned int32 `json:"orphaned,omitempty"`

	// declaredOrphans are registrations that lost answers may have left at a
	// server that cannot be searched, by namespace/name of the TrustedApplication
	// and the name to look for.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	DeclaredOrphans []string `json:"declaredOrphans,omitempty"`

	// abandoned are registrations that may still be at the server although their
	// TrustedApplications were let go, by the annotation
	// trustedapps.dev/abandon, the latest 64. Have them deleted at the server,
	// then remove them here: kubectl edit ids NAME --subresource=status
	//
	// +optional
	// +listType=map
	// +listMapKey=uid
	// +listMapKey=clientId
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Abandoned []AbandonedRegistration `json:"abandoned,omitempty"`

	// inventory is where the list of all registrations of the server is, for an
	// hour, after an administrator asked for it by the annotation
	// trustedapps.dev/publish-inventory.
	//
	// +optional
	Inventory *PublishedInventory `json:"inventory,omitempty"`

	// warnings tell what is accepted but a risk. Each says what to do.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Warnings []string `json:"warnings,omitempty"`

	// conditions are Ready, Reconciling, Stalled (kstatus), Discovered and
	// Authorized. The message of each says what to do next where something is to
	// be done.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// IdentityServer is an OAuth 2.0 identity server that applications can be registered at, how to reach it, and what it can do.
// Platform administrators write it; TrustedApplications refer to it by name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=ids,categories=trustedapps
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.status.type`
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.status.endpoints.issuer`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Orphans",type=integer,JSONPath=`.status.orphaned`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must not be longer than 63 characters, because it is used as a label"
type IdentityServer struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata; the name has at most 63
	// characters.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says which server it is and how to reach it.
	//
	// +required
	Spec IdentityServerSpec `json:"spec,omitzero"`

	// status is what the operator found out about the server.
	//
	// +optional
	// +default={"observedGeneration": -1}
	Status IdentityServerStatus `json:"status,omitzero"`
}

// IdentityServerList is a list of IdentityServers.
//
// +kubebuilder:object:root=true
type IdentityServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []IdentityServer `json:"items"`
}
