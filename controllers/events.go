package controllers

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// announceReadiness tells of a change of the Ready condition, once per change, in an event and in the log.
func announceReadiness(ctx context.Context, recorder events.EventRecorder, object runtime.Object, former, next []metav1.Condition) {
	ready := meta.FindStatusCondition(next, v1alpha1.ConditionReady)
	before := meta.FindStatusCondition(former, v1alpha1.ConditionReady)
	if ready == nil || before != nil && before.Status == ready.Status && before.Reason == ready.Reason {
		return
	}
	kind := corev1.EventTypeNormal
	if ready.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	recorder.Eventf(object, nil, kind, ready.Reason, "Reconcile", "%s", clip(ready.Message))
	log.FromContext(ctx).Info("readiness changed", "ready", ready.Status, keyReason, ready.Reason, keyMessage, ready.Message)
}

// announceSteps tells what a run did that people care for, in an event and in the log. newest is the credential that it led to, if any: its
// client id may be the one that takes turns with that of the spec.
func announceSteps(
	ctx context.Context, recorder events.EventRecorder, app *v1alpha1.TrustedApplication, trace []plan.Step, newest *ledger.Credential,
) {
	id := app.Spec.ApplicationURI
	present := id
	if newest != nil && newest.ClientID != "" {
		present = newest.ClientID
	}
	for _, step := range trace {
		tell := func(kind, reason, action, message string) {
			recorder.Eventf(app, nil, kind, reason, action, "%s", clip(message))
			log.FromContext(ctx).Info(message, keyStep, execute.Name(step), keyReason, reason)
		}
		announceCredential(tell, id, present, trace, step)
		switch s := step.(type) {
		case plan.Create:
			told := "registered " + present + " at the identity server"
			if slices.Contains(trace, plan.Step(plan.Publish{})) {
				told += ", and published what it needs to sign in"
			}
			tell(corev1.EventTypeNormal, "Registered", "Register", told)
		case plan.NoteOrphan:
			tell(corev1.EventTypeWarning, "OrphanDeclared", "Register",
				"the answer to a creation was lost: a registration named "+desired.Registration(app).DisplayName+
					" may have been left at the identity server; have an administrator look for it and delete it")
		case plan.Apply:
			if !slices.Contains(trace, plan.Step(plan.Stage{})) {
				continue // the same once more, after a crash or a refused credential
			}
			tell(corev1.EventTypeNormal, "Updated", "Register", "brought the registration "+present+" to what the spec asks for")
		case plan.Publish:
			switch {
			case slices.Contains(trace, plan.Step(plan.Announce{})), slices.Contains(trace, plan.Step(plan.Create{})): // that is told
			case toldServer(trace):
				tell(corev1.EventTypeNormal, "Published", "Publish", "published what "+present+" needs to sign in")
			default:
				tell(corev1.EventTypeNormal, "Published", "Publish", "wrote the Secret or ConfigMap of "+present+" again, with the same credential")
			}
		case plan.Unpublish:
			if !s.All {
				tell(corev1.EventTypeNormal, "Unpublished", "Publish", "deleted what is not wanted any more")
			}
		case plan.Disable:
			if app.DeletionTimestamp.IsZero() {
				continue // between two turns
			}
			tell(corev1.EventTypeWarning, "RegistrationDisabled", "Deregister",
				"disabled the registration "+which(id, s.ID)+"; it stays at the identity server")
		case plan.DeleteRegistration:
			tell(corev1.EventTypeNormal, "Deregistered", "Deregister", "deleted the registration "+which(id, s.ID))
		case plan.RecordAbandoned:
			tell(corev1.EventTypeWarning, "RegistrationAbandoned", "Deregister",
				"let "+id+" go although its registration could not be ended, as the annotation "+
					v1alpha1.AbandonAnnotation+" asks; have it deleted at the identity server")
		case plan.RecordOrphans:
			tell(corev1.EventTypeWarning, "OrphansLeft", "Deregister", "registrations may be left at the identity server, because answers or access "+
				"tokens were lost: they are in status.abandoned of its IdentityServer; have them deleted there")
		case plan.DeleteLedger: // without a ledger there never was a registration
			if app.Spec.DeletionPolicy == v1alpha1.DeletionOrphan {
				tell(corev1.EventTypeWarning, "RegistrationOrphaned", "Deregister", "left the registration "+id+
					" at the identity server, as deletionPolicy Orphan asks; nobody manages it any more")
			}
		}
	}
}

