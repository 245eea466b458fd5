package output

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// Store reads and writes published objects.
type Store struct {
	// Writer writes them.
	Writer client.Writer
	// Live reads them, and metadata, from the apiserver itself.
	Live client.Reader
	// Metadata lists metadata only, and may be a cache: what it lists is confirmed by Live, and what it does not list yet is
	// found by the event that fills it.
	Metadata client.Reader
}

// Objects are the published objects of one application, for one run: what was read is known until it is written. Whoever changes it meanwhile
// makes the write a conflict, or wakes the application for another run. It is not safe for concurrent use.
type Objects struct {
	store  *Store
	app    App
	server idserver.Info
	// known is what was read, by kind.
	known map[string]*sight
}

// sight is what was read of a kind of object.
type sight struct {
	// have is our object in its place; nil where there is none, or somebody else's, which is taken.
	have  client.Object
	taken bool
	// stale are the objects that are ours and not in their place any more.
	stale []metav1.PartialObjectMetadata
}

// Objects gives access to the objects of one application. server may be the zero Info where it is not known; nothing can be published
// then.
func (s *Store) Objects(app App, server idserver.Info) *Objects {
	return &Objects{store: s, app: app, server: server, known: map[string]*sight{}}
}

// slot is the place of one object to publish. It serves one call only.
type slot struct {
	kind string
	// name is empty where there is to be no such object.
	name string
	// want is nil where it cannot be rendered (yet).
	want client.Object
	// have is an object to read into.
	have client.Object
}

func (o *Objects) slots(rec ledger.Record) []slot {
	secret := slot{kind: "Secret", name: o.app.SecretName, have: &corev1.Secret{}}
	configMap := slot{kind: "ConfigMap", name: o.app.ConfigMapName, have: &corev1.ConfigMap{}}
	rendered, _ := Render(o.app, o.server, rec) // a Secret that cannot be rendered is told by Observe
	if rendered.Secret != nil {
		secret.want = rendered.Secret
	}
	if rendered.ConfigMap != nil {
		configMap.want = rendered.ConfigMap
	}
	return []slot{secret, configMap}
}

// Observe compares what is published with what the record says. Of an object that is not ours only the metadata is read.
func (o *Objects) Observe(ctx context.Context, rec ledger.Record) (plan.Output, error) {
	var out plan.Output
	slots := o.slots(rec)
	for i, state := range []*plan.ObjectState{&out.Secret, &out.ConfigMap} {
		seen, err := o.look(ctx, slots[i])
		if err != nil {
			return plan.Output{}, err
		}
		have := seen.have
		*state = stateOf(slots[i], have, seen.taken)
		if secret, ok := have.(*corev1.Secret); ok && len(rec.Credentials()) == 0 {
			out.Held = held(secret)
		}
		if have != nil && ours(have, o.app.UID) {
			out.Any = true
			out.Revisions = append(out.Revisions, have.GetAnnotations()[v1alpha1.RevisionAnnotation])
		}
		for _, s := range seen.stale {
			out.Any, out.Stale = true, true
			out.Revisions = append(out.Revisions, s.GetAnnotations()[v1alpha1.RevisionAnnotation])
		}
	}
	out.TemplateProblem = o.templateProblem(rec)
	if out.Held == nil && len(rec.Credentials()) == 0 && o.app.Adopts {
		held, problem, err := o.offered(ctx)
		if err != nil {
			return plan.Output{}, err
		}
		out.Held, out.Offered, out.OfferProblem = held, held != nil, problem
	}
	return out, nil
}

// offered reads the credential of a registration to adopt, out of the Secret that is labelled for it. problem is why there is none although
// such a Secret exists.
func (o *Objects) offered(ctx context.Context) (held *plan.Held, problem string, err error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	label := client.MatchingLabels{v1alpha1.AdoptForLabel: o.app.Name}
	if err := o.store.Live.List(ctx, &list, client.InNamespace(o.app.Namespace), label); err != nil {
		return nil, "", fmt.Errorf("listing the metadata of Secrets in %s: %w", o.app.Namespace, err)
	}
	switch len(list.Items) {
	case 0:
		return nil, "", nil
	case 1:
	default:
		return nil, "several Secrets of the namespace carry it", nil
	}
	var secret corev1.Secret
	if err := o.store.Live.Get(ctx, client.ObjectKeyFromObject(&list.Items[0]), &secret); err != nil {
		return nil, "", o.failing("reading", "Secret", list.Items[0].Name, client.IgnoreNotFound(err))
	}
	id, value := entry(&secret, v1alpha1.KeyClientID), entry(&secret, v1alpha1.KeyClientSecret)
	switch {
	case len(value) == 0:
		return nil, "it has no client_secret", nil
	case len(id) > 0 && string(id) != o.app.ClientID:
		return nil, "its client_id is not the applicationUri of this application", nil
	}
	c := ledger.Credential{ID: ledger.NewID()}
	c.ClientID, c.Secret = o.app.ClientID, idserver.Secret(value)
	return &plan.Held{Credential: c}, "", nil
}

