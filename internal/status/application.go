// Package status turns the outcome of a run into what people see. It is pure.
package status

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/plan"
)

// Application returns the status of an application after a run. warnings are those to show.
func Application(
	app *v1alpha1.TrustedApplication, d plan.Desired, end plan.Step, o plan.Observed, warnings []string, now metav1.Time,
) v1alpha1.TrustedApplicationStatus {
	s := *app.Status.DeepCopy()
	_, done := end.(plan.Done)
	done = done && !d.Deleting
	_, watched := end.(plan.Observe)
	reached := done || watched || !d.Deleting && (o.Applied || o.Committed(d))

	s.Flow = desired.Flow(app.Spec)
	s.Warnings = told(warnings)
	if newest := o.Ledger.Newest(); newest != nil && newest.ClientID != "" {
		s.ClientID = newest.ClientID
	} else if watched {
		s.ClientID = d.Key.ClientID
	}
	if _, stalled := end.(plan.Fail); reached || stalled { // kstatus takes an older one for progress, whatever Stalled says
		s.ObservedGeneration = app.Generation
	}
	if looked(o) {
		s.Orphans = sorted(o.Ledger.Orphans) // a set: two creations may have been lost under one name
		s.Binding, s.ConfigMapName = nil, ""
		if published(o.Output.Secret) {
			s.Binding = &v1alpha1.BindingReference{Name: desired.SecretName(app)}
		}
		if published(o.Output.ConfigMap) {
			s.ConfigMapName = desired.ConfigMapName(app)
		}
	}

	if looked(o) {
		s.Rotation = rotation(d, o)
	}
	how := endOf(d, end)
	switch {
	case o.Inspected(d):
		s.Drift = sorted(o.Drift(d))
	case o.Applied, watched:
		s.Drift = nil
	case how.reason == v1alpha1.ReasonAdoptionPending:
		s.Drift = sorted(o.Preview(d))
	}
	if d.Deleting && !done && d.Deletion != plan.Orphan && !o.Abandoned && plan.MayBeRegistered(d, o) {
		how.message += stuck(app, d, o)
	}
	c := conditions{list: &s.Conditions, generation: app.Generation, now: now}
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionPaused)
	c.set(v1alpha1.ConditionRegistered, registered(d, o, reached, how))
	if watched {
		nothing := verdict{metav1.ConditionUnknown, v1alpha1.ReasonObserved, "the registration is only watched: the operator has no credential of it"}
		c.set(v1alpha1.ConditionCredentialsVerified, nothing)
		c.set(v1alpha1.ConditionCredentialsPublished, nothing)
	} else {
		c.set(v1alpha1.ConditionCredentialsVerified, verified(d, o, done, how))
		c.set(v1alpha1.ConditionCredentialsPublished, publishedCondition(o, done, how))
	}
	c.set(v1alpha1.ConditionInSync, inSync(s.Drift, o.Ledger.Altered, d.Enforce && !done, reached, how))
	c.kstatus(end, how)
	return s
}

// stuck names what keeps an application that is being deleted, and the ways out.
func stuck(app *v1alpha1.TrustedApplication, d plan.Desired, o plan.Observed) string {
	var left []string
	for _, id := range plan.ClientIDs(d, o) {
		if !slices.Contains(o.Deleted, id) && !slices.Contains(o.Disabled, id) {
			left = append(left, id)
		}
	}
	return fmt.Sprintf("; still registered at the identity server: %s. If that can never be ended: "+
		"kubectl annotate trustedapplication %s -n %s %s=%s", strings.Join(left, ", "), app.Name, app.Namespace, v1alpha1.AbandonAnnotation, d.Key.ClientID)
}

// verdict is status, reason and message of a condition.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

// endOf says how the run ended.
func endOf(d plan.Desired, end plan.Step) verdict {
	switch e := end.(type) {
	case plan.Wait:
		return verdict{metav1.ConditionFalse, e.Reason, e.Message}
	case plan.Fail:
		return verdict{metav1.ConditionFalse, e.Reason, e.Message}
	}
	if _, watched := end.(plan.Observe); watched {
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonObserved, "the registration " + d.Key.ClientID + " is as the spec asks, and carries no mark of " +
			"this operator; with spec.driftPolicy Observe it is only watched, and nothing is published: set it to Enforce or Warn to adopt it"}
	}
	if !d.Want.Enabled {
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonDisabled,
			"the server refuses this client, as spec.enabled asks: set it to true to let the application work again"}
	}
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonReady, "the application is registered and its credentials are published"}
}

func registered(d plan.Desired, o plan.Observed, reached bool, end verdict) verdict {
	switch {
	case d.Deleting && len(o.Deleted) > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonDeleting, "the registration was deleted"}
	case reached:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonRegistered, "the server holds the registration " + presentID(d, o) + " as this generation asks"}
	}
	return verdict{metav1.ConditionFalse, end.reason, end.message}
}