// announceCredential tells of the life of a credential.
func announceCredential(tell func(kind, reason, action, message string), id, present string, trace []plan.Step, step plan.Step) {
	switch s := step.(type) {
	case plan.Announce:
		tell(corev1.EventTypeNormal, "RotationAnnounced", "Rotate",
			"published the next secret of "+id+" beside the present one, before the server is told it")
	case plan.Promote:
		tell(corev1.EventTypeNormal, "Rotated", "Rotate", "the new credential of "+id+" is published, with the client id "+present)
	case plan.Inherit:
		tell(corev1.EventTypeWarning, "Restored", "Restore",
			"went on with the registration "+id+" and its secret, which a former TrustedApplication of the same "+
				"name left with its ledger")
	case plan.Claim:
		tell(corev1.EventTypeWarning, "Adopted", "Adopt",
			"took over the registration "+s.ClientID+", which existed already and did not belong to this TrustedApplication")
	case plan.Park:
		tell(corev1.EventTypeNormal, "FormerDisabled", "Rotate", "the former credential of "+id+" does not work any more")
	case plan.Retire:
		tell(corev1.EventTypeNormal, "FormerKeyRetired", "Rotate", "the registration "+present+" does not take the former key any more")
	case plan.NoteLost:
		tell(corev1.EventTypeWarning, "ControlLost", "Rotate", "the identity server does not take the access token of the former registration of "+id+
			" any more; it was replaced by "+present+", and is named in status.orphans: have it deleted at the identity server, its credential works "+
			"until then")
	case plan.ForgetOld:
		if slices.Contains(trace, plan.Step(plan.Retire{})) {
			return // that is told
		}
		tell(corev1.EventTypeNormal, "FormerDeleted", "Rotate", "deleted the former registration of "+id+", whose credential does not work any more")
	}
}

// announceDrift tells what was brought back at the server, and, with the policy Warn, what was found there anew.
func announceDrift(ctx context.Context, recorder events.EventRecorder, app *v1alpha1.TrustedApplication, d plan.Desired, o plan.Observed) {
	tell := func(kind, reason, message string) {
		recorder.Eventf(app, nil, kind, reason, "Sweep", "%s", clip(message))
		log.FromContext(ctx).Info(message, keyReason, reason)
	}
	if len(o.Repaired) > 0 {
		tell(corev1.EventTypeWarning, "DriftRepaired",
			"somebody changed the registration at the identity server; brought back: "+strings.Join(o.Repaired, ", "))
	}
	drift := slices.Sorted(slices.Values(o.Drift(d)))
	if app.Spec.DriftPolicy == v1alpha1.DriftWarn && len(drift) > 0 && !slices.Equal(drift, app.Status.Drift) {
		tell(corev1.EventTypeWarning, "Drifted", "the registration at the identity server differs in "+strings.Join(drift, ", ")+"; spec.driftPolicy leaves it")
	}
}

// announceRestarts tells of workloads that were restarted, or could not be.
func announceRestarts(ctx context.Context, recorder events.EventRecorder, app *v1alpha1.TrustedApplication, o plan.Observed) {
	known := strings.Join(app.Status.Warnings, "\n")
	anew := slices.DeleteFunc(slices.Clone(o.RestartProblems), func(problem string) bool { return strings.Contains(known, problem) })
	switch {
	case len(anew) > 0:
		problems := strings.Join(anew, "; ")
		recorder.Eventf(app, nil, corev1.EventTypeWarning, "RestartFailed", "Restart", "%s", clip(problems))
		log.FromContext(ctx).Info("workloads could not be restarted", keyMessage, problems)
	case len(o.RestartProblems) > 0: // that is told, until it changes
	case o.RestartTried != "":
		recorder.Eventf(app, nil, corev1.EventTypeNormal, "Restarted", "Restart", "%s",
			"restarted the workloads of spec.credentials.rolloutRestart for the new credential")
	}
}

// announceOrphans tells of registrations that belong to nobody, when there are more or fewer.
func announceOrphans(recorder events.EventRecorder, ids *v1alpha1.IdentityServer, former, next v1alpha1.IdentityServerStatus) {
	if next.Orphaned > former.Orphaned {
		recorder.Eventf(ids, nil, corev1.EventTypeWarning, "OrphansFound", "Sweep",
			"%d registrations carry the mark of this cluster and belong to no TrustedApplication: see status.orphans; "+
				"spec.orphanPolicy says what becomes of them", next.Orphaned)
	}
}

// which names one of two registrations that take turns.
func which(id, step string) string {
	if step == id+v1alpha1.AlternateSuffix {
		return step
	}
	return id
}

// toldServer says whether a run told the server a registration.
func toldServer(trace []plan.Step) bool {
	return slices.ContainsFunc(trace, func(s plan.Step) bool { return s == plan.Create{} || s == plan.Apply{} })
}

// maxNote is the longest note of an event, in bytes.
const maxNote = 1024

// clip cuts a note that is too long between two characters.
func clip(s string) string {
	if len(s) > maxNote {
		return strings.ToValidUTF8(s[:maxNote-3], "") + "..."
	}
	return s
}
