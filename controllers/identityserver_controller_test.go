package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/inventory"
	"trustedapps.dev/operator/internal/metrics"
	"trustedapps.dev/operator/internal/shard"
)

// probed is a Connection whose probe is told what to find.
type probed struct {
	idserver.Connection
	info idserver.Info
	err  error
	// during is called in every probe; nil is nothing.
	during func()
	probes int
}

func (p *probed) Probe(context.Context) (idserver.Info, error) {
	p.probes++
	if p.during != nil {
		p.during()
	}
	return p.info, p.err
}

func (*probed) Capabilities() idserver.Capabilities { return idserver.Capabilities{SecretSlots: 1} }

// servers is a reconciler of IdentityServers with its surroundings.
type servers struct {
	Gomega
	*IdentityServerReconciler
	api      *api
	recorder *events.FakeRecorder
	now      *probed // what the next connection finds
	dials    int
	changed  []string
}

func newServers(t *testing.T, objects ...client.Object) *servers {
	t.Helper()
	s := &servers{Gomega: NewWithT(t), api: newAPI(t, nil, objects...), recorder: events.NewFakeRecorder(100), now: &probed{}}
	s.now.info.Endpoints.Issuer = "https://acme.example/id"
	s.IdentityServerReconciler = &IdentityServerReconciler{
		Client: s.api, Live: s.api, Writer: s.api, Namespace: own, Recorder: s.recorder, ProbeInterval: 30 * time.Minute, Metrics: metrics.NewActivity(),
		Pool: connections.NewPool(func(name string) { s.changed = append(s.changed, name) }, func(string) {}),
		Dial: func(_ v1alpha1.IdentityServerSpec, own connections.Credentials, _ func(idserver.Call)) (idserver.Connection, error) {
			s.dials++
			s.Expect(own["client_id"].Reveal() + own["client_secret"].Reveal()).To(Equal("idpass"))
			return s.now, nil
		},
		backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[string](time.Second, time.Minute), dialled: map[string]dialled{},
		swept: map[string]swept{}, Inventory: &inventory.Book{}, Wake: func(types.NamespacedName) {},
	}
	return s
}

func acme() *v1alpha1.IdentityServer {
	return &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "uid-1", Generation: 1},
		Spec:       v1alpha1.IdentityServerSpec{ERPNet: &v1alpha1.ERPNetServer{CredentialsRef: v1alpha1.LocalSecretReference{Name: "acme-operator"}}},
	}
}

func login() client.Object {
	return credentials(map[string][]byte{"client_id": []byte("id"), "client_secret": []byte("pass")})
}

// reconcile reconciles acme and returns when to come back, and its Ready condition.
func (s *servers) reconcile(t *testing.T) (time.Duration, *metav1.Condition) {
	t.Helper()
	result, err := s.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
	s.Expect(err).NotTo(HaveOccurred())
	var ids v1alpha1.IdentityServer
	s.Expect(client.IgnoreNotFound(s.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids))).To(Succeed())
	return result.RequeueAfter, meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
}

func TestAServerIsProbedAndStaysConnected(t *testing.T) {
	s := newServers(t, acme(), login())
	after, ready := s.reconcile(t)
	s.Expect(after).To(Equal(30 * time.Minute))
	s.Expect(ready).To(HaveField("Status", metav1.ConditionTrue))
	entry, known := s.Pool.Get("acme")
	s.Expect(known).To(BeTrue())
	s.Expect(entry).To(And(HaveField("Ready", true), HaveField("Server", BeIdenticalTo(s.now)), HaveField("Info", s.now.info)))
	s.reconcile(t)
	s.Expect(s.dials).To(Equal(1), "nothing changed: the connection, with its login, is kept")
	s.Expect(s.api.statusWrites).To(Equal(1))
	s.Expect(s.changed).To(HaveLen(1))
	s.Expect(told(s.recorder)).To(HaveLen(1))
}

