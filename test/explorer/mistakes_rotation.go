package explorer

import (
	"context"
	"slices"
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

var rotationMistakes = []Mistake{
	{
		name: "the server is told an announced secret at once", profile: clientChosen, strategy: v1alpha1.RotationAnnounce, budget: Budget{0, 1},
		next: believing(timeHasPassed),
	},
	{
		name: "an announcement counts before it is published", profile: clientChosen, strategy: v1alpha1.RotationAnnounce, budget: Budget{1, 2},
		next: believing(announcedLongAgo),
	},
	{
		name: "the former registration is refused at once", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 1},
		next: believing(timeHasPassed),
	},
	{
		name: "a replaced registration is deleted at once", profile: serverIssued, strategy: v1alpha1.RotationReplace, budget: Budget{0, 1},
		next: believing(timeHasPassed),
	},
	{
		name: "a registration does not wait for its turn", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 1},
		next: inPlaceAlways,
	},
	{
		name: "the turn of a registration comes before its grace period is over", profile: clientChosen,
		strategy: v1alpha1.RotationAlternate, budget: Budget{0, 2},
		next: believing(parkedInMind),
	},
	{
		name: "a request is done again and again", profile: clientChosen, strategy: v1alpha1.RotationInPlace, budget: Budget{0, 1},
		next: believing(func(_ *plan.Desired, o *plan.Observed) { o.Ledger.Handled = ledger.Requests{} }),
	},
	{
		name: "a request is never done", profile: clientChosen, strategy: v1alpha1.RotationInPlace, budget: Budget{0, 1},
		next: believing(func(d *plan.Desired, o *plan.Observed) { d.Rotation.Asked = o.Ledger.Handled }),
	},
	{
		name: "the registration that rests is not refused", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 1},
		next: instead[plan.Disable](plan.Park{}),
	},
	{
		name: "the registration that rests is forgotten at the end", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 3},
		next: believing(onlyOneAtTheEnd),
	},
	{
		name: "what was exposed keeps its grace period", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 2},
		next: believing(func(_ *plan.Desired, o *plan.Observed) { o.Ledger.Exposed = "" }),
	},
	{
		name: "a replaced key is forgotten at once", profile: clientChosen, strategy: v1alpha1.RotationOverlap, budget: Budget{0, 1},
		next: believing(timeHasPassed),
	},
	{
		name: "a new key takes the place of the old one at once", profile: clientChosen, strategy: v1alpha1.RotationOverlap, budget: Budget{0, 1},
		server: func(s idserver.Server) idserver.Server { return newestKeyOnly{s} },
	},
	{
		name: "a replaced key is never forgotten", profile: clientChosen, strategy: v1alpha1.RotationOverlap, budget: Budget{0, 2},
		next: instead[plan.Retire](plan.ForgetOld{}),
	},
	{
		name: "an exposed key keeps its grace period", profile: clientChosen, strategy: v1alpha1.RotationOverlap, budget: Budget{0, 2},
		server: func(s idserver.Server) idserver.Server { return allKeys{s} },
	},
	{
		name: "a replaced secret is forgotten at once", profile: clientChosen, strategy: v1alpha1.RotationOverlap, overlaps: true, budget: Budget{0, 1},
		next: believing(timeHasPassed),
	},
	{
		name: "a new secret takes the place of the old one at once", profile: clientChosen, strategy: v1alpha1.RotationOverlap, overlaps: true,
		budget: Budget{0, 1}, server: func(s idserver.Server) idserver.Server { return newestSecretOnly{s} },
	},
	{
		name: "a replaced secret is never forgotten", profile: clientChosen, strategy: v1alpha1.RotationOverlap, overlaps: true, budget: Budget{0, 2},
		next: instead[plan.Retire](plan.ForgetOld{}),
	},
	{
		name: "an exposed secret keeps its grace period", profile: clientChosen, strategy: v1alpha1.RotationOverlap, overlaps: true, budget: Budget{0, 2},
		server: func(s idserver.Server) idserver.Server { return allSecrets{s} },
	},
	{
		name: "a registration that is lost is not replaced", profile: serverIssued, strategy: v1alpha1.RotationReplace, budget: Budget{1, 1},
		next: believing(func(_ *plan.Desired, o *plan.Observed) { o.Lost = nil }),
	},
	{
		name: "a registration that is lost is forgotten", profile: serverIssued, strategy: v1alpha1.RotationReplace, budget: Budget{1, 1},
		next: instead[plan.NoteLost](plan.ForgetOld{}),
	},
	{
		name: "a registration of somebody else takes a turn", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 2},
		next: believing(own),
	},
}

// newestKeyOnly tells the server the newest key only, which is the first.
type newestKeyOnly struct{ idserver.Server }

func (s newestKeyOnly) Update(
	ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret,
) (idserver.Reply, error) {
	want.Keys = want.Keys[:min(1, len(want.Keys))]
	return s.Server.Update(ctx, have, want, secret)
}

// allKeys lets the server keep every key.
type allKeys struct{ idserver.Server }

func (s allKeys) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	want.Keys = append(slices.Clone(want.Keys), have.Registration.Keys...)
	return s.Server.Update(ctx, have, want, secret)
}

// newestSecretOnly tells the server of no secret that is to be kept.
type newestSecretOnly struct{ idserver.Server }

func (s newestSecretOnly) Update(
	ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret,
) (idserver.Reply, error) {
	have.Credential.Secret = ""
	return s.Server.Update(ctx, have, want, secret)
}

// allSecrets lets the server keep every secret.
type allSecrets struct{ idserver.Server }

func (s allSecrets) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	have.Credential.Secret = "any"
	return s.Server.Update(ctx, have, want, secret)
}

func timeHasPassed(_ *plan.Desired, o *plan.Observed) { o.Now = o.Now.Add(period) }

func announcedLongAgo(_ *plan.Desired, o *plan.Observed) {
	if o.Ledger.Announced != nil && o.Ledger.AnnouncedAt.IsZero() {
		o.Ledger.AnnouncedAt = o.Ledger.RotatedAt.Add(-24 * time.Hour)
	}
}

func inPlaceAlways(d plan.Desired, o plan.Observed) plan.Step {
	switch s := plan.Next(d, o).(type) {
	case plan.Lookup:
		return plan.Lookup{ClientID: d.Key.ClientID}
	case plan.Stage:
		s.ClientID = d.Key.ClientID
		return s
	default:
		return s
	}
}

func parkedInMind(_ *plan.Desired, o *plan.Observed) {
	if o.Ledger.Old != nil {
		o.Ledger.Parked = true
	}
}

func onlyOneAtTheEnd(d *plan.Desired, o *plan.Observed) {
	if d.Deleting {
		d.Rotation.Strategy, o.Ledger.Old = "", nil
	}
}
