package controllers

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/output"
	"trustedapps.dev/operator/internal/plan"
)

// published publishes the credential of an application that is registered, and returns its record.
func published(t *testing.T, a *api) ledger.Record {
	t.Helper()
	rec := ledger.Record{Target: "t", Next: &ledger.Credential{ID: "a", Credential: idserver.Credential{ClientID: "com.example.orders/sync", Secret: "s"}}}
	store := &output.Store{Writer: a, Live: a, Metadata: a}
	info := idserver.Info{Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id"}}
	NewWithT(t).Expect(store.Objects(outputs(newApp()), info).Publish(t.Context(), rec)).To(Succeed())
	return rec
}

// Deleting a namespace takes the operator's RoleBinding before the applications; the namespace waits for them.
func TestAnEndNeedsNoPermissionInTheNamespace(t *testing.T) {
	for name, refused := range map[string]map[string]bool{
		"all is allowed": {}, "nothing is allowed": {"get": true, "delete": true}, "deletion is not allowed": {"delete": true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			armed := false
			a := newAPI(t, func(verb string, o client.Object) error {
				if armed && refused[verb] && inShop(o) {
					return forbidden()
				}
				return nil
			}, newApp())
			rec := published(t, a)
			server := memory.NewClientChosen()
			mark := idserver.Mark{Cluster: "cluster-1", Namespace: "shop", Name: "orders", UID: "uid-1"}
			key := idserver.Key{ClientID: "com.example.orders/sync", Owner: mark}
			_, err := server.Create(t.Context(), key, idserver.Registration{Enabled: true, Service: true, SystemUser: "svc.orders"}, "s")
			g.Expect(err).NotTo(HaveOccurred())
			ledgers := &ledger.Store{Writer: a, Live: a, Namespace: own}
			entry := ledgers.Entry(ledger.App{Namespace: "shop", Name: "orders", UID: "uid-1"})
			g.Expect(entry.Save(t.Context(), rec)).To(Succeed())

			app := newApp()
			g.Expect(a.Get(t.Context(), appKey, app)).To(Succeed())
			guard := &finalizer{client: a, live: a, app: app}
			store := &output.Store{Writer: a, Live: a, Metadata: a}
			run := &execute.Executor{
				Server: server, Ledger: entry, Finalizer: guard, Now: time.Now,
				Outputs: &partingOutputs{Outputs: store.Objects(outputs(app), idserver.Info{})},
			}
			armed = true
			result, err := run.Run(t.Context(), plan.Desired{
				Key: key, Deleting: true, ServerReady: true, Capabilities: server.Capabilities(), Want: outputs(app).Want,
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(result.End).To(Equal(plan.Done{}))
			g.Expect(result.Observed.Finalizer).To(BeFalse())
			_, err = server.Find(t.Context(), key, idserver.Credential{})
			g.Expect(err).To(MatchError(idserver.ErrNotFound))
			_, exists, err := entry.Load(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(exists).To(BeFalse())
		})
	}
}

func TestAnEndWaitsForAnythingElse(t *testing.T) {
	g := NewWithT(t)
	down := errors.New("the apiserver is down")
	a := newAPI(t, func(_ string, o client.Object) error {
		if inShop(o) {
			return down
		}
		return nil
	})
	store := &output.Store{Writer: a, Live: a, Metadata: a}
	p := &partingOutputs{Outputs: store.Objects(outputs(newApp()), idserver.Info{})}
	_, err := p.Observe(t.Context(), ledger.Record{})
	g.Expect(err).To(MatchError(down))
	g.Expect(p.Unpublish(t.Context(), ledger.Record{}, true)).To(MatchError(down))
	g.Expect(p.closed).To(BeFalse())

	p = &partingOutputs{Outputs: (&output.Store{Live: newAPI(t, nil), Metadata: &namespaces{}}).Objects(outputs(newApp()), idserver.Info{})}
	g.Expect(p.Observe(t.Context(), ledger.Record{})).To(Equal(plan.Output{}), "a namespace that is not watched")
}
