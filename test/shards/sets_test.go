package shards

import (
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// gathers proves that the release which has the sets makes a combined Secret of what another one publishes, in a namespace where it has no application.
func (w *world) gathers(servers ...string) {
	w.t.Helper()
	const name = "all"
	east, rest := w.since(w.east), w.since(w.rest)
	set := &v1alpha1.TrustedApplicationSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: crm, Name: "crm"},
		Spec: v1alpha1.TrustedApplicationSetSpec{
			Servers: v1alpha1.SetServers{Names: servers}, CombinedSecret: &v1alpha1.CombinedSecret{Name: name},
			Template: v1alpha1.ApplicationTemplate{Spec: v1alpha1.ApplicationTemplateSpec{
				ApplicationURI: "com.example.crm/sync", Service: &v1alpha1.ServiceTemplate{SystemUser: "svc.orders"},
			}},
		},
	}
	w.Expect(w.Admin.Create(w.t.Context(), set)).To(Succeed())
	files := func() (map[string][]byte, error) {
		var secret corev1.Secret
		err := w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: crm, Name: name}, &secret)
		return secret.Data, err
	}
	w.Eventually(files).Should(HaveLen(len(servers)))
	before, err := files()
	w.Expect(err).NotTo(HaveOccurred())
	w.Consistently(files).WithTimeout(12 * time.Second).WithPolling(time.Second).Should(Equal(before)) // it asks each 10 s whom it watches for
	w.kubectl("annotate", "ta", "crm-"+servers[0], "-n", crm, v1alpha1.RotateAnnotation+"=now")
	w.Eventually(files).Should(HaveKeyWithValue(servers[0]+".json", Not(Equal(before[servers[0]+".json"]))))

	w.Expect(rest()).To(ContainElement("secrets " + crm + "/" + name))
	w.Expect(rest()).NotTo(ContainElement("secrets " + crm + "/crm-" + servers[0]))
	w.Expect(east()).To(ContainElement("secrets " + crm + "/crm-" + servers[0]))
	w.Expect(east()).NotTo(ContainElement("secrets " + crm + "/" + name))
	for _, server := range servers { // and nobody is left who moves
		app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: crm, Name: "crm-" + server}}
		w.Expect(client.IgnoreNotFound(w.Admin.Delete(w.t.Context(), set))).To(Succeed())
		w.Expect(client.IgnoreNotFound(w.Admin.Delete(w.t.Context(), app))).To(Succeed()) // there is no garbage collector
		w.Eventually(w.isGone).WithArguments(app).Should(BeTrue())
	}
}
