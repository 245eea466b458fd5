package gitops

import (
	"os"
	"testing"

	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// Every state that the operator can leave an object in is read rightly: by the library that kpt and kubectl plugins use, by Flux's own
// edition of it, and by the health scripts for Argo CD.
func TestEveryStateIsReadRightly(t *testing.T) {
	states := append(append(applicationStates(t), serverStates(t)...), setStates(t)...)
	scripts := healthScripts(t)
	wrong, seen := 0, map[phase]int{}
	complain := func(s state, by, got string, message string) {
		wrong++
		if wrong <= 20 {
			t.Errorf("%s: %s says %s (%s), want %v", s.name, by, got, message, s.want)
		}
	}
	for _, s := range states {
		seen[s.want]++
		for by, compute := range map[string]func() (string, string, error){
			"kstatus": func() (string, string, error) {
				r, err := kstatus.Compute(s.object)
				return r.Status.String(), r.Message, err
			},
			"Flux's kstatus": func() (string, string, error) {
				r, err := flux.Compute(s.object)
				return r.Status.String(), r.Message, err
			},
		} {
			got, message, err := compute()
			if err != nil || got != s.want.kstatus {
				complain(s, by, got, message)
			}
		}
		health, message, err := runHealthScript(scripts[s.object.GetKind()], s.object.Object)
		if err != nil || health != s.want.argo || message == "" || s.message != "" && message != s.message {
			complain(s, "Argo CD", health, message)
		}
	}
	if wrong > 20 {
		t.Errorf("and %d more", wrong-20)
	}
	NewWithT(t).Expect(seen).To(HaveLen(5), "all phases occur")
	results.KstatusStates, results.ArgoStates = len(states), len(states)
	t.Logf("%d states of all kinds, each read by two editions of kstatus and by Argo CD's script: %v", len(states), seen)
}

// healthScripts reads the scripts by kind.
func healthScripts(t testing.TB) map[string]string {
	t.Helper()
	g := NewGomega(func(message string, _ ...int) { t.Fatal(message) })
	text, err := os.ReadFile(repository("config/argocd/argocd-cm.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var cm corev1.ConfigMap
	g.Expect(yaml.UnmarshalStrict(text, &cm)).To(Succeed())
	const prefix = "resource.customizations.health.trustedapps.dev_"
	scripts := map[string]string{}
	for _, kind := range []string{"TrustedApplication", "IdentityServer", "TrustedApplicationSet"} {
		scripts[kind] = cm.Data[prefix+kind]
	}
	g.Expect(cm.Data).To(HaveLen(3))
	g.Expect(scripts["TrustedApplication"]).NotTo(BeEmpty())
	g.Expect(scripts["IdentityServer"]).To(Equal(scripts["TrustedApplication"]), "one script for all kinds")
	g.Expect(scripts["TrustedApplicationSet"]).To(Equal(scripts["TrustedApplication"]), "one script for all kinds")
	return scripts
}
