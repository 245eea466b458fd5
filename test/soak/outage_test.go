package soak

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
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
	b := newBed(t)
	apps := number("APPS", 60)
	front := b.newProxy()
	b.trusted.AddCert(front.authority)
	address, err := prometheus.FreeAddress()
	b.Expect(err).NotTo(HaveOccurred())
	instance := b.instance("away", func(s *standin.Spec) { s.Address, s.PublicURL = address, front.url() })
	front.address = address
	b.Expect(front.serve(b)).To(Succeed())
	b.Expect(b.serverSpec("away", fmt.Sprintf(`{"caBundle":%q}`, base64.StdEncoding.EncodeToString(front.ca())))).To(Succeed())
	well := b.instance("well")
	o := b.ready(b.operator())
	began := time.Now()
	for n := range apps {
		b.Expect(b.admin.Create(t.Context(), service(fmt.Sprintf("app-%d", n), []string{"away", "well"}[n%2]))).To(Succeed())
	}
	b.Eventually(b.settled).Should(Succeed())
	progress("%d applications are Ready, %s", apps, time.Since(began).Round(time.Second))
	for i, out := range b.outages(instance, front) {
		b.survive(o, i, out, instance)
	}
	b.Expect(b.violations(instance, well)).To(BeEmpty())
}

// outages are the ways.
func (b *bed) outages(instance *standin.Instance, front *proxy) []outage {
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
			own, _, err := instance.Application(ctx, operatorURI)
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
			return b.serverSpec("away", fmt.Sprintf(`{"caBundle":%q}`, base64.StdEncoding.EncodeToString(pem)))
		}
	}
	another := plain("its issuer has changed", standin.Fault{
		Path: "/id/.well-known/openid-configuration", Status: 200, ContentType: "application/json",
		Body: `{"issuer":"https://another.example.com","token_endpoint":"https://another.example.com/connect/token"}`,
	})
	another.unnoticed = true
	return []outage{
		{name: "connections are refused", begin: front.close, end: func(context.Context) error { return front.serve(b) }},
		plain("503", standin.Fault{Status: 503}),
		plain("429 with Retry-After", standin.Fault{Status: 429, RetryAfter: "3"}),
		plain("it hangs", standin.Fault{Drop: standin.DropHang}),
		{
			name:  "its certificate has expired",
			begin: func(context.Context) error { front.present(b, time.Now().Add(-time.Hour)); return nil },
			end:   func(context.Context) error { front.present(b, time.Now().Add(time.Hour)); return nil },
		},
		{name: "another authority is trusted", begin: bundle(b.plane.CA), end: bundle(front.ca())},
		another,
		{name: "the operator's own secret was revoked", begin: secret("another-secret-0123456789"), end: secret(operatorSecret)},
	}
}

// serverSpec patches the spec of an IdentityServer.
func (b *bed) serverSpec(name, patch string) error {
	var ids v1alpha1.IdentityServer
	ids.Name = name
	return b.admin.Patch(b.t.Context(), &ids, client.RawPatch("application/merge-patch+json", []byte(`{"spec":`+patch+`}`)))
}

// survive goes through one outage.
func (b *bed) survive(o *operator, n int, out outage, instance *standin.Instance) {
	b.t.Helper()
	ctx := b.t.Context()
	doomed := fmt.Sprintf("doomed-%d", n)
	b.Expect(b.admin.Create(ctx, service(doomed, "away"))).To(Succeed())
	b.Eventually(b.settled).Should(Succeed())
	b.wait(2 * time.Second) // the proxy closes what is idle, so that the next connection sees its certificate
	b.Expect(out.begin(ctx)).To(Succeed())
	before, began := b.requests(o, "away"), time.Now()
	for i := range busy {
		b.Expect(b.edit(fmt.Sprintf("app-%d", 2*i), func(a *v1alpha1.TrustedApplication) { a.Spec.DisplayName = out.name })).To(Succeed())
	}
	b.Expect(b.admin.Delete(ctx, service(doomed, "away"))).To(Succeed())
	b.Expect(b.sweep("away")).To(Succeed())
	b.Eventually(func() string { return b.serverState("away") }, 45*time.Second).Should(HavePrefix("False"), out.name)
	noticed := time.Since(began)

	other := fmt.Sprintf("other-%d", n)
	started := time.Now()
	b.Expect(b.admin.Create(ctx, service(other, "well"))).To(Succeed())
	b.Eventually(func() error { return b.atRest(other) }, 10*time.Second).Should(Succeed(), "the other server is not affected")
	unaffected := time.Since(started)
	b.Eventually(func() bool { return time.Since(began) > away }).Should(BeTrue())
	state, asked := b.serverState("away"), b.requests(o, "away")-before
	b.Expect(asked).To(BeNumerically("<=", mostRequests), "a storm of requests: %s", out.name)

	b.Expect(out.end(ctx)).To(Succeed())
	ended := time.Now()
	b.Eventually(b.settled).Should(Succeed(), out.name)
	progress("%-40s %s; noticed in %.1f s, asked %.0f times in %s, an application of the other server Ready in %.1f s, all at rest %.0f s after the end",
		out.name, state, noticed.Seconds(), asked, away, unaffected.Seconds(), time.Since(ended).Seconds())
	if !out.unnoticed {
		b.deletedFirst(instance, out.name)
	}
}

// deletedFirst checks that the deletion did not wait for the changes of others.
func (b *bed) deletedFirst(instance *standin.Instance, name string) {
	b.t.Helper()
	log, err := instance.Requests(b.t.Context())
	b.Expect(err).NotTo(HaveOccurred())
	changes := 0
	for i := len(log) - 1; i >= 0; i-- { // the last deletion is that of this outage; those after it had to wait for it
		if log[i].Method == http.MethodDelete && log[i].Status < 300 {
			b.Expect(changes).To(BeNumerically(">", 0), "the deletion came last of all: %s", name)
			return
		}
		if log[i].Method == http.MethodPatch && log[i].Status < 300 {
			changes++
		}
	}
	b.t.Errorf("%s: no deletion arrived", name)
}

// atRest says what keeps one application from rest.
func (b *bed) atRest(name string) error {
	var app v1alpha1.TrustedApplication
	if err := b.admin.Get(b.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &app); err != nil {
		return err
	}
	if !atRest(&app) {
		return fmt.Errorf("%s %s", name, state(&app))
	}
	return nil
}

// serverState is the condition Ready of an IdentityServer.
func (b *bed) serverState(name string) string {
	b.t.Helper()
	var ids v1alpha1.IdentityServer
	b.Expect(b.admin.Get(b.t.Context(), client.ObjectKey{Name: name}, &ids)).To(Succeed())
	c := meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return ""
	}
	return string(c.Status) + " (" + c.Reason + ")"
}

// requests is how often an operator asked a server.
func (b *bed) requests(o *operator, server string) (n float64) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+o.metrics+"/metrics", http.NoBody)
	b.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	b.Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(response.Body.Close()).To(Succeed())
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	b.Expect(err).NotTo(HaveOccurred())
	for _, m := range families["trustedapp_server_requests_total"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "server" && l.GetValue() == server {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}
