package controllers

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

func TestEachStepIsToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		trace  []plan.Step
		policy v1alpha1.DeletionPolicy
		want   []string // how each event begins
	}{
		"nothing happened": {nil, "", nil},
		"what only the operator cares for": {
			[]plan.Step{plan.AddFinalizer{}, plan.Stage{}, plan.Lookup{}, plan.Verify{}, plan.Reserve{}, plan.NoteAnnounced{}, plan.Disable{}, plan.Unpublish{All: true}}, "", nil,
		},
		"registered": {[]plan.Step{plan.AddFinalizer{}, plan.Create{}, plan.Publish{}}, "", []string{"Normal Registered registered com.example.orders/sync"}},
		"edited":     {[]plan.Step{plan.Stage{}, plan.Apply{}, plan.Publish{}}, "", []string{"Normal Updated", "Normal Published published"}},
		"renamed":    {[]plan.Step{plan.Publish{}, plan.Unpublish{}}, "", []string{"Normal Published wrote", "Normal Unpublished"}},
		"an orphan":  {[]plan.Step{plan.NoteOrphan{}}, "", []string{"Warning OrphanDeclared the answer to a creation was lost: a registration named Order sync "}},
		"deleted": {
			[]plan.Step{plan.Lookup{}, plan.DeleteRegistration{}, plan.Unpublish{All: true}, plan.DeleteLedger{}, plan.RemoveFinalizer{}}, v1alpha1.DeletionDelete,
			[]string{"Normal Deregistered"},
		},
		"rotated":   {[]plan.Step{plan.Stage{Draw: true}, plan.Apply{}, plan.Publish{}, plan.Promote{}}, "", []string{"Normal Published published", "Normal Rotated"}},
		"announced": {[]plan.Step{plan.Announce{}, plan.Publish{}, plan.NoteAnnounced{}}, "", []string{"Normal RotationAnnounced"}},
		"parked":    {[]plan.Step{plan.Disable{ID: "com.example.orders/sync.alternate"}, plan.Park{}}, "", []string{"Normal FormerDisabled"}},
		"both deleted": {
			[]plan.Step{plan.DeleteRegistration{ID: "com.example.orders/sync"}, plan.DeleteRegistration{ID: "com.example.orders/sync.alternate"}}, v1alpha1.DeletionDelete,
			[]string{"Normal Deregistered deleted the registration com.example.orders/sync", "Normal Deregistered deleted the registration com.example.orders/sync.alternate"},
		},
		"disabled":         {[]plan.Step{plan.Disable{}, plan.DeleteLedger{}, plan.RemoveFinalizer{}}, v1alpha1.DeletionDisable, []string{"Warning RegistrationDisabled"}},
		"left":             {[]plan.Step{plan.Unpublish{All: true}, plan.DeleteLedger{}, plan.RemoveFinalizer{}}, v1alpha1.DeletionOrphan, []string{"Warning RegistrationOrphaned"}},
		"never registered": {[]plan.Step{plan.RemoveFinalizer{}}, v1alpha1.DeletionOrphan, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			recorder := events.NewFakeRecorder(10)
			app := newApp()
			app.Spec.DeletionPolicy, app.Spec.DisplayName = c.policy, "Order sync"
			if c.policy != "" {
				app.DeletionTimestamp = &metav1.Time{Time: time.Now()}
			}
			announceSteps(t.Context(), recorder, app, c.trace, nil)
			got := told(recorder)
			g.Expect(got).To(HaveLen(len(c.want)), "%q", got)
			for i, begin := range c.want {
				g.Expect(got[i]).To(HavePrefix(begin))
			}
		})
	}
}

func TestTheClientIDInUseIsTold(t *testing.T) {
	g := NewWithT(t)
	recorder := events.NewFakeRecorder(10)
	other := &ledger.Credential{ID: "n", Credential: idserver.Credential{ClientID: "com.example.orders/sync.alternate"}}
	announceSteps(t.Context(), recorder, newApp(), []plan.Step{plan.Create{}, plan.Publish{}, plan.Promote{}}, other)
	g.Expect(told(recorder)).To(Equal([]string{
		"Normal Registered registered com.example.orders/sync.alternate at the identity server, and published what it needs to sign in",
		"Normal Rotated the new credential of com.example.orders/sync is published, with the client id com.example.orders/sync.alternate",
	}))
}

