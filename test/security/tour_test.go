package security

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/overlay"
)

// attempt is a file of tour/.
type attempt struct{ name, refused, by string }

func attempts() []attempt {
	GinkgoHelper()
	files := must(filepath.Glob("tour/*.yaml"))
	var all []attempt
	for _, file := range files {
		a := attempt{name: strings.TrimSuffix(filepath.Base(file), ".yaml")}
		for line := range strings.Lines(string(must(os.ReadFile(file)))) {
			line = strings.TrimSpace(line)
			if value, ok := strings.CutPrefix(line, "# refused: "); ok {
				a.refused = value
			}
			if value, ok := strings.CutPrefix(line, "# by: "); ok {
				a.by = value
			}
		}
		Expect(a.refused).NotTo(BeEmpty(), file)
		Expect([]string{"rbac", "schema", "operator"}).To(ContainElement(a.by), file)
		all = append(all, a)
	}
	return all
}

// told is what the script says of an attempt.
type told struct{ outcome, says string }

// tour runs the script as the tenant.
func (s *stage) tour(ctx context.Context) map[string]told {
	GinkgoHelper()
	script := exec.CommandContext(ctx, bed.Path("test/security/tour.sh"), s.tenant)
	script.Env = append(os.Environ(), "KUBECTL="+bed.Path("bin/kubectl"))
	script.Stderr = GinkgoWriter
	out, err := script.Output()
	Expect(err).NotTo(HaveOccurred(), string(out))
	all := map[string]told{}
	for line := range strings.Lines(string(out)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		Expect(fields).To(HaveLen(3), line)
		all[fields[0]] = told{fields[1], fields[2]}
	}
	return all
}

// props are what the attempts are about: an application of the attackers, two of the victims, and objects of somebody else.
func (s *stage) props(ctx context.Context) {
	GinkgoHelper()
	billing := application(victims, "billing", service("svc.team-b"))
	billing.Spec.ApplicationURI = "com.example.shared/billing"
	mine := application(attackers, "mine", service("svc.team-a"))
	for _, app := range []*v1alpha1.TrustedApplication{billing, mine} {
		Expect(s.bed.Admin.Create(ctx, app)).To(Succeed())
		s.becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
		s.plant(ctx, app)
	}
	none := grants()[0]
	none.Name, none.ApplicationURIs, none.MaxApplications = "quota", []v1alpha1.TextPattern{"com.example.quota/*"}, new(int32(0))
	s.grant(ctx, append([]v1alpha1.AccessGrant{none}, grants()...)...)
	Expect(s.bed.Admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: attackers, Name: "tls"}, StringData: map[string]string{"tls.key": "of somebody else"},
	})).To(Succeed())
	Expect(s.bed.Admin.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: attackers, Name: "settings"}, Data: map[string]string{"a": "b"},
	})).To(Succeed())
}

// world is what no attempt may change: registrations, and the objects of others.
func (s *stage) world(ctx context.Context) map[string]string {
	GinkgoHelper()
	all := map[string]string{}
	for _, r := range must(s.instance.Applications(ctx)) {
		all["registration "+r.ApplicationURI] = string(must(json.Marshal(r)))
	}
	for _, key := range []client.ObjectKey{{Namespace: victims, Name: "orders"}, {Namespace: victims, Name: "billing"}, {Namespace: attackers, Name: "tls"}} {
		var secret corev1.Secret
		Expect(s.bed.Admin.Get(ctx, key, &secret)).To(Succeed())
		all["Secret "+key.String()] = string(must(json.Marshal(secret)))
	}
	var settings corev1.ConfigMap
	Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Namespace: attackers, Name: "settings"}, &settings)).To(Succeed())
	all["ConfigMap settings"] = string(must(json.Marshal(settings)))
	return all
}

