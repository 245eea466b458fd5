package fleet

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/template"
)

// state is how the application of an instance is.
type state int

const (
	// absent: there is none.
	absent state = iota
	// old: it is not as the template asks.
	old
	// ending: somebody deletes it; it is made again.
	ending
	// joining: it was made, never changed, and was not Ready in time yet.
	joining
	// changing: it was changed, and is not Ready again yet.
	changing
	// broken: it is as the template asks, and not Ready in time, or needs a person.
	broken
	// settled: it is as the template asks, and Ready.
	settled
)

// instance is a set at one server.
type instance struct {
	server, name string
	// want is the application that the template makes, nil where it makes none, and have what there is, of this set.
	want, have *v1alpha1.TrustedApplication
	// trouble is why want is not written, and who has to see to it.
	trouble  *v1alpha1.FailingInstance
	state    state
	deadline time.Time
}

// newInstance looks at one server. found is what has the name of the application.
func newInstance(
	set *v1alpha1.TrustedApplicationSet, at selected, found *v1alpha1.TrustedApplication, refused func(*v1alpha1.TrustedApplication) string, now time.Time,
) *instance {
	i := &instance{server: at.name, name: Name(set.Name, at.name)}
	switch {
	case found == nil:
	case Owns(set, found):
		i.have = found
	default:
		i.trouble = i.failing(v1alpha1.ReasonNameConflict, fmt.Sprintf("the TrustedApplication %s exists and is not of this set: it was not touched; "+
			"delete or rename it, or rename the set", found.Name))
		return i
	}
	i.render(set, at)
	i.look(set, now)
	if i.trouble == nil && i.state < ending { // it would be written
		if problem := refused(i.want); problem != "" {
			i.trouble = i.failing(v1alpha1.ReasonRefused, problem)
		}
	}
	return i
}

// render makes what the template asks for at the server.
func (i *instance) render(set *v1alpha1.TrustedApplicationSet, at selected) {
	if at.server == nil {
		i.trouble = i.failing(v1alpha1.ReasonServerNotFound, fmt.Sprintf("there is no IdentityServer %[1]s, or it is being deleted: take it from "+
			"spec.servers.names, or have it made", at.name))
		return
	}
	want, err := Render(set, at.server)
	if err != nil {
		message := err.Error()
		if problem, ok := errors.AsType[*template.Error](err); ok {
			message = "spec.template." + problem.Key + ": " + problem.Problem
		}
		i.trouble = i.failing(v1alpha1.ReasonTemplateInvalid, message)
		return
	}
	i.want = want
}

// look finds the state.
func (i *instance) look(set *v1alpha1.TrustedApplicationSet, now time.Time) {
	if i.have == nil {
		i.state = absent
		return
	}
	since, stamped := stamp(i.have)
	i.deadline = since.Add(deadline(rollout(set)))
	current := i.want == nil || matches(i.have, i.want) // what cannot be rendered is left as it is
	switch {
	case !i.have.DeletionTimestamp.IsZero():
		i.state = ending
	case !current:
		i.state = old
	case ready(i.have):
		i.state = settled
	case stalled(i.have), !now.Before(i.deadline):
		i.state = broken
	case stamped:
		i.state = changing
	default:
		i.state = joining
	}
}

// outdated says whether there is something to change.
func (i *instance) outdated() bool { return i.state == old }

// stops says whether the instance speaks against the template: it was changed to it and failed, or the API server refuses the change. One that was
// never changed speaks against nothing but itself.
func (i *instance) stops() bool {
	if i.have == nil {
		return false
	}
	_, stamped := stamp(i.have)
	return i.state == broken && stamped || i.state == old && i.trouble != nil && i.trouble.Reason == v1alpha1.ReasonRefused
}

// troubled says whether an application that may still become Ready in time says itself that something is wrong.
func (i *instance) troubled() bool {
	if i.state != joining && i.state != changing {
		return false
	}
	c := meta.FindStatusCondition(i.have.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.ObservedGeneration == i.have.Generation && c.Status == metav1.ConditionFalse && c.Reason != v1alpha1.ReasonProgressing
}

// holds says whether the next ones wait for this one, as it was changed and something is wrong since.
func (i *instance) holds() bool { return i.state == changing && i.troubled() }

// person says whether somebody has to change something.
func (i *instance) person() bool {
	return i.trouble != nil || i.state == broken && stalled(i.have)
}

// problem is what the status says of an instance at which something is wrong; nil where nothing is, as far as is known.
func (i *instance) problem() *v1alpha1.FailingInstance {
	if i.trouble != nil || i.state != broken && !i.troubled() {
		return i.trouble
	}
	c := meta.FindStatusCondition(i.have.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.Reason == "" || c.ObservedGeneration != i.have.Generation {
		return i.failing(v1alpha1.ReasonNotReady, "nobody looked at it yet: is its IdentityServer in a shard that an operator works on?")
	}
	return i.failing(c.Reason, c.Message)
}

func (i *instance) failing(reason, message string) *v1alpha1.FailingInstance {
	return &v1alpha1.FailingInstance{Server: i.server, Application: i.name, Reason: reason, Message: clip(message)}
}

// ready says whether an application is Ready with its present spec.
func ready(app *v1alpha1.TrustedApplication) bool {
	return app.DeletionTimestamp.IsZero() && says(app, v1alpha1.ConditionReady)
}

// stalled says whether it needs a person with its present spec.
func stalled(app *v1alpha1.TrustedApplication) bool { return says(app, v1alpha1.ConditionStalled) }

func says(app *v1alpha1.TrustedApplication, condition string) bool {
	return app.Status.ObservedGeneration == app.Generation && meta.IsStatusConditionTrue(app.Status.Conditions, condition)
}

// stamp is when the set last wrote an application, and whether it ever changed it.
func stamp(app *v1alpha1.TrustedApplication) (since time.Time, changed bool) {
	text, changed := app.Annotations[v1alpha1.RolledOutAnnotation]
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, true
	}
	return app.CreationTimestamp.Time, changed
}

func deadline(r v1alpha1.RolloutSpec) time.Duration {
	if r.ProgressDeadline == nil {
		return 10 * time.Minute
	}
	return r.ProgressDeadline.Duration
}