func TestARestartThatFailsIsToldUntilItChanges(t *testing.T) {
	g := NewWithT(t)
	recorder := events.NewFakeRecorder(10)
	app := newApp()
	failed := plan.Observed{RestartTried: "c", RestartProblems: []string{"Deployment web does not exist in this namespace: correct the name"}}
	announceRestarts(t.Context(), recorder, app, failed)
	g.Expect(told(recorder)).To(Equal([]string{"Warning RestartFailed " + failed.RestartProblems[0]}))
	app.Status.Warnings = desired.Warnings(app, connections.Entry{}, failed.RestartProblems...)
	announceRestarts(t.Context(), recorder, app, failed)
	g.Expect(told(recorder)).To(BeEmpty(), "the status has it")
	failed.RestartProblems = append(failed.RestartProblems, "Deployment api does not exist in this namespace: correct the name")
	announceRestarts(t.Context(), recorder, app, failed)
	g.Expect(told(recorder)).To(Equal([]string{"Warning RestartFailed " + failed.RestartProblems[1]}))
	announceRestarts(t.Context(), recorder, app, plan.Observed{RestartTried: "c"})
	g.Expect(told(recorder)).To(ConsistOf(HavePrefix("Normal Restarted")))
	announceRestarts(t.Context(), recorder, app, plan.Observed{})
	g.Expect(told(recorder)).To(BeEmpty())
}

func TestDriftIsToldOnce(t *testing.T) {
	g := NewWithT(t)
	recorder := events.NewFakeRecorder(10)
	app := newApp()
	announceDrift(t.Context(), recorder, app, plan.Desired{}, plan.Observed{Repaired: []string{"scopes", "secret"}})
	g.Expect(told(recorder)).To(Equal([]string{"Warning DriftRepaired somebody changed the registration at the identity server; brought back: scopes, secret"}))
	before, after := v1alpha1.IdentityServerStatus{Orphaned: 1}, v1alpha1.IdentityServerStatus{Orphaned: 2}
	for _, c := range []struct {
		former, next v1alpha1.IdentityServerStatus
		events       int
	}{{before, after, 1}, {after, after, 0}, {after, before, 0}} {
		announceOrphans(recorder, &v1alpha1.IdentityServer{}, c.former, c.next)
		g.Expect(told(recorder)).To(HaveLen(c.events))
	}
}

func TestReadinessIsToldOncePerChange(t *testing.T) {
	ready := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "100% so"}}
	}
	for name, c := range map[string]struct {
		former, next []metav1.Condition
		want         []string
	}{
		"the first":       {nil, ready("True", "Ready"), []string{"Normal Ready 100% so"}},
		"the same":        {ready("True", "Ready"), ready("True", "Ready"), nil},
		"another status":  {ready("True", "Ready"), ready("False", "SecretConflict"), []string{"Warning SecretConflict 100% so"}},
		"another reason":  {ready("False", "Invalid"), ready("False", "SecretConflict"), []string{"Warning SecretConflict 100% so"}},
		"nothing is told": {ready("True", "Ready"), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(10)
			announceReadiness(t.Context(), recorder, newApp(), c.former, c.next)
			NewWithT(t).Expect(told(recorder)).To(Equal(c.want))
		})
	}
}

// The apiserver refuses a note of more than 1024 bytes, and JSON makes three bytes of each half of a character.
func TestNotesAreCutBetweenCharacters(t *testing.T) {
	g := NewWithT(t)
	g.Expect(clip(strings.Repeat("x", maxNote))).To(HaveLen(maxNote))
	for shift := range 4 {
		note := clip(strings.Repeat("x", shift) + strings.Repeat("€я", maxNote))
		g.Expect(len(note)).To(And(BeNumerically("<=", maxNote), BeNumerically(">", maxNote-4)))
		g.Expect(note).To(And(Satisfy(utf8.ValidString), HaveSuffix("..."), Not(ContainSubstring(string(utf8.RuneError)))))
	}
}
