package output

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/internal/idserver"
)

// Combine makes the combined Secret of a set as its sources are, then deletes those that are not in their place any more. It reads what it has to, and
// writes nothing that is so already.
func (s *Store) Combine(ctx context.Context, c Combination) (Combined, error) {
	now, rests := c.Look()
	if rests {
		return now, nil
	}
	if c.Memory.Unfit != "" && c.Memory.Unfit == listed(versions(c.Sources)) {
		now.Size = c.Memory.Size
		return now, nil
	}
	// What owns the objects is a set here.
	o := s.Objects(App{Namespace: c.Set.Namespace, UID: c.Set.UID}, idserver.Info{})
	if c.Set.SecretName != "" {
		var err error
		if now, err = o.combine(ctx, c, now); err != nil || now.Taken || now.Size > 0 {
			return now, err
		}
	}
	for i := range c.Seen {
		former := &c.Seen[i]
		if former.Name == c.Set.SecretName {
			continue
		}
		if err := o.delete(ctx, "Secret", former); err != nil {
			return now, err
		}
		if now.Name == former.Name {
			now.Name, now.Servers = "", nil
		}
	}
	return now, nil
}

// combine writes the combined Secret if it is not as its sources are.
func (o *Objects) combine(ctx context.Context, c Combination, now Combined) (Combined, error) {
	place := slot{kind: "Secret", name: c.Set.SecretName, have: &corev1.Secret{}}
	have, taken, err := o.combined(ctx, c, place)
	if err != nil || taken {
		now.Taken = taken
		return now, err
	}
	files, from, err := o.files(ctx, c, have)
	if err != nil {
		return now, err
	}
	if have == nil && len(files) == 0 {
		return now, nil
	}
	if n := size(files); n > corev1.MaxSecretSize {
		now.Size, now.Memory = n, Memory{Intact: c.Memory.Intact, Unfit: listed(versions(c.Sources)), Size: n}
		return now, nil
	}
	want := c.Set.render(files, from)
	place.want = want
	seen := &sight{}
	if have != nil {
		seen.have = have
	}
	now.Wrote = have == nil || !matches(have, want)
	if err := o.put(ctx, place, seen); err != nil {
		return now, err
	}
	now.Name, now.Servers = want.Name, servers(want)
	now.Memory = Memory{Intact: seen.have.GetResourceVersion()}
	return now, nil
}

// combined reads the combined Secret in its place; nil where there is none. taken says that somebody else's is there. Metadata that shows it as the
// set's saves a request; what the cache does not show may be there without its label.
func (o *Objects) combined(ctx context.Context, c Combination, place slot) (have *corev1.Secret, taken bool, err error) {
	for i := range c.Seen {
		if c.Seen[i].Name != place.name {
			continue
		}
		secret := &corev1.Secret{}
		err := o.store.Live.Get(ctx, client.ObjectKeyFromObject(&c.Seen[i]), secret)
		switch {
		case apierrors.IsNotFound(err):
			return nil, false, nil
		case err != nil:
			return nil, false, o.failing("reading", place.kind, place.name, err)
		case !ours(secret, c.Set.UID): // it changed hands since
			return nil, true, nil
		}
		return secret, false, nil
	}
	found, taken, err := o.read(ctx, place)
	if secret, ok := found.(*corev1.Secret); ok {
		have = secret
	}
	return have, taken, err
}

// files are those that the combined Secret is to hold, by server, with the versions they are made from. What have holds of a version is taken from
// it, unless somebody else wrote it.
func (o *Objects) files(ctx context.Context, c Combination, have *corev1.Secret) (files map[string][]byte, from map[string]string, err error) {
	var known map[string]string
	if have != nil && intact(have, c.Memory.Intact) {
		known = madeFrom(have)
	}
	files, from = make(map[string][]byte, len(c.Sources)), make(map[string]string, len(c.Sources))
	for _, s := range c.Sources {
		if known[s.Server] == s.Version {
			if file, ok := have.Data[File(s.Server)]; ok {
				files[s.Server], from[s.Server] = file, s.Version
				continue
			}
		}
		secret, err := o.source(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		if secret == nil {
			continue // an event tells when it is back
		}
		if files[s.Server], err = content(secret); err != nil {
			return nil, nil, fmt.Errorf("rendering the file of %s: %w", s.Server, err)
		}
		from[s.Server] = secret.ResourceVersion
	}
	return files, from, nil
}

// source reads what is published for an instance; nil where it is gone, or is not what an application publishes.
func (o *Objects) source(ctx context.Context, s Source) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := o.store.Live.Get(ctx, types.NamespacedName{Namespace: o.app.Namespace, Name: s.Secret}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, o.failing("reading", "Secret", s.Secret, err)
	case !ours(secret, s.Owner) || secret.Type != SecretType:
		return nil, nil
	}
	return secret, nil
}
