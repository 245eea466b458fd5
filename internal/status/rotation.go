package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/plan"
)

// rotation says how old the credential is and when it is replaced; nil where there is none.
func rotation(d plan.Desired, o plan.Observed) *v1alpha1.RotationStatus {
	newest := o.Ledger.Newest()
	if newest == nil || !d.Confidential() {
		return nil
	}
	return &v1alpha1.RotationStatus{
		Strategy: d.Rotation.Strategy, Phase: Phase(o),
		LastTime: moment(o.Ledger.RotatedAt), NextTime: moment(plan.NextRotation(d, o)),
		HandledRotate: o.Ledger.Handled.Rotate, HandledRevoke: o.Ledger.Handled.Revoke,
	}
}

// Phase says where the credential is in its life.
func Phase(o plan.Observed) v1alpha1.RotationPhase {
	l := o.Ledger
	switch {
	case l.Next != nil && l.Current != nil:
		return v1alpha1.RotationSwitching
	case l.Announced != nil:
		return v1alpha1.RotationAnnounced
	case l.Old != nil && !l.Parked:
		return v1alpha1.RotationGrace
	case o.Spaced != nil:
		return v1alpha1.RotationQueued
	}
	return v1alpha1.RotationIdle
}

// moment is a time as a status holds it: in seconds, so that it is the same after it was stored.
func moment(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewTime(t.Truncate(time.Second))
	return &m
}
