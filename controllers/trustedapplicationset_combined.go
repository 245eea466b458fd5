package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/fleet"
	"trustedapps.dev/operator/internal/output"
)

// combinePause is the time between two writes of one combined Secret: it may be large, and many instances may rotate at the same time.
const combinePause = time.Second

// combinations are what is known of combined Secrets, by their sets. Nothing is lost with it but some reads.
type combinations struct {
	mu   sync.Mutex
	sets map[types.NamespacedName]combination
}

// combination is how the Secret of a set was left: last is of the time wrote, and in the pause after it newer than the cache.
type combination struct {
	uid    types.UID
	memory output.Memory
	last   output.Combined
	wrote  time.Time
}

func (c *combinations) of(set *v1alpha1.TrustedApplicationSet) combination {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.sets[client.ObjectKeyFromObject(set)]; known.uid == set.UID {
		return known
	}
	return combination{uid: set.UID}
}

func (c *combinations) note(set *v1alpha1.TrustedApplicationSet, known combination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sets == nil {
		c.sets = map[types.NamespacedName]combination{}
	}
	c.sets[client.ObjectKeyFromObject(set)] = known
}

func (c *combinations) forget(set types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sets, set)
}

// combines says whether a set has, or asks for, a combined Secret.
func combines(set *v1alpha1.TrustedApplicationSet) bool {
	return set.Spec.CombinedSecret != nil || set.Status.CombinedSecret != nil
}

// combine keeps the combined Secret of a set. again is when to look again where nobody will wake the set.
func (r *TrustedApplicationSetReconciler) combine(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet,
) (now fleet.Combined, again time.Duration, err error) {
	if !combines(set) {
		return fleet.Combined{}, 0, nil
	}
	former := fleet.Combined{}
	if s := set.Status.CombinedSecret; s != nil {
		former.Name, former.Instances = s.Name, int(s.Instances)
	}
	permitted, remedy, known := r.Published.Permitted(set.Namespace)
	if !permitted {
		if known {
			former.Reason, former.Message = v1alpha1.ReasonNamespaceNotPermitted, remedy
		}
		return former, 0, nil // the answer wakes this set
	}
	now, again, err = r.gather(ctx, set)
	if err == nil {
		return now, again, nil
	}
	if apierrors.IsForbidden(err) {
		r.Published.Forbidden(ctx, set.Namespace)
		if permitted, remedy, _ := r.Published.Permitted(set.Namespace); !permitted {
			former.Reason, former.Message = v1alpha1.ReasonNamespaceNotPermitted, remedy
			return former, 0, nil
		}
	}
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		former.Reason, former.Message = v1alpha1.ReasonWriteFailed, err.Error()
	}
	if errors.Is(err, errNotWatched) { // the permission was taken just now
		return former, gathering, nil
	}
	return former, 0, err
}

// gather finds what the applications of a set publish, and makes the combined Secret of it.
func (r *TrustedApplicationSetReconciler) gather(
	ctx context.Context, set *v1alpha1.TrustedApplicationSet,
) (now fleet.Combined, again time.Duration, err error) {
	applications, err := r.applications(ctx, set)
	if err != nil {
		return now, 0, err
	}
	publishers := fleet.Publishers(set, applications)
	known := r.combined.of(set)
	c := output.Combination{
		Set:    output.Set{Namespace: set.Namespace, Name: set.Name, UID: set.UID, SecretName: fleet.CombinedName(set)},
		Memory: known.memory,
	}
	if c.Seen, err = r.Published.Controlled(ctx, set.Namespace, set.UID); err != nil {
		return now, 0, err
	}
	for _, app := range publishers {
		published, err := r.published(ctx, app)
		if err != nil {
			return now, 0, err
		}
		if published != nil {
			c.Sources = append(c.Sources, output.Source{
				Server: app.Spec.IdentityServerRef.Name, Secret: published.Name, Owner: app.UID, Version: published.ResourceVersion,
			})
		}
	}
	have, rests := c.Look()
	now = combinedAs(have)
	if by := fleet.Clash(set, publishers); by != "" {
		now.Reason = v1alpha1.ReasonSecretConflict
		now.Message = fmt.Sprintf("the Secret %s is that of the TrustedApplication %s of this set: choose another name in spec.combinedSecret.name",
			c.Set.SecretName, by)
		return now, 0, nil
	}
	if rests {
		return now, 0, nil
	}
	if pause := time.Until(known.wrote.Add(combinePause)); pause > 0 {
		return combinedAs(known.last), pause, nil
	}
	if have, err = r.Outputs.Combine(ctx, c); err != nil {
		return now, 0, err
	}
	known.memory = have.Memory
	if have.Wrote {
		known.last, known.wrote = have, time.Now()
		log.FromContext(ctx).Info("wrote the Secret with a file for each instance", "secret", have.Name, "instances", len(have.Servers))
	}
	r.combined.note(set, known)
	now, again = judged(combinedAs(have), have, c.Set.SecretName)
	return now, again, nil
}

// published is the metadata of the Secret that is published for an application; nil where there is none.
func (r *TrustedApplicationSetReconciler) published(ctx context.Context, app *v1alpha1.TrustedApplication) (*metav1.PartialObjectMetadata, error) {
	all, err := r.Published.Controlled(ctx, app.Namespace, app.UID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == desired.SecretName(app) {
			return &all[i], nil
		}
	}
	return nil, nil
}

// combinedAs is what the set tells of a combined Secret.
func combinedAs(c output.Combined) fleet.Combined {
	return fleet.Combined{Name: c.Name, Instances: len(c.Servers), Files: append([]string{}, c.Servers...)}
}

// judged adds what a person has to do, which is looked at again after a while.
func judged(now fleet.Combined, c output.Combined, name string) (fleet.Combined, time.Duration) {
	switch {
	case c.Taken:
		now.Reason = v1alpha1.ReasonSecretConflict
		now.Message = fmt.Sprintf("the Secret %s exists and is not of this set: it was neither read nor changed; delete it, or choose another name in "+
			"spec.combinedSecret.name", name)
		return now, patience(v1alpha1.ReasonSecretConflict)
	case c.Size > 0:
		now.Reason = v1alpha1.ReasonSecretTooLarge
		now.Message = fmt.Sprintf("what the instances published, %d bytes with names, does not fit into one Secret of 1 MiB, so the Secret %s stays as "+
			"it was: divide the servers among several sets, publish less by spec.template.spec.credentials.template, or take spec.combinedSecret away",
			c.Size, name)
	}
	return now, 0
}
