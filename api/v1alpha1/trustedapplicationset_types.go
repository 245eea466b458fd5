package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// SelectorOperator says how a label is compared with values.
//
// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
type SelectorOperator string

// SelectorRequirement is a condition on one label.
//
// +kubebuilder:validation:XValidation:rule="has(self.values) == (self.operator in ['In', 'NotIn'])",message="In and NotIn need values, Exists and DoesNotExist take none"
type SelectorRequirement struct {
	// key is that of the label.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="!format.qualifiedName().validate(self).hasValue()",message="must be a valid label key"
	Key string `json:"key,omitempty"`

	// operator is In, NotIn, Exists or DoesNotExist.
	//
	// +required
	Operator SelectorOperator `json:"operator,omitempty"`

	// values are those that In and NotIn compare with.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(v, !format.labelValue().validate(v).hasValue())",message="must be valid label values"
	Values []LabelValue `json:"values,omitempty"`
}

// ServerSelector selects IdentityServers by their labels: those that meet all of matchLabels and matchExpressions.
//
// +kubebuilder:validation:XValidation:rule="has(self.matchLabels) || has(self.matchExpressions)",message="must have matchLabels or matchExpressions: a selector of all servers is not meant by leaving both out"
type ServerSelector struct {
	// matchLabels are labels that a server has to carry, all of them.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue() && !format.labelValue().validate(self[k]).hasValue())",message="must be valid labels"
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`

	// matchExpressions are conditions that a server has to meet, all of them.
	//
	// +optional
	// +listType=map
	// +listMapKey=key
	// +listMapKey=operator
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`
}

// SetServers says which IdentityServers a TrustedApplicationSet is for.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.selector) != has(self.names)",message="must have either selector or names"
type SetServers struct {
	// selector selects IdentityServers by their labels: one that gets the labels
	// gets a TrustedApplication, one that loses them loses it.
	//
	// +optional
	Selector *ServerSelector `json:"selector,omitempty"`

	// names are the IdentityServers, one by one.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Names []string `json:"names,omitempty"`
}

// TemplatedText is a text with placeholders for what the IdentityServer is
// called and labelled, for example {{ .Server.Labels.customer }}.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1024
type TemplatedText string

// InteractiveTemplate is the block interactive of each TrustedApplication.
type InteractiveTemplate struct {
	// redirectUris are those of the TrustedApplication, with placeholders.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	RedirectURIs []TemplatedText `json:"redirectUris,omitempty"`

	// postLogoutRedirectUris are those of the TrustedApplication, with
	// placeholders.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	PostLogoutRedirectURIs []TemplatedText `json:"postLogoutRedirectUris,omitempty"`

	// users says who may sign in: Internal (default) and Community.
	//
	// +optional
	// +listType=set
	// +default=["Internal"]
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Users []UserGroup `json:"users,omitempty"`
}

// ServiceTemplate is the block service of each TrustedApplication.
type ServiceTemplate struct {
	// systemUser is the login that the application acts as at the instance, with
	// placeholders. Required on ERP.net.
	//
	// +optional
	SystemUser TemplatedText `json:"systemUser,omitempty"`

	// internalUserImpersonation is Forbidden by default.
	//
	// +optional
	// +default="Forbidden"
	InternalUserImpersonation InternalUserImpersonation `json:"internalUserImpersonation,omitempty"`
}

// CredentialsTemplate is the block credentials of each TrustedApplication.
type CredentialsTemplate struct {
	// secretName is the name of the Secret, with placeholders: it must differ from
	// server to server. Default: the name of the TrustedApplication.
	//
	// +optional
	SecretName TemplatedText `json:"secretName,omitempty"`

	// method is ClientSecret (default) or PrivateKeyJWT.
	//
	// +optional
	Method CredentialMethod `json:"method,omitempty"`

	// rotation says when and how the credential is replaced.
	//
	// +optional
	Rotation *RotationSpec `json:"rotation,omitempty"`

	// template says what else the published Secret holds. Its placeholders, such
	// as {{ .ClientID }}, are left to each TrustedApplication.
	//
	// +optional
	Template *OutputTemplate `json:"template,omitempty"`

	// rolloutRestart are workloads that are restarted after each new credential of
	// any of the TrustedApplications.
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	RolloutRestart []RestartTarget `json:"rolloutRestart,omitempty"`
}

