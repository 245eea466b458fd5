package v1alpha1

// Conditions of a TrustedApplication. All are positive: True is good. Ready, Reconciling and Stalled follow kstatus
// (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), so that Flux, Argo CD and kubectl wait know the state.
const (
	// ConditionReady is True when the registration at the server, the published objects and this generation agree and the
	// credential was proven.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator is on its way to Ready, and absent otherwise.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when nothing will change until a person changes something, and absent otherwise.
	ConditionStalled = "Stalled"
	// ConditionInSync is True when the registration at the server is as the spec asks, as it was last looked at.
	ConditionInSync = "InSync"
	// ConditionPaused is True while somebody paused the TrustedApplication, its IdentityServer, or the IdentityServer that has it, and absent
	// otherwise. It says since when.
	ConditionPaused = "Paused"
	// ConditionRegistered is True when the identity server holds the registration as this generation wants it.
	ConditionRegistered = "Registered"
	// ConditionCredentialsVerified is True when the identity server accepted the very credential that is published.
	ConditionCredentialsVerified = "CredentialsVerified"
	// ConditionCredentialsPublished is True when Secret and ConfigMap hold what this generation wants.
	ConditionCredentialsPublished = "CredentialsPublished"
)

// Conditions of an IdentityServer, beside ConditionReady, ConditionReconciling and ConditionStalled.
const (
	// ConditionDiscovered is True when the server's endpoints and version are known.
	ConditionDiscovered = "Discovered"
	// ConditionAuthorized is True when the operator's own login works and may manage registrations.
	ConditionAuthorized = "Authorized"
)

// Reasons of conditions that are as they should be.
const (
	// ReasonReady: everything agrees.
	ReasonReady = "Ready"
	// ReasonRegistered: the server holds the registration.
	ReasonRegistered = "Registered"
	// ReasonPublished: Secret and ConfigMap are up to date.
	ReasonPublished = "Published"
	// ReasonVerified: the server accepted the credential.
	ReasonVerified = "Verified"
	// ReasonVerificationOff: the IdentityServer has verification Off; nothing was proven.
	ReasonVerificationOff = "VerificationOff"
	// ReasonPublicClient: a public client has no secret to verify.
	ReasonPublicClient = "PublicClient"
	// ReasonDisabled: spec.enabled is false; the server refuses this client, as asked.
	ReasonDisabled = "Disabled"
	// ReasonInSync: the registration at the server is as the spec asks.
	ReasonInSync = "InSync"
	// ReasonObserved: the registration is somebody else's and as the spec asks; with spec.driftPolicy Observe it is watched, and nothing is
	// written.
	ReasonObserved = "Observed"
	// ReasonPaused: somebody paused the object; the operator does nothing for it until the annotation is removed.
	ReasonPaused = "Paused"
	// ReasonDiscovered: the server's endpoints and version are known.
	ReasonDiscovered = "Discovered"
	// ReasonAuthorized: the operator may manage registrations.
	ReasonAuthorized = "Authorized"
)

// Reasons for waiting: the operator goes on by itself.
const (
	// ReasonProgressing: steps are left to do.
	ReasonProgressing = "Progressing"
	// ReasonServerNotFound: no IdentityServer has the name in spec.identityServerRef.
	ReasonServerNotFound = "IdentityServerNotFound"
	// ReasonServerNotReady: the IdentityServer is not Ready; its own conditions say why.
	ReasonServerNotReady = "IdentityServerNotReady"
	// ReasonServerUnavailable: the server could not be reached or was not able to answer.
	ReasonServerUnavailable = "ServerUnavailable"
	// ReasonOutcomeUnknown: an answer of the server was lost; the operator looks up what happened.
	ReasonOutcomeUnknown = "OutcomeUnknown"
	// ReasonVerificationFailed: the server refused the credential that was just registered.
	ReasonVerificationFailed = "VerificationFailed"
	// ReasonNamespaceNotPermitted: the operator may not publish in the namespace; the message has the exact remedy.
	ReasonNamespaceNotPermitted = "NamespaceNotPermitted"
	// ReasonDrifted: somebody changed or deleted the registration at the server, and spec.driftPolicy leaves it.
	ReasonDrifted = "Drifted"
	// ReasonDeleting: the TrustedApplication is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonWriteFailed: the Kubernetes API refused a write of the operator.
	ReasonWriteFailed = "WriteFailed"
)

