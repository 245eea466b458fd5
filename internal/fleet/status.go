package fleet

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// reason is why a set is as it is, once the decision is carried out.
func (f *fleet) reason(stopped bool, d Decision) string {
	one := func(is func(*instance) bool) bool { return slices.ContainsFunc(f.instances, is) }
	switch {
	case stopped:
		return v1alpha1.ReasonRolloutStopped
	case f.leaving+len(d.Delete)+len(d.Create)+len(d.Update) > 0, one((*instance).underWay), f.pending():
		return v1alpha1.ReasonProgressing
	case f.secret.Reason != "":
		return f.secret.Reason
	case one((*instance).person):
		return v1alpha1.ReasonInstancesFailing
	case one(func(i *instance) bool { return i.state != settled }):
		return v1alpha1.ReasonInstancesNotReady
	}
	return v1alpha1.ReasonReady
}

// underWay says whether the instance is expected to be well soon.
func (i *instance) underWay() bool {
	return i.state == ending || i.state == joining || i.state == changing
}

// status is what the set tells.
func (f *fleet) status(reason string) v1alpha1.TrustedApplicationSetStatus {
	s := *f.set.Status.DeepCopy()
	s.ObservedGeneration, s.Servers, s.Ready, s.Updated = f.set.Generation, count(len(f.instances)), 0, 0
	var failing []v1alpha1.FailingInstance
	for _, i := range f.instances {
		if i.have != nil && ready(i.have) {
			s.Ready++
		}
		if i.want != nil && i.have != nil && i.state > ending {
			s.Updated++
		}
		if p := i.problem(); p != nil {
			failing = append(failing, *p)
		}
	}
	s.Instances = fmt.Sprintf("%d/%d", s.Ready, s.Servers)
	s.Failed, s.Failing = count(len(failing)), failing[:min(len(failing), v1alpha1.MaxFailing)]
	if len(failing) == 0 {
		s.Failing = nil
	}
	f.conditions(&s, reason, f.message(reason, s))
	f.combined(&s)
	return s
}

func count(n int) int32 { return int32(min(n, 1<<30)) } //nolint:gosec // bounded

// message says what people need to know, and to do.
func (f *fleet) message(reason string, s v1alpha1.TrustedApplicationSetStatus) string {
	ready := fmt.Sprintf("%d of %d TrustedApplications are Ready", s.Ready, s.Servers)
	updated := fmt.Sprintf("%d of %d TrustedApplications are as the template asks", s.Updated, s.Servers)
	switch reason {
	case v1alpha1.ReasonEmptySelection:
		return "no IdentityServer is selected, so nothing is made, changed or deleted: correct spec.servers or the labels of the servers; " +
			"if no TrustedApplication is wanted any more, set spec.emptySelection to Delete"
	case v1alpha1.ReasonRolloutStopped:
		return updated + ", and no further one is changed, because one that was changed failed: " + named(f.those((*instance).stops)) +
			". The roll-out goes on when that is mended, or when the template changes (back, or to a better one); " +
			"spec.rollout.onFailure Continue leaves such ones behind"
	case v1alpha1.ReasonProgressing:
		told := ready + ", " + updated
		switch {
		case f.held() && slices.ContainsFunc(f.instances, (*instance).outdated):
			told += "; no further one is changed before these are Ready: " + named(f.those((*instance).holds))
		case len(s.Failing) > 0:
			told += "; failing: " + named(s.Failing, int(s.Failed))
		}
		if f.pending() {
			told += "; " + f.awaited()
		}
		return told
	case v1alpha1.ReasonInstancesFailing:
		return ready + "; somebody has to mend: " + named(s.Failing, int(s.Failed))
	case v1alpha1.ReasonInstancesNotReady:
		return ready + "; waiting for: " + named(s.Failing, int(s.Failed))
	case f.secret.Reason:
		return ready + "; " + f.secret.Message
	}
	return ready
}

// those are the problems of some instances, and their number.
func (f *fleet) those(some func(*instance) bool) (all []v1alpha1.FailingInstance, of int) {
	for _, i := range f.instances {
		if some(i) {
			all = append(all, *i.problem())
		}
	}
	return all, len(all)
}

// maxNamed is the number of instances that a message names.
const maxNamed = 5

// named names the first few of a number of instances, with what is wrong. What to do is in status.failing.
func named(all []v1alpha1.FailingInstance, of int) string {
	var names []string
	for _, f := range all[:min(len(all), maxNamed)] {
		names = append(names, fmt.Sprintf("%s at the IdentityServer %s (%s)", f.Application, f.Server, f.Reason))
	}
	if over := of - maxNamed; over > 0 {
		names = append(names, fmt.Sprintf("and %d more", over))
	}
	return strings.Join(names, ", ") + "; see status.failing"
}

// conditions sets Ready, and Reconciling or Stalled while they hold.
func (f *fleet) conditions(s *v1alpha1.TrustedApplicationSetStatus, reason, message string) {
	ready := reason == v1alpha1.ReasonReady
	stalled := reason == v1alpha1.ReasonEmptySelection || reason == v1alpha1.ReasonRolloutStopped || reason == v1alpha1.ReasonInstancesFailing ||
		f.secret.stalled() && reason == f.secret.Reason
	for _, c := range []struct {
		kind          string
		holds, always bool
	}{
		{v1alpha1.ConditionReady, ready, true},
		{v1alpha1.ConditionReconciling, !ready && !stalled, false},
		{v1alpha1.ConditionStalled, stalled, false},
	} {
		if !c.holds && !c.always {
			meta.RemoveStatusCondition(&s.Conditions, c.kind)
			continue
		}
		status := metav1.ConditionFalse
		if c.holds {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{
			Type: c.kind, Status: status, Reason: reason, Message: message, ObservedGeneration: f.set.Generation, LastTransitionTime: f.now,
		})
	}
}

// maxMessage is the longest message of a FailingInstance.
const maxMessage = 1024

// clip cuts a message that is too long between two characters.
func clip(s string) string {
	if len(s) > maxMessage {
		return strings.ToValidUTF8(s[:maxMessage-3], "") + "..."
	}
	return s
}