func TestAFinalizerThatComesDuringAProbeCostsNoSecondOne(t *testing.T) {
	s := newServers(t, acme(), login())
	protection := NewServerProtection(s.api, shard.Shard{})
	s.Expect(s.api.Create(t.Context(), newApp())).To(Succeed())
	s.now.during = func() {
		_, err := protection.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
		s.Expect(err).NotTo(HaveOccurred())
	}
	_, ready := s.reconcile(t)
	s.Expect(ready).To(HaveField("Status", metav1.ConditionTrue))
	s.Expect(s.now.probes).To(Equal(1))
	var ids v1alpha1.IdentityServer
	s.Expect(s.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
	s.Expect(ids.Finalizers).To(ConsistOf(v1alpha1.ServerFinalizer))
}

func TestGrantsHoldBeforeTheServerWasProbed(t *testing.T) {
	s := newServers(t, acme(), login())
	s.reconcile(t)
	var ids v1alpha1.IdentityServer
	s.Expect(s.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
	ids.Spec.Access, ids.Spec.AccessPolicy = []v1alpha1.AccessGrant{{Name: "shop"}}, v1alpha1.AccessDisable
	s.Expect(s.api.Update(t.Context(), &ids)).To(Succeed())
	s.now.during = func() {
		entry, _ := s.Pool.Get("acme")
		s.Expect(entry.Access).To(Equal(ids.Spec.Access))
		s.Expect(entry.DisableDenied).To(BeTrue())
		s.Expect(entry.Ready).To(BeTrue(), "nothing else is known to have changed")
	}
	s.reconcile(t)
	s.Expect(s.now.probes).To(Equal(2))
	s.Expect(s.changed).To(HaveLen(2), "the applications learn it once")
}

func TestAnOutageIsToldOnce(t *testing.T) {
	s := newServers(t, acme(), login())
	s.reconcile(t)
	s.now.info.Endpoints.Issuer = ""
	for i := range 5 {
		s.now.err = &idserver.Error{Class: idserver.ErrUnavailable, Op: "discovering the server", HTTPStatus: 503, RequestID: fmt.Sprint(i)}
		after, ready := s.reconcile(t)
		s.Expect(after).To(about(time.Second << i))
		s.Expect(ready).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonServerUnavailable)))
	}
	s.Expect(s.api.statusWrites).To(Equal(2))
	s.Expect(s.changed).To(HaveLen(2), "applications are not woken by each probe")
	s.Expect(told(s.recorder)).To(HaveLen(2))
	entry, _ := s.Pool.Get("acme")
	s.Expect(entry.Info.Endpoints.Issuer).To(Equal("https://acme.example/id"), "an outage does not make it forget where the server is")

	s.now.info.Endpoints.Issuer, s.now.err = "https://acme.example/id", nil
	after, _ := s.reconcile(t)
	s.Expect(after).To(Equal(30 * time.Minute))
	s.Expect(s.changed).To(HaveLen(3))
	s.Expect(s.backoff.NumRequeues("acme")).To(BeZero())
}

func TestCredentialsAreMissingUntilTheyAreThere(t *testing.T) {
	s := newServers(t, acme())
	_, ready := s.reconcile(t)
	s.Expect(ready).To(And(HaveField("Reason", v1alpha1.ReasonCredentialsMissing), HaveField("Message", ContainSubstring("Secret acme-operator does not exist in the operator's namespace "+own))))
	half := credentials(map[string][]byte{"client_id": []byte("id"), "client_secret": nil})
	s.Expect(s.api.Create(t.Context(), half)).To(Succeed())
	_, ready = s.reconcile(t)
	s.Expect(ready).To(And(HaveField("Reason", v1alpha1.ReasonCredentialsMissing), HaveField("Message", ContainSubstring("client_id and client_secret"))))
	s.Expect(s.dials).To(BeZero())
	half.Data["client_secret"] = []byte("pass")
	s.Expect(s.api.Update(t.Context(), half)).To(Succeed())
	_, ready = s.reconcile(t)
	s.Expect(ready).To(HaveField("Status", metav1.ConditionTrue))
	requests := s.withCredentials(t.Context(), half)
	s.Expect(requests).To(Equal([]ctrl.Request{{NamespacedName: types.NamespacedName{Name: "acme"}}}))
	half.Namespace = "shop"
	s.Expect(s.withCredentials(t.Context(), half)).To(BeEmpty(), "a Secret of that name elsewhere means nothing")
}