var _ = Describe("an attacker's tour, by a tenant with kubectl", Ordered, Serial, func() {
	It("is refused at each stop, in words, and changes nothing", Label(threat), func(ctx SpecContext) {
		guarded.props(ctx)
		atRest := guarded.world(ctx)
		Consistently(func() map[string]string { return guarded.world(ctx) }).WithTimeout(time.Second).Should(Equal(atRest))
		Expect(guarded.instance.ResetCounts(ctx)).To(Succeed())
		before := guarded.world(ctx)
		outcomes := guarded.tour(ctx)
		var open []string
		for _, a := range attempts() {
			found.Attempts++
			got := outcomes[a.name]
			if got.outcome == "refused" && strings.Contains(got.says, a.refused) {
				found.AttemptsRefused++
				continue
			}
			open = append(open, fmt.Sprintf("%s: %s, and not refused with %q: %s", a.name, got.outcome, a.refused, got.says))
		}
		Expect(open).To(BeEmpty())
		Expect(found.Attempts).To(BeNumerically(">=", 20))
		Expect(guarded.world(ctx)).To(Equal(before))
		Expect(must(guarded.instance.Counts(ctx)).Writes).To(BeZero())
	}, NodeTimeout(5*time.Minute))

	It("succeeds at each stop where the check is switched off", func(ctx SpecContext) {
		dir := GinkgoT().TempDir()
		edits := must(overlay.Write(dir, bed.Path("."), []overlay.Edit{
			{File: "internal/plan/adoption.go", Old: "	return o.restorable(d, have) || o.adoptable(d, have)\n", New: "	return true\n"},
			{File: "internal/output/compare.go", Old: "	return owner != nil && owner.UID == app\n", New: "	return owner == nil || owner.UID == app\n"},
		}))
		weak := filepath.Join(dir, "manager")
		build := exec.CommandContext(ctx, "go", "build", "-overlay", edits, "-o", weak, ".")
		build.Dir = bed.Path(".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))

		open := newStage(ctx, "open", weak)
		open.begin(ctx)
		open.props(ctx)
		open.grant(ctx, v1alpha1.AccessGrant{
			Name: "everyone", Namespaces: []v1alpha1.NamespacePattern{"*"}, Scopes: []v1alpha1.TextPattern{"*", "sec"}, Administrators: v1alpha1.AdministratorsAllowed,
		})
		Expect(open.bed.Admin.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "attackers"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: attackers, Name: "attacker"}},
		})).To(Succeed())
		open.withoutRules(ctx)
		outcomes := open.tour(ctx)
		var refused []string
		for _, a := range attempts() {
			if got := outcomes[a.name]; got.outcome == "succeeded" {
				found.AttemptsOpen++
			} else {
				refused = append(refused, a.name+": "+got.says)
			}
		}
		Expect(refused).To(BeEmpty())
	}, NodeTimeout(10*time.Minute))
})

// withoutRules takes the rules of the schema away, and waits until the API server goes by that.
func (s *stage) withoutRules(ctx context.Context) {
	GinkgoHelper()
	for _, kind := range []string{"trustedapplications", "identityservers"} {
		Eventually(func(g Gomega) {
			crd := &unstructured.Unstructured{}
			crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
			g.Expect(s.bed.Admin.Get(ctx, client.ObjectKey{Name: kind + "." + v1alpha1.GroupVersion.Group}, crd)).To(Succeed())
			strip(crd.Object["spec"])
			g.Expect(s.bed.Admin.Update(ctx, crd)).To(Succeed())
		}).Should(Succeed())
	}
	Eventually(func() error {
		wild := application(attackers, "probe", service("svc.team-a"))
		wild.Spec.DisplayName = "a\nb"
		return s.bed.Admin.Create(ctx, wild, client.DryRunAll)
	}).Should(Succeed())
}

// strip takes rules in CEL out of a schema.
func strip(node any) {
	switch n := node.(type) {
	case map[string]any:
		delete(n, "x-kubernetes-validations")
		for _, child := range n {
			strip(child)
		}
	case []any:
		for _, child := range n {
			strip(child)
		}
	}
}