// presentID is the client id in use.
func presentID(d plan.Desired, o plan.Observed) string {
	if newest := o.Ledger.Newest(); newest != nil && newest.ClientID != "" {
		return newest.ClientID
	}
	return d.Key.ClientID
}

func verified(d plan.Desired, o plan.Observed, done bool, end verdict) verdict {
	newest := o.Ledger.Newest()
	proven := newest != nil && o.Verified == newest.ID
	switch {
	case !d.Confidential() && (done || o.Applied):
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonPublicClient, "a public client has no secret that could be verified"}
	case done && !d.Want.Enabled:
		return verdict{metav1.ConditionUnknown, v1alpha1.ReasonDisabled, "the server refuses a disabled client, so its credentials cannot be verified"}
	case done && !d.Verify:
		return verdict{metav1.ConditionUnknown, v1alpha1.ReasonVerificationOff,
			"the IdentityServer has verification Off: nobody has proven that the credentials work"}
	case proven || done:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonVerified, "the server accepted the credentials"}
	}
	return verdict{metav1.ConditionFalse, end.reason, end.message}
}

// inSync compares the registration with the spec. broken: it could not be brought back.
// altered is what the server registered otherwise than it was told.
func inSync(drift, altered []string, broken, reached bool, end verdict) verdict {
	switch {
	case end.reason == v1alpha1.ReasonAdoptionPending:
		return verdict{metav1.ConditionFalse, end.reason, end.message}
	case len(drift) > 0 && broken:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonDrifted, "the registration at the server differs in " + strings.Join(drift, ", ") +
			", and could not be brought back: " + end.message}
	case len(drift) > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonDrifted, "the registration at the server differs in " + strings.Join(drift, ", ") +
			", and spec.driftPolicy leaves it: set it to Enforce to bring it back, or change the spec"}
	case reached && len(altered) > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonAltered, "the server registered the application, and changed or left out " +
			strings.Join(altered, ", ") + ": change that in the spec to what the server allows, or have the server allow it"}
	case reached:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonInSync, "the registration at the server is as the spec asks, as it was last looked at"}
	}
	return verdict{metav1.ConditionFalse, end.reason, end.message}
}

func publishedCondition(o plan.Observed, done bool, end verdict) verdict {
	if done {
		message := "the ConfigMap is up to date"
		switch {
		case published(o.Output.Secret) && published(o.Output.ConfigMap):
			message = "Secret and ConfigMap are up to date"
		case published(o.Output.Secret):
			message = "the Secret is up to date"
		}
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonPublished, message}
	}
	return verdict{metav1.ConditionFalse, end.reason, end.message}
}

// looked says whether the run came as far as to read the ledger and what is published. Every application has at least one object to publish,
// so an observation that needs none is no observation; what was told before stays then.
func looked(o plan.Observed) bool {
	return o.Output.Secret != plan.Unneeded || o.Output.ConfigMap != plan.Unneeded
}

func published(s plan.ObjectState) bool { return s == plan.Matches || s == plan.Differs }

// conditions sets conditions of one generation.
type conditions struct {
	list       *[]metav1.Condition
	generation int64
	now        metav1.Time
}

// set sets a condition. The former message is kept where only the number of a request differs: each attempt of an operator that waits has
// another one, and each would be a write.
func (c conditions) set(kind string, v verdict) {
	former := meta.FindStatusCondition(*c.list, kind)
	if former != nil && former.Reason == v.reason && unnumbered(former.Message) == unnumbered(clip(v.message)) {
		v.message = former.Message
	}
	meta.SetStatusCondition(c.list, metav1.Condition{
		Type: kind, Status: v.status, Reason: v.reason, Message: clip(v.message), ObservedGeneration: c.generation, LastTransitionTime: c.now,
	})
}

// kstatus sets Ready, and Reconciling or Stalled while they hold.
func (c conditions) kstatus(end plan.Step, v verdict) {
	_, waits := end.(plan.Wait)
	_, fails := end.(plan.Fail)
	c.present(v1alpha1.ConditionReconciling, waits, v)
	c.present(v1alpha1.ConditionStalled, fails, v)
	c.set(v1alpha1.ConditionReady, v)
}

// present sets a condition that is there only while it holds.
func (c conditions) present(kind string, holds bool, v verdict) {
	if !holds {
		meta.RemoveStatusCondition(c.list, kind)
		return
	}
	c.set(kind, verdict{metav1.ConditionTrue, v.reason, v.message})
}

// requestNumber is what an idserver.Error says about the single request.
var requestNumber = regexp.MustCompile(`, request [^ ,)]+`)

func unnumbered(message string) string { return requestNumber.ReplaceAllString(message, "") }

// maxMessage is the longest message of a metav1.Condition.
const maxMessage = 32768

// clip cuts a message that is too long between two characters.
func clip(s string) string {
	if len(s) > maxMessage {
		return strings.ToValidUTF8(s[:maxMessage], "")
	}
	return s
}
