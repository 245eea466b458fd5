package output

import (
	"context"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

var _ execute.Outputs = (*Objects)(nil)

func TestPublishThenNothingMore(t *testing.T) {
	f := newFixture(t)
	f.Expect(f.observe(hybrid)).To(Equal(plan.Output{Secret: plan.Missing, ConfigMap: plan.Missing}))
	f.publish(hybrid)
	f.Expect(f.api.writes).To(Equal(2))
	f.Expect(f.secret().Data).To(HaveKeyWithValue("client_secret", []byte(canary)))

	revision := f.rec.Revision()
	f.Expect(f.observe(hybrid)).To(Equal(plan.Output{
		Secret: plan.Matches, ConfigMap: plan.Matches, Revisions: []string{revision, revision}, Any: true,
	}))
	f.publish(hybrid)
	f.Expect(f.api.writes).To(Equal(2), "nothing is written when it matches")

	f.rec.Target = "t2"
	f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Differs), "another revision")
	f.publish(hybrid)
	f.Expect(f.secret().Annotations).To(HaveKeyWithValue(v1alpha1.RevisionAnnotation, f.rec.Revision()))
}

func TestEditsByHand(t *testing.T) {
	for name, c := range map[string]struct {
		edit     func(*corev1.Secret)
		restored bool
	}{
		"data edited":         {func(s *corev1.Secret) { s.Data["client_secret"] = []byte("x") }, true},
		"data added":          {func(s *corev1.Secret) { s.Data["more"] = []byte("x") }, true},
		"data removed":        {func(s *corev1.Secret) { delete(s.Data, "issuer") }, true},
		"label removed":       {func(s *corev1.Secret) { delete(s.Labels, v1alpha1.ManagedByLabel) }, true},
		"label edited":        {func(s *corev1.Secret) { s.Labels[v1alpha1.ServerLabel] = "other" }, true},
		"annotation removed":  {func(s *corev1.Secret) { s.Annotations = nil }, true},
		"owner edited":        {func(s *corev1.Secret) { s.OwnerReferences[0].BlockOwnerDeletion = nil }, true},
		"label of a user":     {func(s *corev1.Secret) { s.Labels["team"] = "a" }, false},
		"annotation, user's":  {func(s *corev1.Secret) { s.Annotations["note"] = "b" }, false},
		"finalizer of a user": {func(s *corev1.Secret) { s.Finalizers = []string{"example.com/f"} }, false},
		"further owner": {func(s *corev1.Secret) {
			s.OwnerReferences = append(s.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "p", UID: "p"})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.publish(hybrid)
			f.edit(c.edit)
			f.api.writes = 0
			if !c.restored {
				f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Matches))
				f.publish(hybrid)
				f.Expect(f.api.writes).To(BeZero())
				return
			}
			f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Differs))
			f.publish(hybrid)
			f.Expect(f.api.writes).To(Equal(1), "the ConfigMap is as it was")
			want := rendered(hybrid, server, f.rec).Secret
			f.Expect(matches(f.secret(), want)).To(BeTrue())
			f.Expect(f.secret().Data).To(Equal(want.Data))
		})
	}
}

func TestWhatATemplateAddedGoesWithIt(t *testing.T) {
	f := newFixture(t)
	app := hybrid
	app.Template = Template{
		Labels: map[string]string{"team": "a", "tier": "b"}, Annotations: map[string]string{"note": "c"}, Data: map[string]string{"x": "y"},
	}
	f.publish(app)
	f.Expect(f.observe(app).Secret).To(Equal(plan.Matches))
	f.edit(func(s *corev1.Secret) { s.Labels["by-hand"], s.Annotations["by-hand"] = "d", "e" })
	f.Expect(f.secret().Labels).To(And(HaveKeyWithValue("team", "a"), HaveKeyWithValue("tier", "b")))
	app.Template = Template{Labels: map[string]string{"team": "a"}}
	f.publish(app)
	s := f.secret()
	f.Expect(s.Labels).To(And(HaveKeyWithValue("team", "a"), Not(HaveKey("tier")), HaveKeyWithValue("by-hand", "d")))
	f.Expect(s.Annotations).To(And(Not(HaveKey("note")), HaveKeyWithValue("by-hand", "e")))
	f.Expect(s.Data).NotTo(HaveKey("x"))
	f.publish(hybrid)
	s = f.secret()
	f.Expect(s.Labels).To(And(Not(HaveKey("team")), HaveKeyWithValue("by-hand", "d"), HaveKey(v1alpha1.ApplicationLabel)))
	f.Expect(s.Annotations).NotTo(HaveKey(v1alpha1.TemplateAnnotation))
}