// Reasons for a stop: a person has to change something.
const (
	// ReasonOwnershipConflict: the client id is registered at the server and belongs to somebody else.
	ReasonOwnershipConflict = "OwnershipConflict"
	// ReasonSecretConflict: the Secret to publish exists and is not ours; it was neither read nor touched.
	ReasonSecretConflict = "SecretConflict"
	// ReasonConfigMapConflict: the ConfigMap to publish exists and is not ours; it was not touched.
	ReasonConfigMapConflict = "ConfigMapConflict"
	// ReasonInvalid: the server, or a rule that holds on this server only, refuses the spec.
	ReasonInvalid = "Invalid"
	// ReasonUnsupported: the spec asks for something that this kind of server cannot do.
	ReasonUnsupported = "Unsupported"
	// ReasonAdoptionPending: the registration exists and would be adopted; spec.driftPolicy Observe shows the differences first.
	ReasonAdoptionPending = "AdoptionPending"
	// ReasonAdoptionSecretInvalid: the Secret that is labelled for the adoption cannot be used; nothing was changed.
	ReasonAdoptionSecretInvalid = "AdoptionSecretInvalid"
	// ReasonTemplateInvalid: a template of spec.credentials.template cannot be rendered; the published Secret stays as it was.
	ReasonTemplateInvalid = "TemplateInvalid"
	// ReasonInvalidSchedule: the window of spec.credentials.rotation cannot be read; everything else was done, nothing is rotated on schedule.
	ReasonInvalidSchedule = "InvalidSchedule"
	// ReasonAccessDenied: no grant of the server covers what the spec asks for.
	ReasonAccessDenied = "AccessDenied"
	// ReasonAltered: the server registered other values than the spec asks for.
	ReasonAltered = "Altered"
	// ReasonControlLost: the server refuses the registration access token; the registration cannot be managed any more.
	ReasonControlLost = "ControlLost"
	// ReasonTooManyOrphans: creations with an unknown outcome left the greatest allowed number of possible orphans.
	ReasonTooManyOrphans = "TooManyOrphans"
	// ReasonUnauthorized: the server refuses the operator's own login, or it lacks rights.
	ReasonUnauthorized = "Unauthorized"
	// ReasonCredentialsMissing: the Secret with the operator's own credentials is missing or incomplete.
	ReasonCredentialsMissing = "CredentialsMissing"
	// ReasonUnsupportedVersion: the server's version cannot do what the operator needs.
	ReasonUnsupportedVersion = "UnsupportedVersion"
	// ReasonIssuerMismatch: the server announces another issuer than the URL it is reached by.
	ReasonIssuerMismatch = "IssuerMismatch"
	// ReasonDiscoveryFailed: the server answered, but not with what discovery needs.
	ReasonDiscoveryFailed = "DiscoveryFailed"
)

// Reasons of a TrustedApplicationSet, beside ReasonReady and ReasonProgressing; of its combined Secret ReasonPublished, ReasonSecretConflict,
// ReasonNamespaceNotPermitted and ReasonWriteFailed as well.
const (
	// ReasonInstancesNotReady: TrustedApplications of the set are not Ready, and wait for what their own conditions say.
	ReasonInstancesNotReady = "InstancesNotReady"
	// ReasonInstancesFailing: TrustedApplications of the set need a person; status.failing names them.
	ReasonInstancesFailing = "InstancesFailing"
	// ReasonRolloutStopped: one that was changed did not become Ready, so no further one is changed.
	ReasonRolloutStopped = "RolloutStopped"
	// ReasonEmptySelection: no server is selected any more; the TrustedApplications stay as they are.
	ReasonEmptySelection = "EmptySelection"
	// ReasonSecretTooLarge: what all instances published does not fit into one Secret; the combined one stays as it was.
	ReasonSecretTooLarge = "SecretTooLarge"
)

// Reasons of a single server in status.failing of a TrustedApplicationSet, beside those of the condition Ready of a TrustedApplication.
const (
	// ReasonNameConflict: a TrustedApplication of that name exists, and is not of the set; it was not touched.
	ReasonNameConflict = "NameConflict"
	// ReasonRefused: the API server refused the TrustedApplication that the template makes.
	ReasonRefused = "Refused"
	// ReasonNotReady: the TrustedApplication does not say why it is not Ready, as nobody looked at it yet.
	ReasonNotReady = "NotReady"
)