// entry reads an entry of a Secret that somebody else wrote: by our name for it, or by that of an environment variable, as Ory's hydra-maester
// and many people name it.
func entry(secret *corev1.Secret, name string) []byte {
	if value, ok := secret.Data[name]; ok {
		return value
	}
	return secret.Data[strings.ToUpper(name)]
}

// held reads the credential out of a published Secret; nil where there is none, or not in the form that was published.
func held(secret *corev1.Secret) *plan.Held {
	id, staged, ok := ledger.ParseRevision(secret.Annotations[v1alpha1.RevisionAnnotation])
	c := ledger.Credential{ID: id}
	c.ClientID = string(secret.Data[v1alpha1.KeyClientID])
	c.Secret, c.Key = idserver.Secret(secret.Data[v1alpha1.KeyClientSecret]), idserver.Secret(secret.Data[v1alpha1.KeyPrivateKeyJWK])
	var err error
	if c.Key != "" {
		c.Secret = ""
		c.PublicKey, err = idserver.PublicKey(c.Key)
	}
	if !ok || c.Proof() == "" || err != nil {
		return nil
	}
	issuedAt, err := time.Parse(time.RFC3339, secret.Annotations[v1alpha1.IssuedAtAnnotation])
	if err != nil {
		issuedAt = time.Time{}
	}
	return &plan.Held{Credential: c, Staged: staged, IssuedAt: issuedAt}
}

func stateOf(s slot, have client.Object, taken bool) plan.ObjectState {
	switch {
	case s.name == "":
		return plan.Unneeded
	case taken:
		return plan.Foreign
	case have == nil:
		return plan.Missing
	case s.want != nil && matches(have, s.want):
		return plan.Matches
	}
	return plan.Differs
}

// Versions are those of the objects that are ours, by kind and name, as far as they were read or written.
func (o *Objects) Versions() map[string]string {
	versions := map[string]string{}
	for kind, seen := range o.known {
		if seen.have != nil {
			versions[kind+"/"+seen.have.GetName()] = seen.have.GetResourceVersion()
		}
		for _, s := range seen.stale {
			versions[kind+"/"+s.Name] = s.ResourceVersion
		}
	}
	return versions
}

// look reads what there is of a kind, once.
func (o *Objects) look(ctx context.Context, s slot) (*sight, error) {
	if seen := o.known[s.kind]; seen != nil {
		return seen, nil
	}
	have, taken, err := o.read(ctx, s)
	if err != nil {
		return nil, err
	}
	stale, err := o.stale(ctx, s)
	if err != nil {
		return nil, err
	}
	seen := &sight{have: have, taken: taken, stale: stale}
	o.known[s.kind] = seen
	return seen, nil
}

// read reads our object in its place; nil where there is none. taken says that somebody else's is there, which is not read.
func (o *Objects) read(ctx context.Context, s slot) (have client.Object, taken bool, err error) {
	if s.name == "" {
		return nil, false, nil
	}
	found, err := o.metadata(ctx, s.kind, s.name)
	if err != nil || found == nil {
		return nil, false, err
	}
	if !ours(found, o.app.UID) && !left(found, o.app) {
		return nil, true, nil
	}
	err = o.store.Live.Get(ctx, client.ObjectKey{Namespace: o.app.Namespace, Name: s.name}, s.have)
	switch {
	case apierrors.IsNotFound(err):
		return nil, false, nil
	case err != nil:
		return nil, false, o.failing("reading", s.kind, s.name, err)
	case !ours(s.have, o.app.UID) && !left(s.have, o.app): // it changed hands between the two reads
		return nil, true, nil
	}
	return s.have, false, nil
}

// stale finds the objects of a kind that are ours and not in their place any more.
func (o *Objects) stale(ctx context.Context, s slot) ([]metav1.PartialObjectMetadata, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(s.kind + "List"))
	err := o.store.Metadata.List(ctx, &list, client.InNamespace(o.app.Namespace),
		client.MatchingLabels{v1alpha1.ApplicationUIDLabel: string(o.app.UID)})
	if err != nil {
		return nil, fmt.Errorf("listing the metadata of %ss in %s: %w", s.kind, o.app.Namespace, err)
	}
	var stale []metav1.PartialObjectMetadata
	for _, listed := range list.Items {
		if listed.Name == s.name {
			continue
		}
		found, err := o.metadata(ctx, s.kind, listed.Name)
		if err != nil {
			return nil, err
		}
		if found != nil && ours(found, o.app.UID) {
			stale = append(stale, *found)
		}
	}
	return stale, nil
}

// metadata reads the metadata of an object, whoever's it is; nil where there is none.
func (o *Objects) metadata(ctx context.Context, kind, name string) (*metav1.PartialObjectMetadata, error) {
	var found metav1.PartialObjectMetadata
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	err := o.store.Live.Get(ctx, types.NamespacedName{Namespace: o.app.Namespace, Name: name}, &found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, o.failing("reading the metadata of", kind, name, err)
	}
	return &found, nil
}

// failing says which object an error is about.
func (o *Objects) failing(doing, kind, name string, err error) error {
	return fmt.Errorf("%s the %s %s/%s: %w", doing, kind, o.app.Namespace, name, err)
}
