package controllers

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/usage"
)

// uses remembers which workloads use what is published, as it was last looked at. Nothing of them is watched. A nil one never looks: its methods
// say that nothing is known.
type uses struct {
	reader client.Reader
	mu     sync.Mutex
	last   map[types.NamespacedName]sighting
}

// sighting is who uses the Secret of an application. ending: it was looked because the application is being deleted.
type sighting struct {
	uid    types.UID
	secret string
	at     time.Time
	found  usage.Found
	ending bool
}

func newUses(reader client.Reader) *uses {
	return &uses{reader: reader, last: map[types.NamespacedName]sighting{}}
}

// usesPeriod is the least time between two looks for one application, but for the one when its deletion begins.
const usesPeriod = 5 * time.Minute

// look finds out who uses the Secret of an application, if that was not done a moment ago. ok is false where it is not known.
func (u *uses) look(ctx context.Context, app *v1alpha1.TrustedApplication, now time.Time) (found usage.Found, ok bool) {
	if u == nil || app.Status.Binding == nil {
		return usage.Found{}, false
	}
	ending := !app.DeletionTimestamp.IsZero()
	if s, known := u.sighting(app); known && now.Sub(s.at) < usesPeriod && s.ending == ending {
		return s.found, true
	}
	found, err := usage.Of(ctx, u.reader, app.Namespace, app.Status.Binding.Name)
	if err != nil { // it is for people, and disturbs nothing
		log.FromContext(ctx).Info("nobody knows who uses the Secret", keyMessage, err.Error())
		return usage.Found{}, false
	}
	u.note(app, sighting{at: now, found: found, ending: ending})
	return found, true
}

func (u *uses) note(app *v1alpha1.TrustedApplication, s sighting) {
	s.uid, s.secret = app.UID, app.Status.Binding.Name
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last[client.ObjectKeyFromObject(app)] = s
}

// sighting is what is known of the Secret that is published for an application.
func (u *uses) sighting(app *v1alpha1.TrustedApplication) (sighting, bool) {
	if u == nil || app.Status.Binding == nil {
		return sighting{}, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s, known := u.last[client.ObjectKeyFromObject(app)]
	return s, known && s.uid == app.UID && s.secret == app.Status.Binding.Name
}

// lookedAt is when it was last looked for an application; zero where it was not.
func (u *uses) lookedAt(app types.NamespacedName) time.Time {
	if u == nil {
		return time.Time{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last[app].at
}

func (u *uses) forget(app types.NamespacedName) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.last, app)
}

// warnings are those to show; the former ones until it was looked.
func (u *uses) warnings(app *v1alpha1.TrustedApplication) []string {
	if u == nil || app.Status.Binding == nil {
		return nil
	}
	if s, known := u.sighting(app); known {
		return desired.UseWarnings(app, s.secret, s.found)
	}
	return desired.FormerUseWarnings(app)
}

// usedBy is what the next status says of the users of the Secret in binding.
func (u *uses) usedBy(app *v1alpha1.TrustedApplication, binding *v1alpha1.BindingReference) []v1alpha1.SecretUser {
	if u == nil || binding == nil || app.Status.Binding == nil || *binding != *app.Status.Binding {
		return nil
	}
	if s, known := u.sighting(app); known {
		return desired.UsedBy(s.found)
	}
	return app.Status.UsedBy
}

// sweep looks at a namespace for the applications in it, and says whose status tells something else than what it found.
func (u *uses) sweep(ctx context.Context, namespace string, apps []*v1alpha1.TrustedApplication, now time.Time) (news []types.NamespacedName, _ error) {
	var secrets []string
	for _, app := range apps {
		secrets = append(secrets, app.Status.Binding.Name)
	}
	all, err := usage.In(ctx, u.reader, namespace, secrets...)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		secret := app.Status.Binding.Name
		u.note(app, sighting{at: now, found: all[secret]})
		same := reflect.DeepEqual(desired.UsedBy(all[secret]), app.Status.UsedBy) &&
			slices.Equal(desired.UseWarnings(app, secret, all[secret]), desired.FormerUseWarnings(app))
		if !same {
			news = append(news, client.ObjectKeyFromObject(app))
		}
	}
	return news, nil
}

// sweepUses looks, once after each sweep of a server, who uses what is published for its applications, namespace by namespace, and wakes those
// that have to tell something else.
func (r *IdentityServerReconciler) sweepUses(ctx context.Context, server string) {
	if r.Uses == nil || !r.usesDue(server) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var apps v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &apps, client.MatchingFields{serverIndex: server}); err != nil {
		log.FromContext(ctx).Error(err, "listing the applications of the server")
		return
	}
	in := map[string][]*v1alpha1.TrustedApplication{}
	for i := range apps.Items {
		if app := &apps.Items[i]; app.Status.Binding != nil && app.DeletionTimestamp.IsZero() {
			in[app.Namespace] = append(in[app.Namespace], app)
		}
	}
	for namespace, apps := range in {
		news, err := r.Uses.sweep(ctx, namespace, apps, time.Now())
		if err != nil {
			log.FromContext(ctx).Info("nobody knows who uses the Secrets of a namespace; the next sweep looks again", keyMessage, err.Error())
		}
		for _, app := range news {
			r.Wake(app)
		}
	}
}

// usesDue says whether there was a sweep since it was last looked, and that it is looked now.
func (r *IdentityServerReconciler) usesDue(server string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.swept[server]
	if !known || last.uses {
		return false
	}
	last.uses = true
	r.swept[server] = last
	return true
}

// warnStillInUse tells, when an application is being deleted, who uses its Secret. That keeps nothing from going on.
func (r *TrustedApplicationReconciler) warnStillInUse(ctx context.Context, app *v1alpha1.TrustedApplication) {
	if app.DeletionTimestamp.IsZero() || !controllerutil.ContainsFinalizer(app, v1alpha1.Finalizer) {
		return
	}
	before := r.Uses.lookedAt(client.ObjectKeyFromObject(app))
	found, ok := r.Uses.look(ctx, app, time.Now())
	if !ok || r.Uses.lookedAt(client.ObjectKeyFromObject(app)).Equal(before) {
		return
	}
	note := desired.StillInUse(app.Status.Binding.Name, found)
	if note == "" || strings.Contains(strings.Join(app.Status.Warnings, "\n"), note) {
		return
	}
	r.Recorder.Eventf(app, nil, corev1.EventTypeWarning, "StillInUse", "Deregister", "%s", clip(note))
	log.FromContext(ctx).Info(note, keyReason, "StillInUse")
}

// warnRestartNeeded tells, when a rotation came to its end, who goes on with the former credential. It also looks when one begins, so that the
// status is right by then.
func (r *TrustedApplicationReconciler) warnRestartNeeded(ctx context.Context, app *v1alpha1.TrustedApplication, trace []plan.Step) {
	rotated := slices.Contains(trace, plan.Step(plan.Promote{}))
	if !rotated && !slices.Contains(trace, plan.Step(plan.Announce{})) {
		return
	}
	found, ok := r.Uses.look(ctx, app, time.Now())
	if !ok || !rotated {
		return
	}
	if note := desired.RestartNeeded(app, app.Status.Binding.Name, found); note != "" {
		r.Recorder.Eventf(app, nil, corev1.EventTypeWarning, "RestartNeeded", "Rotate", "%s", clip(note))
		log.FromContext(ctx).Info(note, keyReason, "RestartNeeded")
	}
}
