package soak

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	// away is how long a server stays away.
	away = 12 * time.Second
	// mostRequests is what a server may be asked while it is away: each of the applications that were being worked on when it went, and a
	// probe now and then.
	mostRequests = 60
	// busy is how many applications people change while the server is away: more than the operator works on at the same time.
	busy = 30
	// batch is how many calls of the server that goes away may be one request, and mostBefore how many changes may come before a deletion, or with
	// it, when the server is back: those that were being worked on by then.
	batch, mostBefore = 5, 15
)

// outage is a way to be away.
type outage struct {
	name       string
	begin, end func(context.Context) error
	// unnoticed: what is under way is not disturbed, only the next probe is.
	unnoticed bool
}

// TestOutages takes one of two servers away, in every way, with APPS applications (60) on both of them.
func TestOutages(t *testing.T) {
	w := newWorld(t)
	apps := number("APPS", 60)
	front := w.newProxy()
	w.Trusted.AddCert(front.authority)
	address, err := prometheus.FreeAddress()
	w.Expect(err).NotTo(HaveOccurred())
	instance := w.instance("away", func(s *standin.Spec) { s.Address, s.PublicURL = address, front.url() })
	front.address = address
	w.Expect(front.serve(w)).To(Succeed())
	w.Expect(w.serverSpec("away", fmt.Sprintf(`{"caBundle":%q}`, base64.StdEncoding.EncodeToString(front.ca())))).To(Succeed())
	w.Expect(w.serverSpec("away", fmt.Sprintf(`{"erpNet":{"limits":{"batchSize":%d}}}`, batch))).To(Succeed())
	well := w.instance("well")
	o := w.ready(w.operator())
	began := time.Now()
	for n := range apps {
		w.Expect(w.Admin.Create(t.Context(), service(fmt.Sprintf("app-%d", n), []string{"away", "well"}[n%2]))).To(Succeed())
	}
	w.Eventually(w.settled).Should(Succeed())
	progress("%d applications are Ready, %s", apps, time.Since(began).Round(time.Second))
	for i, out := range w.outages(instance, front) {
		w.survive(o, i, out, instance)
	}
	w.Expect(w.violations(instance, well)).To(BeEmpty())
}

// outages are the ways.
func (w *world) outages(instance *standin.Instance, front *proxy) []outage {
	fault := func(f standin.Fault) (begin, end func(context.Context) error) {
		f.ID = "away"
		if f.Path == "" {
			f.Path = "/*"
		}
		return func(ctx context.Context) error { _, err := instance.AddFault(ctx, f); return err },
			func(ctx context.Context) error { return instance.RemoveFault(ctx, "away") }
	}
	plain := func(name string, f standin.Fault) outage {
		begin, end := fault(f)
		return outage{name: name, begin: begin, end: end}
	}
	secret := func(value string) func(context.Context) error {
		return func(ctx context.Context) error {
			own, _, err := instance.Application(ctx, bed.OperatorURI)
			if err != nil {
				return err
			}
			if err := instance.EditApplication(ctx, own.ID, map[string]any{"secret": value}); err != nil {
				return err
			}
			return instance.Advance(ctx, 2*time.Hour) // the tokens that were given out are over
		}
	}
	bundle := func(pem []byte) func(context.Context) error {
		return func(context.Context) error {
			return w.serverSpec("away", fmt.Sprintf(`{"caBundle":%q}`, base64.StdEncoding.EncodeToString(pem)))
		}
	}
	another := plain("its issuer has changed", standin.Fault{
		Path: "/id/.well-known/openid-configuration", Status: 200, ContentType: "application/json",
		Body: `{"issuer":"https://another.example.com","token_endpoint":"https://another.example.com/connect/token"}`,
	})
	another.unnoticed = true
	return []outage{
		{name: "connections are refused", begin: front.close, end: func(context.Context) error { return front.serve(w) }},
		plain("503", standin.Fault{Status: 503}),
		plain("429 with Retry-After", standin.Fault{Status: 429, RetryAfter: "3"}),
		plain("it hangs", standin.Fault{Drop: standin.DropHang}),
		{
			name:  "its certificate has expired",
			begin: func(context.Context) error { front.present(w, time.Now().Add(-time.Hour)); return nil },
			end:   func(context.Context) error { front.present(w, time.Now().Add(time.Hour)); return nil },
		},
		{name: "another authority is trusted", begin: bundle(w.Plane.CA), end: bundle(front.ca())},
		another,
		{name: "the operator's own secret was revoked", begin: secret("another-secret-0123456789"), end: secret(bed.OperatorSecret)},
	}
}