func TestWhatUsersAddedSurvivesARestoration(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	f.edit(func(s *corev1.Secret) {
		s.Labels["team"], s.Annotations["note"], s.Data["issuer"] = "a", "b", []byte("x")
		s.Finalizers = []string{"example.com/f"}
		s.OwnerReferences = append(s.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "p", UID: "p"})
	})
	f.publish(hybrid)
	s := f.secret()
	f.Expect(string(s.Data["issuer"])).To(Equal(server.Endpoints.Issuer))
	f.Expect(s.Labels).To(HaveKeyWithValue("team", "a"))
	f.Expect(s.Annotations).To(HaveKeyWithValue("note", "b"))
	f.Expect(s.Finalizers).To(ConsistOf("example.com/f"))
	f.Expect(s.OwnerReferences).To(HaveLen(2))
}

func TestAnUnchangeableSecretIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(*corev1.Secret){
		"other type": func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque },
		"immutable": func(s *corev1.Secret) {
			yes := true
			s.Immutable, s.Data = &yes, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			spoilt := rendered(hybrid, server, record(credential)).Secret
			spoilt.Labels["team"] = "a"
			spoil(spoilt)
			f.Expect(f.api.Client.Create(t.Context(), spoilt)).To(Succeed())
			f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Differs))
			f.publish(hybrid)
			f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Matches))
			f.Expect(f.secret().Labels).To(HaveKeyWithValue("team", "a"))
			f.Expect(f.api.writes).To(Equal(3), "deleted, created, and the ConfigMap")
		})
	}
}

func TestAForeignObjectIsNeitherReadNorTouched(t *testing.T) {
	theirs := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders-secret", Labels: map[string]string{v1alpha1.ApplicationUIDLabel: "u1"}},
		Data:       map[string][]byte{"password": []byte("theirs")},
	}
	notInControl := false
	weak := rendered(hybrid, server, record(credential)).ConfigMap
	weak.OwnerReferences[0].Controller = &notInControl
	for name, taken := range map[string]client.Object{"no owner": theirs, "owner without control": weak} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, taken)
			out := f.observe(hybrid)
			f.Expect([]plan.ObjectState{out.Secret, out.ConfigMap}).To(ConsistOf(plan.Foreign, plan.Missing))
			f.Expect(out.Any).To(BeFalse())
			f.Expect(out.Revisions).To(BeEmpty())
			f.Expect(f.store.Objects(hybrid, server).Publish(t.Context(), f.rec)).To(MatchError(ErrConflict))
			f.Expect(f.store.Objects(hybrid, server).Unpublish(t.Context(), f.rec, true)).To(Succeed())
			f.Expect(slices.Contains(f.api.dataRead, taken.GetName())).To(BeFalse(), "its data was never asked for")
			after := taken.DeepCopyObject().(client.Object)
			f.Expect(f.api.Client.Get(t.Context(), client.ObjectKeyFromObject(taken), after)).To(Succeed())
			f.Expect(after).To(BeComparableTo(taken))
		})
	}
}

// What a former application of the same name left, after a restore from a backup, is read and taken over, before the garbage collector takes it.
func TestWhatAFormerApplicationLeftIsTakenOver(t *testing.T) {
	another := hybrid
	another.UID = "u2"
	before := rendered(another, server, record(credential))
	before.Secret.Annotations[v1alpha1.RevisionAnnotation] = "c1.rev.7"
	f := newFixture(t, before.Secret, before.ConfigMap)
	f.rec = ledger.Record{}
	out := f.observe(hybrid)
	f.Expect([]plan.ObjectState{out.Secret, out.ConfigMap}).To(Equal([]plan.ObjectState{plan.Differs, plan.Differs}))
	f.Expect(out.Held).To(HaveValue(And(HaveField("Staged", 7), HaveField("Credential.ID", "c1"), HaveField("Credential.Secret", credential.Secret))))
	f.Expect(out.Any).To(BeFalse(), "they do not prove that this application was published")
	f.Expect(out.Revisions).To(BeEmpty())
	f.rec = record(credential)
	f.publish(hybrid)
	f.Expect(f.secret().OwnerReferences).To(ConsistOf(HaveField("UID", hybrid.UID)), "nothing is left to the garbage collector")
	out = f.observe(hybrid)
	f.Expect([]plan.ObjectState{out.Secret, out.ConfigMap}).To(Equal([]plan.ObjectState{plan.Matches, plan.Matches}))
}

