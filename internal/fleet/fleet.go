// Package fleet decides what becomes of the TrustedApplications of a TrustedApplicationSet: which are made, changed and deleted now, and what the
// set tells about them. It is pure.
package fleet

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Observed is what there is.
type Observed struct {
	// Servers are all IdentityServers of the cluster, and Applications all TrustedApplications of the namespace of the set. Neither is changed.
	Servers      []v1alpha1.IdentityServer
	Applications []v1alpha1.TrustedApplication
	// Refused says of an application that the template makes what the API server says against it; "" where it has nothing.
	Refused func(want *v1alpha1.TrustedApplication) string
	// Combined is how the combined Secret is.
	Combined Combined
}

// Decision is what to do, and what to tell about it. Whoever did it decides again, until there is nothing to do.
type Decision struct {
	Create, Delete []*v1alpha1.TrustedApplication
	Update         []Change
	Status         v1alpha1.TrustedApplicationSetStatus
	// Wake is when a deadline ends; zero where none runs.
	Wake time.Time
}

// Change is an application as it is, and as it is to be.
type Change struct{ From, To *v1alpha1.TrustedApplication }

// Next decides about a set that is not being deleted.
func Next(set *v1alpha1.TrustedApplicationSet, o Observed, now time.Time) Decision {
	f := gather(set, o, now)
	d := Decision{}
	if f.emptied {
		d.Status = f.status(v1alpha1.ReasonEmptySelection)
		return d
	}
	d.Delete = f.deselected
	for _, i := range f.instances {
		if i.have == nil && i.want != nil && i.trouble == nil {
			d.Create = append(d.Create, i.want)
		}
	}
	stopped := f.stopped()
	if !stopped {
		d.Update = f.turn(now)
	}
	d.Wake = f.wake(now)
	d.Status = f.status(f.reason(stopped, d))
	return d
}

// fleet is a set and its instances, by the names of their servers.
type fleet struct {
	set       *v1alpha1.TrustedApplicationSet
	instances []*instance
	// deselected are applications of the set at servers that are not selected any more, and leaving those that are being deleted as well.
	deselected []*v1alpha1.TrustedApplication
	leaving    int
	// emptied says that no server is selected, which is more likely a mistake than meant.
	emptied bool
	// secret is the combined Secret, and missing the number of those that published and have no file in it yet.
	secret  Combined
	missing int
	now     metav1.Time
}

// gather finds the instances of a set.
func gather(set *v1alpha1.TrustedApplicationSet, o Observed, now time.Time) *fleet {
	f := &fleet{set: set, secret: o.Combined, now: metav1.NewTime(now)}
	named := make(map[string]*v1alpha1.TrustedApplication, len(o.Applications))
	for i := range o.Applications {
		named[o.Applications[i].Name] = &o.Applications[i]
	}
	selected := map[string]bool{}
	for _, s := range selection(set.Spec.Servers, o.Servers) {
		i := newInstance(set, s, named[Name(set.Name, s.name)], o.Refused, now)
		f.instances = append(f.instances, i)
		selected[i.name] = true
	}
	for i := range o.Applications {
		app := &o.Applications[i]
		switch {
		case !Owns(set, app) || selected[app.Name]:
		case app.DeletionTimestamp.IsZero():
			f.deselected = append(f.deselected, app)
		default:
			f.leaving++
		}
	}
	slices.SortFunc(f.deselected, func(a, b *v1alpha1.TrustedApplication) int { return strings.Compare(a.Name, b.Name) })
	if CombinedName(set) != "" {
		f.missing = f.secret.missing(Publishers(set, o.Applications))
	}
	f.emptied = len(f.instances) == 0 && set.Spec.EmptySelection != v1alpha1.EmptyDelete
	return f
}

// stopped says whether the roll-out of a change has to wait for a person: something is left to change, and one that was changed failed.
func (f *fleet) stopped() bool {
	if rollout(f.set).OnFailure == v1alpha1.FailureContinue || !slices.ContainsFunc(f.instances, (*instance).outdated) {
		return false
	}
	return slices.ContainsFunc(f.instances, (*instance).stops)
}

// held says whether the next ones wait for one that was changed and is in trouble, and has time left to get out of it.
func (f *fleet) held() bool {
	return rollout(f.set).OnFailure != v1alpha1.FailureContinue && slices.ContainsFunc(f.instances, (*instance).holds)
}

// turn are the applications that are changed now: the next ones by the names of their servers, so many that with those which were changed and are
// not Ready yet they are not more than may be unavailable.
func (f *fleet) turn(now time.Time) []Change {
	if f.held() {
		return nil
	}
	room := unavailable(rollout(f.set), len(f.instances))
	for _, i := range f.instances {
		if i.state == changing {
			room--
		}
	}
	var next []Change
	for _, i := range f.instances {
		if room <= 0 {
			break
		}
		if i.outdated() && i.trouble == nil {
			next = append(next, Change{From: i.have, To: i.changed(now)})
			room--
		}
	}
	return next
}

// rollout is how changes are rolled out; what is not said is as the schema fills it in.
func rollout(set *v1alpha1.TrustedApplicationSet) v1alpha1.RolloutSpec {
	if set.Spec.Rollout == nil {
		return v1alpha1.RolloutSpec{}
	}
	return *set.Spec.Rollout
}

// unavailable is the number of applications that may be changed and not Ready at one time.
func unavailable(r v1alpha1.RolloutSpec, of int) int {
	most := intstr.FromString("10%")
	if r.MaxUnavailable != nil {
		most = *r.MaxUnavailable
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(&most, of, false)
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// wake is when the next deadline ends.
func (f *fleet) wake(now time.Time) time.Time {
	var next time.Time
	for _, i := range f.instances {
		if (i.state == changing || i.state == joining) && i.deadline.After(now) && (next.IsZero() || i.deadline.Before(next)) {
			next = i.deadline
		}
	}
	return next
}