func TestAnotherConnectionIsMadeForAnotherServerOrLogin(t *testing.T) {
	for name, change := range map[string]func(*servers, *testing.T){
		"created again": func(s *servers, t *testing.T) {
			again := acme()
			again.UID = "uid-2"
			s.Expect(s.api.Delete(t.Context(), acme())).To(Succeed())
			s.Expect(s.api.Create(t.Context(), again)).To(Succeed())
		},
		"spec changed": func(s *servers, t *testing.T) {
			var ids v1alpha1.IdentityServer
			s.Expect(s.api.Get(t.Context(), client.ObjectKey{Name: "acme"}, &ids)).To(Succeed())
			ids.Generation = 2
			s.Expect(s.api.Update(t.Context(), &ids)).To(Succeed())
		},
		"login changed": func(s *servers, t *testing.T) {
			secret := credentials(nil)
			s.Expect(s.api.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)).To(Succeed())
			secret.Labels = map[string]string{"touched": "yes"}
			s.Expect(s.api.Update(t.Context(), secret)).To(Succeed())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServers(t, acme(), login())
			s.reconcile(t)
			former := s.now
			s.now = &probed{info: former.info}
			change(s, t)
			s.reconcile(t)
			s.Expect(s.dials).To(Equal(2))
			entry, _ := s.Pool.Get("acme")
			s.Expect(entry.Server).To(BeIdenticalTo(s.now))
			s.Expect(s.changed).To(HaveLen(2))
		})
	}
}

func TestAServerThatIsGoneIsForgotten(t *testing.T) {
	s := newServers(t, acme(), login())
	s.reconcile(t)
	s.Expect(s.api.Delete(t.Context(), acme())).To(Succeed())
	after, _ := s.reconcile(t)
	s.Expect(after).To(BeZero())
	_, known := s.Pool.Get("acme")
	s.Expect(known).To(BeFalse())
	s.Expect(s.dialled).To(BeEmpty())
	s.Expect(s.changed).To(HaveLen(2))

	leaving := acme()
	leaving.Finalizers = []string{v1alpha1.ServerFinalizer}
	s = newServers(t, leaving, login())
	s.Expect(s.api.Delete(t.Context(), leaving)).To(Succeed())
	_, ready := s.reconcile(t)
	s.Expect(ready).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("is being deleted"))))
	_, known = s.Pool.Get("acme")
	s.Expect(known).To(BeTrue(), "the applications that keep it need it for their end")
	apps := &TrustedApplicationReconciler{Client: s.api}
	s.Expect(apps.serverExists(t.Context(), "acme")).To(BeTrue())
	s.Expect(apps.serverExists(t.Context(), "nowhere")).To(BeFalse())
}

func TestASpecThatMakesNoConnectionIsToldAsSuch(t *testing.T) {
	s := newServers(t, acme(), login())
	s.Dial = func(v1alpha1.IdentityServerSpec, connections.Credentials, func(idserver.Call)) (idserver.Connection, error) {
		return nil, errors.New("caBundle holds no certificate: put PEM there")
	}
	_, ready := s.reconcile(t)
	s.Expect(ready).To(And(HaveField("Reason", v1alpha1.ReasonInvalid), HaveField("Message", ContainSubstring("put PEM there"))))
	entry, known := s.Pool.Get("acme")
	s.Expect(known).To(BeTrue())
	s.Expect(entry.Server).To(BeNil(), "not a nil in an interface")
}
