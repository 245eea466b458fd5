package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
)

// refusalPatience is the time between two attempts to write the same application that the API server refused: what it looks at beside the
// application may have changed.
const refusalPatience = time.Minute

// refusals are the applications of sets that the API server refused to write, so that each set asks once and not at every event.
type refusals struct {
	mu   sync.Mutex
	sets map[types.NamespacedName]map[string]refusal
}

// refusal is what was refused, and why.
type refusal struct {
	want    *v1alpha1.TrustedApplication
	message string
	until   time.Time
}

// note remembers that an application of a set was refused, and says whether err is such a refusal.
func (r *refusals) note(set types.NamespacedName, want *v1alpha1.TrustedApplication, err error, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) && !apierrors.IsBadRequest(err) {
		if err == nil {
			delete(r.sets[set], want.Name)
		}
		return false
	}
	if r.sets == nil {
		r.sets = map[types.NamespacedName]map[string]refusal{}
	}
	if r.sets[set] == nil {
		r.sets[set] = map[string]refusal{}
	}
	r.sets[set][want.Name] = refusal{want: want, message: says(err), until: now.Add(refusalPatience)}
	return true
}

// of tells why an application of a set was refused; "" where it may be tried.
func (r *refusals) of(set types.NamespacedName, now time.Time) func(want *v1alpha1.TrustedApplication) string {
	return func(want *v1alpha1.TrustedApplication) string {
		r.mu.Lock()
		defer r.mu.Unlock()
		known, ok := r.sets[set][want.Name]
		if !ok || !now.Before(known.until) || !equality.Semantic.DeepEqual(known.want.Spec, want.Spec) ||
			!holds(known.want.Labels, want.Labels) || !holds(known.want.Annotations, want.Annotations) {
			return ""
		}
		return known.message
	}
}

// holds says whether all of some labels or annotations are among others.
func holds(all, some map[string]string) bool {
	for key, value := range some {
		if got, ok := all[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// next is the time until the first refusal of a set is over; 0 where there is none.
func (r *refusals) next(set types.NamespacedName, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first time.Duration
	for name, known := range r.sets[set] {
		left := known.until.Sub(now)
		if left <= 0 { // it was not tried again: nobody wants it any more
			delete(r.sets[set], name)
			continue
		}
		if left = max(left, gathering); first == 0 || left < first {
			first = left
		}
	}
	return first
}

func (r *refusals) forget(set types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sets, set)
}
