package v1alpha1

// Names and keys that the operator puts on objects. They are part of the API: other tools may rely on them.
const (
	// Finalizer keeps a TrustedApplication until its registration has ended as its deletionPolicy says.
	Finalizer = "trustedapps.dev/registration"
	// ServerFinalizer keeps an IdentityServer as long as a TrustedApplication names it.
	ServerFinalizer = "trustedapps.dev/in-use"

	// ManagedByLabel is on every object that the operator writes, with ManagedByValue.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedByValue is the value of ManagedByLabel.
	ManagedByValue = "trustedapp-operator"

	// ApplicationLabel on a published Secret or ConfigMap names its TrustedApplication.
	ApplicationLabel = "trustedapps.dev/application"
	// ApplicationUIDLabel holds the UID of the TrustedApplication that an object was written for.
	ApplicationUIDLabel = "trustedapps.dev/application-uid"
	// ServerLabel on a published Secret or ConfigMap names the IdentityServer.
	ServerLabel = "trustedapps.dev/identity-server"

	// SetLabel on a TrustedApplication, and on the combined Secret, names the TrustedApplicationSet that made it.
	SetLabel = "trustedapps.dev/set"
	// RolledOutAnnotation on a TrustedApplication of a set says when the set last changed it (RFC 3339).
	RolledOutAnnotation = "trustedapps.dev/rolled-out-at"
	// CombinedFromAnnotation on the combined Secret of a set says what each file was made from: SERVER=VERSION, where VERSION is the resourceVersion
	// of the Secret that is published for that server.
	CombinedFromAnnotation = "trustedapps.dev/combined-from"

	// RevisionAnnotation on a published object names the credential and the registration that it was rendered from. It holds
	// no secret and no hash of a secret.
	RevisionAnnotation = "trustedapps.dev/revision"
	// CredentialAnnotation on the Pods of a workload names the credential for which it was restarted.
	CredentialAnnotation = "trustedapps.dev/credential"
	// TemplateAnnotation on a published Secret names the labels and annotations that come from spec.credentials.template, so that they go when
	// they go there; on a TrustedApplication of a set those that come from its template.
	TemplateAnnotation = "trustedapps.dev/template"
	// IssuedAtAnnotation on a published Secret says when its credential was made (RFC 3339), for those who watch its age.
	IssuedAtAnnotation = "trustedapps.dev/issued-at"
)

// Annotations that people put on a TrustedApplication.
const (
	// RotateAnnotation asks for a rotation of the credential now. Any value that was not there before does; each value is done once.
	RotateAnnotation = "trustedapps.dev/rotate"
	// RevokeAnnotation asks for a new secret because the present one was exposed: it ends at once, whatever the strategy, and clients fail
	// until they read the new one. Any value that was not there before does; each value is done once.
	RevokeAnnotation = "trustedapps.dev/revoke"
)

const (
	// PausedAnnotation on a TrustedApplication or an IdentityServer, with the value PausedValue, stops everything that the operator does for it.
	PausedAnnotation = "trustedapps.dev/paused"
	// PausedValue is the only value that pauses.
	PausedValue = "true"
	// SweepAnnotation on an IdentityServer asks for a sweep now. Any value that was not there before does.
	SweepAnnotation = "trustedapps.dev/sweep"
	// InventoryAnnotation on an IdentityServer asks for the list of all its registrations, in ConfigMaps of the operator's namespace. Any value
	// that was not there before does; each value is done once.
	InventoryAnnotation = "trustedapps.dev/publish-inventory"
	// AbandonAnnotation on a TrustedApplication that is being deleted lets it go although its registration cannot be ended. Its value is the
	// client id, so that nobody abandons another one than is meant.
	AbandonAnnotation = "trustedapps.dev/abandon"
)

const (
	// InventoryLabel on a ConfigMap in the operator's namespace names the IdentityServer that it has the list of registrations of.
	InventoryLabel = "trustedapps.dev/inventory-of"
	// ExpiresAnnotation says when the operator deletes such a ConfigMap (RFC 3339).
	ExpiresAnnotation = "trustedapps.dev/expires-at"
)

// AdoptForLabel on a Secret says for which TrustedApplication of its namespace it holds the client_secret of a registration to adopt.
const AdoptForLabel = "trustedapps.dev/adopt-for"

