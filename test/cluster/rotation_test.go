package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	rotations = 3
	// bridge is how long a secret is announced, and how long a former one works. The kubelet of this node looks at volumes every second; test/rotation
	// has one that takes as long as that of a cluster.
	bridge = 15 * time.Second
)

func rotationSpecs() {
	It("rotates under Pods that follow their mounted Secret, and no token request fails", func(ctx SpecContext) {
		noticed := tokensOf(ctx)
		var rotating sync.WaitGroup
		for app, strategy := range map[string]v1alpha1.RotationStrategy{"orders": v1alpha1.RotationAlternate, "portal": v1alpha1.RotationAnnounce} {
			rotating.Go(func() {
				defer GinkgoRecover()
				rotate(ctx, app, strategy)
			})
		}
		rotating.Wait()
		nobodyNoticed(ctx, noticed)
	})
}

// rotate lets the strategy replace the credential of an application of the samples again and again.
func rotate(ctx context.Context, name string, strategy v1alpha1.RotationStrategy) {
	GinkgoHelper()
	app := &v1alpha1.TrustedApplication{}
	change := func(edit func()) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: name}, app)).To(Succeed())
			edit()
			g.Expect(admin.Update(ctx, app)).To(Succeed())
		}).Should(Succeed())
	}
	change(func() {
		if app.Spec.Credentials == nil {
			app.Spec.Credentials = &v1alpha1.CredentialsSpec{}
		}
		app.Spec.Credentials.Rotation = &v1alpha1.RotationSpec{
			Strategy: strategy, GracePeriod: &metav1.Duration{Duration: bridge}, AnnouncePeriod: &metav1.Duration{Duration: bridge},
		}
	})
	becomesReady(ctx, app)
	seen := map[string]bool{}
	for i := range rotations {
		began, value := time.Now(), fmt.Sprint("rotation ", i+1)
		change(func() { metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1alpha1.RotateAnnotation, value) })
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(app.Status.Rotation).To(HaveValue(And(HaveField("HandledRotate", value), HaveField("Phase", v1alpha1.RotationIdle))))
		}).Should(Succeed())
		var secret corev1.Secret
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: app.Status.Binding.Name}, &secret)).To(Succeed())
		seen[string(secret.Data["client_secret"])] = true
		progress("%s: %s with %s took %.1f s", name, value, strategy, time.Since(began).Seconds())
	}
	Expect(seen).To(HaveLen(rotations), "each brought a secret of its own")
}