// ApplicationTemplateSpec is the spec of each TrustedApplication of a set, but for its server. What is wrong with it shows in
// status.failing, as the API server says it.
//
// +kubebuilder:validation:XValidation:rule="has(self.interactive) || has(self.service)",message="say what the applications do: add service (act as themselves, Client Credentials), interactive (sign users in, Authorization Code), or both"
// +kubebuilder:validation:XValidation:rule="!has(self.interactive) || has(self.clientType)",message="interactive applications must say whether they can keep a secret: set clientType to Confidential (server side) or Public (SPA, native, mobile)"
type ApplicationTemplateSpec struct {
	// applicationUri is the client_id at each server, with placeholders. Each
	// server is on its own, so one text may do for all. It cannot be changed in a
	// TrustedApplication that exists: make another set for another one.
	//
	// +required
	ApplicationURI TemplatedText `json:"applicationUri,omitempty"`

	// displayName is what administrators and users see, with placeholders.
	//
	// +optional
	DisplayName TemplatedText `json:"displayName,omitempty"`

	// enabled is the kill switch of all. Default: true.
	//
	// +optional
	// +default=true
	Enabled *bool `json:"enabled,omitempty"`

	// clientType is Confidential or Public. Required for interactive applications.
	//
	// +optional
	ClientType ClientType `json:"clientType,omitempty"`

	// interactive is present when the applications sign users in.
	//
	// +optional
	Interactive *InteractiveTemplate `json:"interactive,omitempty"`

	// service is present when the applications act as themselves.
	//
	// +optional
	Service *ServiceTemplate `json:"service,omitempty"`

	// scopes are all the scopes that the applications may ask for.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Scopes []Scope `json:"scopes,omitempty"`

	// referenceTokens is None (default), AdministratorsOnly or AuthenticatedUsers.
	//
	// +optional
	// +default="None"
	ReferenceTokens ReferenceTokenPolicy `json:"referenceTokens,omitempty"`

	// credentials says where credentials are published.
	//
	// +optional
	Credentials *CredentialsTemplate `json:"credentials,omitempty"`

	// configMapName is the name of the ConfigMap of an interactive application,
	// with placeholders: it must differ from server to server. Default: the name
	// of the TrustedApplication.
	//
	// +optional
	ConfigMapName TemplatedText `json:"configMapName,omitempty"`

	// deletionPolicy says what happens to a registration when its
	// TrustedApplication goes, with the set or because its server is not selected
	// any more: Delete (default), Disable or Orphan.
	//
	// +optional
	// +default="Delete"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// driftPolicy is Enforce (default), Warn or Observe.
	//
	// +optional
	// +default="Enforce"
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`

	// adoptionPolicy is Never (default), IfUnowned or Takeover.
	//
	// +optional
	// +default="Never"
	AdoptionPolicy AdoptionPolicy `json:"adoptionPolicy,omitempty"`
}

// ApplicationTemplateMetadata are labels and annotations of each TrustedApplication.
type ApplicationTemplateMetadata struct {
	// labels of each TrustedApplication, with placeholders in their values, beside
	// that of the set.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue() && !k.matches('^([^/]*[.])?trustedapps[.]dev/') && k != 'app.kubernetes.io/managed-by')",message="must be valid label keys, and not those of the operator: trustedapps.dev/... and app.kubernetes.io/managed-by"
	Labels map[string]TemplatedText `json:"labels,omitempty"`

	// annotations of each TrustedApplication, with placeholders in their values.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue() && !k.matches('^([^/]*[.])?trustedapps[.]dev/'))",message="must be valid annotation keys, and not those of the operator: trustedapps.dev/..."
	Annotations map[string]TemplatedText `json:"annotations,omitempty"`
}

// ApplicationTemplate is what each TrustedApplication of a set is made from.
type ApplicationTemplate struct {
	// metadata are labels and annotations of each TrustedApplication.
	//
	// +optional
	Metadata *ApplicationTemplateMetadata `json:"metadata,omitempty"`

	// spec is that of each TrustedApplication, but for identityServerRef.
	// Placeholders stand for what differs: {{ .Server.Name }},
	// {{ .Server.Labels.customer }},
	// {{ index .Server.Annotations "example.com/url" }}.
	// A server that lacks the label or annotation keeps its TrustedApplication as
	// it is, and is named in status.failing.
	//
	// +required
	Spec ApplicationTemplateSpec `json:"spec,omitzero"`
}

// FailurePolicy says what becomes of a roll-out when a TrustedApplication fails.
//
// +kubebuilder:validation:Enum=Stop;Continue
type FailurePolicy string

const (
	// FailureStop changes no further one until it is well, or the template changes.
	FailureStop FailurePolicy = "Stop"
	// FailureContinue leaves it behind and goes on with the others.
	FailureContinue FailurePolicy = "Continue"
)

// RolloutSpec says how a change of the template comes to the TrustedApplications.
type RolloutSpec struct {
	// maxUnavailable is the number of TrustedApplications, or the part of all such
	// as 10% (default), that are changed and not Ready again at one time; at least
	// one. New ones are made at once: they take nothing from anybody.
	//
	// +optional
	// +default="10%"
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? int(self) >= 1 && int(self) <= 10000 : string(self).matches('^([1-9][0-9]?|100)%$')",message="must be a number of at least 1, or a part from 1% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// onFailure says what becomes of the roll-out when a TrustedApplication is not
	// Ready after its change: Stop (default), until it is well or the template
	// changes, or Continue with the others.
	//
	// +optional
	// +default="Stop"
	OnFailure FailurePolicy `json:"onFailure,omitempty"`

	// progressDeadline is how long a TrustedApplication may take to be Ready after
	// its change, before it counts as failed. Default: 10m.
	//
	// +optional
	// +default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a duration such as 90s or 10m between 1s and 24h"
	ProgressDeadline *metav1.Duration `json:"progressDeadline,omitempty"`
}

// EmptySelectionPolicy says what becomes of the TrustedApplications when no server is selected any more.
//
// +kubebuilder:validation:Enum=Keep;Delete
type EmptySelectionPolicy string

const (
	// EmptyKeep leaves all of them.
	EmptyKeep EmptySelectionPolicy = "Keep"
	// EmptyDelete deletes all of them.
	EmptyDelete EmptySelectionPolicy = "Delete"
)

// CombinedSecret asks for one Secret with a file for each instance.
type CombinedSecret struct {
	// name of the Secret, in the namespace of the set. None of the
	// TrustedApplications may publish one of that name. A Secret that exists
	// already and is not of the set is never touched. After a change the new
	// Secret is written first, then the former one is deleted.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid Secret name: lower-case letters, digits, '-' and '.'"
	Name string `json:"name,omitempty"`
}

// TrustedApplicationSetSpec is one application at many IdentityServers.
//
// +kubebuilder:validation:XValidation:rule="!has(self.combinedSecret) || !has(self.template.spec.credentials) || !has(self.template.spec.credentials.secretName) || self.template.spec.credentials.secretName != self.combinedSecret.name",message="combinedSecret.name must not be the secretName of the template: choose another name for the Secret with a file for each instance"
type TrustedApplicationSetSpec struct {
	// servers says at which IdentityServers the application is registered.
	//
	// +required
	Servers SetServers `json:"servers,omitzero"`

	// emptySelection says what becomes of the TrustedApplications when not one
	// server is selected any more: Keep (default), because that is a mistake more
	// often than not, or Delete.
	//
	// +optional
	// +default="Keep"
	EmptySelection EmptySelectionPolicy `json:"emptySelection,omitempty"`

	// template is what each TrustedApplication is made from.
	//
	// +required
	Template ApplicationTemplate `json:"template,omitzero"`

	// rollout says how a change of the template comes to the TrustedApplications.
	//
	// +optional
	// +default={}
	Rollout *RolloutSpec `json:"rollout,omitempty"`

	// combinedSecret asks for one Secret more, for a service of many tenants that
	// mounts one volume: a file SERVER.json for each instance, with the entries
	// of the Secret that its TrustedApplication publishes.
	//
	// +optional
	CombinedSecret *CombinedSecret `json:"combinedSecret,omitempty"`
}

// MaxFailing is the number of failing instances that a status names.
const MaxFailing = 16

// FailingInstance is a server at which the application is not as the set asks.
type FailingInstance struct {
	// server is the name of the IdentityServer.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Server string `json:"server,omitempty"`

	// application is the name of its TrustedApplication.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Application string `json:"application,omitempty"`

	// reason is that of the condition Ready of the TrustedApplication, or why
	// there is none, or an older one.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message says what to do.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// CombinedSecretStatus is the Secret with a file for each instance, as it was left.
type CombinedSecretStatus struct {
	// name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// instances is the number of instances that have a file in it.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Instances int32 `json:"instances,omitempty"`
}

// TrustedApplicationSetStatus sums up the TrustedApplications of a set. It is never read back as input.
type TrustedApplicationSetStatus struct {
	// observedGeneration is the latest generation of the spec that was looked at.
	// -1 means that none was.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// instances is ready/total, for example 97/100.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Instances string `json:"instances,omitempty"`

	// servers is the number of selected IdentityServers.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Servers int32 `json:"servers,omitempty"`

	// ready is the number of their TrustedApplications that are Ready, with the
	// present template or an older one.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Ready int32 `json:"ready,omitempty"`

	// updated is the number of their TrustedApplications that are as the template
	// asks.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Updated int32 `json:"updated,omitempty"`

	// failed is the number of servers at which something is wrong; failing names
	// the first 16.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Failed int32 `json:"failed,omitempty"`

	// failing are servers at which the application is not as the set asks, and
	// why, the first 16 by name.
	//
	// +optional
	// +listType=map
	// +listMapKey=server
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Failing []FailingInstance `json:"failing,omitempty"`

	// combinedSecret is the Secret with a file for each instance, where there is
	// one.
	//
	// +optional
	CombinedSecret *CombinedSecretStatus `json:"combinedSecret,omitempty"`

	// conditions are Ready, Reconciling and Stalled (kstatus), and
	// CredentialsPublished where spec.combinedSecret asks for a Secret. The
	// message says what to do next where something is to be done.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TrustedApplicationSet is one application at many IdentityServers: it makes a TrustedApplication for each of them, brings changes of its
// template to them step by step, and sums up how they are.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tas,categories=trustedapps
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.instances`
// +kubebuilder:printcolumn:name="Updated",type=integer,JSONPath=`.status.updated`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 52",message="metadata.name must not be longer than 52 characters, because the names of its TrustedApplications begin with it"
type TrustedApplicationSet struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata; the name has at most 52
	// characters.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says which application, and at which servers.
	//
	// +required
	Spec TrustedApplicationSetSpec `json:"spec,omitzero"`

	// status sums up the TrustedApplications.
	//
	// +optional
	// +default={"observedGeneration": -1}
	Status TrustedApplicationSetStatus `json:"status,omitzero"`
}

// TrustedApplicationSetList is a list of TrustedApplicationSets.
//
// +kubebuilder:object:root=true
type TrustedApplicationSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []TrustedApplicationSet `json:"items"`
}
