package explorer

import (
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
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
		name: "a registration of somebody else takes a turn", profile: clientChosen, strategy: v1alpha1.RotationAlternate, budget: Budget{0, 2},
		next: believing(own),
	},
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