func TestASecretIsOfferedForAnAdoption(t *testing.T) {
	offer := func(name, application string, data map[string]string) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{v1alpha1.AdoptForLabel: application}}, Data: map[string][]byte{}}
		for k, v := range data {
			s.Data[k] = []byte(v)
		}
		return s
	}
	app := hybrid
	app.Adopts, app.ClientID = true, "com.example.orders"
	right := map[string]string{"client_id": "com.example.orders", "client_secret": "theirs"}
	for name, c := range map[string]struct {
		secrets []client.Object
		app     App
		secret  string
		problem string
	}{
		"none":                    {nil, app, "", ""},
		"one":                     {[]client.Object{offer("a", "orders", right)}, app, "theirs", ""},
		"without an id":           {[]client.Object{offer("a", "orders", map[string]string{"client_secret": "theirs"})}, app, "theirs", ""},
		"in capital letters":      {[]client.Object{offer("a", "orders", map[string]string{"CLIENT_ID": "com.example.orders", "CLIENT_SECRET": "theirs"})}, app, "theirs", ""},
		"not adopting":            {[]client.Object{offer("a", "orders", right)}, hybrid, "", ""},
		"for another application": {[]client.Object{offer("a", "other", right)}, app, "", ""},
		"two":                     {[]client.Object{offer("a", "orders", right), offer("b", "orders", right)}, app, "", "several Secrets"},
		"with another id":         {[]client.Object{offer("a", "orders", map[string]string{"client_id": "x", "client_secret": "theirs"})}, app, "", "client_id"},
		"without a secret":        {[]client.Object{offer("a", "orders", map[string]string{"password": "theirs"})}, app, "", "no client_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, c.secrets...)
			f.rec = ledger.Record{}
			out := f.observe(c.app)
			f.Expect(out.Offered).To(Equal(c.secret != ""))
			f.Expect(out.OfferProblem).To(ContainSubstring(c.problem))
			if c.problem == "" {
				f.Expect(out.OfferProblem).To(BeEmpty())
			}
			if c.secret != "" {
				f.Expect(out.Held.Credential.Secret.Reveal()).To(Equal(c.secret))
				f.Expect(out.Held.Credential.ClientID).To(Equal("com.example.orders"))
			}
			f.rec = record(credential)
			f.Expect(f.observe(c.app).Offered).To(BeFalse(), "only an application without a credential of its own is offered one")
		})
	}
}

func TestARenameLeavesAStaleObjectUntilItIsUnpublished(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	renamed := hybrid
	renamed.SecretName = "other"
	out := f.observe(renamed)
	f.Expect(out.Secret).To(Equal(plan.Missing))
	f.Expect(out.Stale).To(BeTrue())
	f.Expect(out.Revisions).To(ContainElement(f.rec.Revision()), "the former object still proves what was published")

	f.publish(renamed)
	f.Expect(f.secret().Data).NotTo(BeEmpty(), "the former one stays until the new one is there")
	f.Expect(f.store.Objects(renamed, server).Unpublish(t.Context(), f.rec, false)).To(Succeed())
	f.Expect(f.observe(renamed).Stale).To(BeFalse())
	f.Expect(client.IgnoreNotFound(f.api.Client.Get(t.Context(), secretKey, &corev1.Secret{}))).To(Succeed())
	f.Expect(f.api.Client.Get(t.Context(), secretKey, &corev1.Secret{})).NotTo(Succeed())
	f.Expect(f.observe(renamed).Secret).To(Equal(plan.Matches))
}

func TestAFlipToPublicLeavesNoSecret(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	public := ledger.Credential{ID: "c2"}
	public.ClientID = credential.ClientID
	f.rec = ledger.Record{Next: &public, Target: "t2"}
	out := f.observe(publicApp())
	f.Expect(out.Secret).To(Equal(plan.Unneeded))
	f.Expect(out.ConfigMap).To(Equal(plan.Differs))
	f.Expect(out.Stale).To(BeTrue())
	f.publish(publicApp())
	f.Expect(f.store.Objects(publicApp(), server).Unpublish(t.Context(), f.rec, false)).To(Succeed())
	f.Expect(f.api.Client.Get(t.Context(), secretKey, &corev1.Secret{})).NotTo(Succeed())
	f.Expect(f.api.Client.Get(t.Context(), configMapKey, &corev1.ConfigMap{})).To(Succeed())
	f.Expect(f.observe(publicApp())).To(Equal(plan.Output{ConfigMap: plan.Matches, Revisions: []string{f.rec.Revision()}, Any: true}))
}