// serverSpec patches the spec of an IdentityServer.
func (w *world) serverSpec(name, patch string) error {
	var ids v1alpha1.IdentityServer
	ids.Name = name
	return w.Admin.Patch(w.t.Context(), &ids, client.RawPatch("application/merge-patch+json", []byte(`{"spec":`+patch+`}`)))
}

// survive goes through one outage.
func (w *world) survive(o *bed.Manager, n int, out outage, instance *standin.Instance) {
	w.t.Helper()
	ctx := w.t.Context()
	doomed := fmt.Sprintf("doomed-%d", n)
	w.Expect(w.Admin.Create(ctx, service(doomed, "away"))).To(Succeed())
	w.Eventually(w.settled).Should(Succeed())
	w.wait(2 * time.Second) // the proxy closes what is idle, so that the next connection sees its certificate
	w.Expect(out.begin(ctx)).To(Succeed())
	before, began := w.requests(o, "away"), time.Now()
	for i := range busy {
		w.Expect(w.edit(fmt.Sprintf("app-%d", 2*i), func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = out.name })).To(Succeed())
	}
	w.Expect(w.Admin.Delete(ctx, service(doomed, "away"))).To(Succeed())
	w.Expect(w.sweep("away")).To(Succeed())
	w.Eventually(func() string { return w.serverState("away") }, 45*time.Second).Should(HavePrefix("False"), out.name)
	noticed := time.Since(began)

	other := fmt.Sprintf("other-%d", n)
	started := time.Now()
	w.Expect(w.Admin.Create(ctx, service(other, "well"))).To(Succeed())
	w.Eventually(func() error { return w.atRest(other) }, 10*time.Second).Should(Succeed(), "the other server is not affected")
	unaffected := time.Since(started)
	w.Eventually(func() bool { return time.Since(began) > away }).Should(BeTrue())
	state, asked := w.serverState("away"), w.requests(o, "away")-before
	most := mostRequests
	if out.unnoticed { // the changes are looked at and made meanwhile
		most += 2 * busy
	}
	w.Expect(asked).To(BeNumerically("<=", most), "a storm of requests: %s", out.name)

	ended := time.Now()
	w.Expect(out.end(ctx)).To(Succeed())
	if !out.unnoticed {
		w.deletedFirst(instance, doomed, out.name)
	}
	w.Eventually(w.settled).Should(Succeed(), out.name)
	progress("%-40s %s; noticed in %.1f s, asked %.0f times in %s, an application of the other server Ready in %.1f s, all at rest %.0f s after the end",
		out.name, state, noticed.Seconds(), asked, away, unaffected.Seconds(), time.Since(ended).Seconds())
}

// deletedFirst waits for the deletion, and checks that it did not wait for the changes of others: none of them can have come before the server
// was back.
func (w *world) deletedFirst(instance *standin.Instance, doomed, name string) {
	w.t.Helper()
	before := 0
	w.Eventually(func() (deleted bool) {
		all, err := instance.Applications(w.t.Context())
		w.Expect(err).NotTo(HaveOccurred())
		before, deleted = 0, true
		for _, a := range all {
			if a.Name == name {
				before++
			}
			deleted = deleted && a.ApplicationURI != service(doomed, "away").Spec.ApplicationURI
		}
		return deleted
	}).WithPolling(20*time.Millisecond).Should(BeTrue(), "no deletion arrived: %s", name)
	w.Expect(before).To(BeNumerically("<=", mostBefore), "%s: the deletion came after %d of %d changes", name, before, busy)
}

// atRest says what keeps one application from rest.
func (w *world) atRest(name string) error {
	var app v1alpha1.TrustedApplication
	if err := w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &app); err != nil {
		return err
	}
	if !atRest(&app) {
		return fmt.Errorf("%s %s", name, state(&app))
	}
	return nil
}

// serverState is the condition Ready of an IdentityServer.
func (w *world) serverState(name string) string {
	w.t.Helper()
	var ids v1alpha1.IdentityServer
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Name: name}, &ids)).To(Succeed())
	c := meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return ""
	}
	return string(c.Status) + " (" + c.Reason + ")"
}