// AlternateSuffix is what the client id of the second registration has after the applicationUri, where two take turns (strategy Alternate).
const AlternateSuffix = ".alternate"

// CombinedSuffix is what the key of an instance has in the combined Secret of a set, after the name of its IdentityServer.
const CombinedSuffix = ".json"

// Keys of a published Secret. The entries with a dash are the well-known names of https://servicebinding.io/spec/core/1.1.0/.
const (
	// KeyClientID holds the OAuth 2.0 client_id.
	KeyClientID = "client_id"
	// KeyClientSecret holds the OAuth 2.0 client_secret.
	KeyClientSecret = "client_secret"
	// KeyClientSecretNext holds the client_secret that the next rotation brings, while it is announced (strategy Announce). A client whose
	// client_secret is refused tries it.
	KeyClientSecretNext = "client_secret_next"
	// KeyPrivateKey holds the private key of an application that signs assertions (method PrivateKeyJWT), as PKCS #8 in PEM, KeyPrivateKeyJWK the
	// same key as JWK (RFC 7517), and KeyKeyID its kid, which the header of each assertion names. They take the place of KeyClientSecret.
	KeyPrivateKey    = "private_key"
	KeyPrivateKeyJWK = "private_key_jwk"
	KeyKeyID         = "key_id"
	// KeyIssuer holds the issuer identifier of the identity server.
	KeyIssuer = "issuer"
	// KeyTokenEndpoint holds the URL of the token endpoint.
	KeyTokenEndpoint = "token_endpoint"
	// KeyScope holds the registered scopes, separated by spaces.
	KeyScope = "scope"
	// KeyAPIURL holds the base URL of the API that tokens are for, where the server has one (ERP.net: the OData root).
	KeyAPIURL = "api_url"

	// KeyBindingType is the Service Binding entry "type"; its value is BindingType.
	KeyBindingType = "type"
	// KeyBindingProvider is the Service Binding entry "provider": the kind of identity server, for example "erp.net".
	KeyBindingProvider = "provider"
	// KeyBindingURI is the Service Binding entry "uri": the issuer.
	KeyBindingURI = "uri"
	// KeyBindingHost is the Service Binding entry "host": the host of the issuer.
	KeyBindingHost = "host"
	// KeyBindingClientID is the Service Binding entry "client-id".
	KeyBindingClientID = "client-id"
	// KeyBindingClientSecret is the Service Binding entry "client-secret".
	KeyBindingClientSecret = "client-secret"

	// BindingType is the value of KeyBindingType, and the suffix of the Secret's type "servicebinding.io/oauth2".
	BindingType = "oauth2"
)

// Keys of a published ConfigMap. It never holds anything secret: a front end may serve it as it is.
const (
	// KeyAuthority holds the issuer under the name that browser libraries use.
	KeyAuthority = "authority"
	// KeyAuthorizationEndpoint holds the URL of the authorization endpoint.
	KeyAuthorizationEndpoint = "authorization_endpoint"
	// KeyEndSessionEndpoint holds the URL of the end-session endpoint.
	KeyEndSessionEndpoint = "end_session_endpoint"
	// KeyUserInfoEndpoint holds the URL of the user-info endpoint, where the server announces one.
	KeyUserInfoEndpoint = "userinfo_endpoint"
	// KeyJWKSURI holds the URL of the server's signing keys.
	KeyJWKSURI = "jwks_uri"
	// KeyRedirectURIs holds the registered redirect URIs, one a line.
	KeyRedirectURIs = "redirect_uris"
	// KeyPostLogoutRedirectURIs holds the registered post-logout redirect URIs, one a line.
	KeyPostLogoutRedirectURIs = "post_logout_redirect_uris"
)

// Keys of the Secret that an IdentityServer's credentialsRef names.
const (
	// KeyOperatorClientID holds the client_id of the operator's own registration.
	KeyOperatorClientID = "client_id"
	// KeyOperatorClientSecret holds the client_secret of the operator's own registration.
	KeyOperatorClientSecret = "client_secret"
	// KeyInitialAccessToken holds the initial access token of RFC 7591 section 3.
	KeyInitialAccessToken = "initial_access_token"
	// KeySoftwareStatement holds the software statement of RFC 7591 section 2.3.
	KeySoftwareStatement = "software_statement"
	// KeyToken holds a bearer token for a proxy before an admin API.
	KeyToken = "token"
)