// What is published can bring a lost ledger back; while there is a ledger, nobody looks at it.
func TestWhatIsPublishedIsReadForALostLedger(t *testing.T) {
	f := newFixture(t)
	f.rec.Staged = 1
	f.publish(hybrid)
	f.Expect(f.observe(hybrid).Held).To(BeNil())
	published := f.rec
	f.rec = ledger.Record{}
	held := f.observe(hybrid).Held
	f.Expect(held).NotTo(BeNil())
	f.Expect(held.Credential.ID).To(Equal(published.Next.ID))
	f.Expect(held.Credential.Secret.Reveal()).To(Equal(canary))
	f.Expect(held.Staged).To(Equal(published.Staged))
	f.Expect(held.IssuedAt).To(BeTemporally("~", published.RotatedAt, time.Second))

	for name, edit := range map[string]func(*corev1.Secret){
		"no secret in it": func(s *corev1.Secret) { s.Data["client_secret"] = nil },
		"no revision":     func(s *corev1.Secret) { s.Annotations[v1alpha1.RevisionAnnotation] = "mine" },
		"not ours":        func(s *corev1.Secret) { s.OwnerReferences = nil },
	} {
		secret := f.secret()
		former := secret.DeepCopy()
		edit(secret)
		f.Expect(f.api.Client.Update(t.Context(), secret)).To(Succeed())
		f.Expect(f.observe(hybrid).Held).To(BeNil(), name)
		former.ResourceVersion = secret.ResourceVersion
		f.Expect(f.api.Client.Update(t.Context(), former)).To(Succeed())
	}
}

func TestUnpublishAll(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	f.Expect(f.store.Objects(hybrid, server).Unpublish(t.Context(), ledger.Record{}, true)).To(Succeed())
	f.Expect(f.observe(hybrid)).To(Equal(plan.Output{Secret: plan.Missing, ConfigMap: plan.Missing}))
	f.Expect(f.store.Objects(hybrid, server).Unpublish(t.Context(), ledger.Record{}, true)).To(Succeed())
}

func TestWhatCannotBeRenderedIsNotPublished(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	f.api.writes = 0
	public := credential
	public.Secret = ""
	for _, rec := range []ledger.Record{{}, {Next: &public}} {
		f.Expect(f.store.Objects(hybrid, server).Publish(t.Context(), rec)).NotTo(Succeed())
		f.rec = rec
		f.Expect(f.observe(hybrid).Secret).To(Equal(plan.Differs))
	}
	f.Expect(f.store.Objects(publicApp(), server).Publish(t.Context(), ledger.Record{Next: &credential})).NotTo(Succeed())
	unknown := server
	unknown.Endpoints.Issuer = ""
	f.Expect(f.store.Objects(hybrid, unknown).Publish(t.Context(), ledger.Record{Next: &credential})).NotTo(Succeed())
	f.Expect(f.api.writes).To(BeZero())
}

// outdated lists what was there before.
type outdated struct {
	client.Reader
	list metav1.PartialObjectMetadataList
}

func (o outdated) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	*list.(*metav1.PartialObjectMetadataList) = *o.list.DeepCopy()
	return nil
}

func TestAnOutdatedCacheProvesNothing(t *testing.T) {
	f := newFixture(t)
	former := rendered(hybrid, server, f.rec).Secret
	former.Name = "former"
	f.store.Metadata = outdated{list: metav1.PartialObjectMetadataList{Items: []metav1.PartialObjectMetadata{{ObjectMeta: former.ObjectMeta}}}}
	f.Expect(f.observe(hybrid)).To(Equal(plan.Output{Secret: plan.Missing, ConfigMap: plan.Missing}))
}

func TestARaceIsAConflict(t *testing.T) {
	f := newFixture(t)
	f.publish(hybrid)
	have, _, err := f.store.Objects(hybrid, server).read(t.Context(), f.store.Objects(hybrid, server).slots(f.rec)[0])
	f.Expect(err).NotTo(HaveOccurred())
	f.edit(func(s *corev1.Secret) { s.Labels["team"] = "a" })

	f.rec.Target = "t2"
	objects := f.store.Objects(hybrid, server)
	f.Expect(objects.put(t.Context(), objects.slots(f.rec)[0], &sight{have: have})).To(MatchError(ErrConflict), "changed since it was read")
	f.Expect(objects.put(t.Context(), objects.slots(f.rec)[0], &sight{})).To(MatchError(ErrConflict), "created since it was read")
	f.Expect(objects.delete(t.Context(), "Secret", have)).To(MatchError(ErrConflict))
	f.Expect(f.secret().Annotations).NotTo(HaveKeyWithValue(v1alpha1.RevisionAnnotation, f.rec.Revision()))
}
