package cli

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// report is what a person, or a program, is told of an application. Its JSON is stable.
type report struct {
	Namespace    string                `json:"namespace"`
	Name         string                `json:"name"`
	Ready        bool                  `json:"ready"`
	Reason       string                `json:"reason,omitempty"`
	Message      string                `json:"message,omitempty"`
	Server       string                `json:"server"`
	Registration registration          `json:"registration"`
	Credential   *credential           `json:"credential,omitempty"`
	ConfigMap    string                `json:"configMap,omitempty"`
	Conditions   []metav1.Condition    `json:"conditions,omitempty"`
	Drift        []string              `json:"drift,omitempty"`
	Warnings     []string              `json:"warnings,omitempty"`
	UsedBy       []v1alpha1.SecretUser `json:"usedBy,omitempty"`
	Orphans      []string              `json:"orphans,omitempty"`
	Created      metav1.Time           `json:"created"`
}

type registration struct {
	ClientID   string              `json:"clientId"`
	Flow       v1alpha1.Flow       `json:"flow,omitempty"`
	ClientType v1alpha1.ClientType `json:"clientType"`
	Enabled    bool                `json:"enabled"`
	SystemUser string              `json:"systemUser,omitempty"`
	Scopes     []v1alpha1.Scope    `json:"scopes,omitempty"`
}

type credential struct {
	Secret   string                    `json:"secret,omitempty"`
	Method   v1alpha1.CredentialMethod `json:"method"`
	Strategy v1alpha1.RotationStrategy `json:"strategy,omitempty"`
	Phase    v1alpha1.RotationPhase    `json:"phase,omitempty"`
	Made     *metav1.Time              `json:"made,omitempty"`
	Next     *metav1.Time              `json:"next,omitempty"`
}

// reportOn reads an application.
func reportOn(app *v1alpha1.TrustedApplication) report {
	s := app.Status
	r := report{
		Namespace: app.Namespace, Name: app.Name, Server: app.Spec.IdentityServerRef.Name, ConfigMap: s.ConfigMapName, Conditions: s.Conditions,
		Drift: s.Drift, Warnings: s.Warnings, UsedBy: s.UsedBy, Orphans: s.Orphans, Created: app.CreationTimestamp,
		Registration: registration{
			ClientID: cmp.Or(s.ClientID, app.Spec.ApplicationURI), Flow: s.Flow,
			ClientType: cmp.Or(app.Spec.ClientType, v1alpha1.ClientTypeConfidential),
			Enabled:    app.Spec.Enabled == nil || *app.Spec.Enabled, Scopes: app.Spec.Scopes,
		},
	}
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); ready != nil {
		r.Ready, r.Reason, r.Message = ready.Status == metav1.ConditionTrue, ready.Reason, ready.Message
	} else {
		r.Reason, r.Message = "Unknown", "the operator has not seen it yet: is it running, and does it work for this server?"
	}
	if app.Spec.Service != nil {
		r.Registration.SystemUser = app.Spec.Service.SystemUser
	}
	if r.Registration.ClientType != v1alpha1.ClientTypePublic {
		r.Credential = credentialOf(app)
	}
	return r
}

func credentialOf(app *v1alpha1.TrustedApplication) *credential {
	c := &credential{Method: v1alpha1.MethodClientSecret}
	if app.Spec.Credentials != nil {
		c.Method = cmp.Or(app.Spec.Credentials.Method, c.Method)
	}
	if app.Status.Binding != nil {
		c.Secret = app.Status.Binding.Name
	}
	if r := app.Status.Rotation; r != nil {
		c.Strategy, c.Phase, c.Made, c.Next = r.Strategy, r.Phase, r.LastTime, r.NextTime
	}
	return c
}

// state is one word on an application: Ready, or why not.
func (r report) state() string {
	if r.Ready {
		return cmp.Or(r.Reason, v1alpha1.ReasonReady)
	}
	return r.Reason
}

// secretAge is how old its credential is, once it is published.
func (r report) secretAge(now time.Time) string {
	if r.Credential == nil || r.Credential.Secret == "" {
		return ""
	}
	return age(r.Credential.Made, now)
}
