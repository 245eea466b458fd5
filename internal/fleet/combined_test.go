package fleet

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// combining is a world whose set asks for a combined Secret.
func combining(servers int) *world {
	w := newWorld(servers)
	w.set.Spec.CombinedSecret = &v1alpha1.CombinedSecret{Name: "crm-all"}
	return w
}

// with decides, with the combined Secret as it is.
func (w *world) with(c Combined) Decision {
	o := w.observed()
	o.Combined = c
	d := Next(w.set, o, w.now)
	w.set.Status = d.Status
	return d
}

func published(d Decision) string { return condition(d, v1alpha1.ConditionCredentialsPublished) }

func TestWhoPublishes(t *testing.T) {
	g, w := NewWithT(t), combining(3)
	w.settle(t)
	list := w.observed().Applications
	list = append(list, v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Name: "foreign"}})
	for i := range list {
		switch list[i].Name {
		case "crm-s001":
			list[i].Spec.ClientType = v1alpha1.ClientTypePublic
		case "crm-s002":
			list[i].DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	}
	g.Expect(names(Publishers(w.set, list))).To(Equal([]string{"crm-s000", "crm-s002"}), "those that are on their way out as well, and no public ones")
}

func TestAClashIsNoticed(t *testing.T) {
	g, w := NewWithT(t), combining(2)
	w.settle(t)
	publishers := Publishers(w.set, w.observed().Applications)
	g.Expect(Clash(w.set, publishers)).To(BeEmpty())
	w.set.Spec.CombinedSecret.Name = "crm-s001"
	g.Expect(Clash(w.set, publishers)).To(Equal("crm-s001"))
	publishers[0].Spec.Credentials = &v1alpha1.CredentialsSpec{SecretName: "other"}
	w.set.Spec.CombinedSecret.Name = "other"
	g.Expect(Clash(w.set, publishers)).To(Equal("crm-s000"))
}

// publish is what the controller of applications tells of a Secret.
func (w *world) publish() {
	for _, app := range w.apps {
		app.Status.Binding = &v1alpha1.BindingReference{Name: app.Name}
	}
}

func TestFilesThatAreMissing(t *testing.T) {
	g, w := NewWithT(t), combining(3)
	w.settle(t)
	missing := func(files ...string) int {
		o := w.observed()
		o.Combined = Combined{Files: files}
		return gather(w.set, o, w.now).missing
	}
	g.Expect(missing("none")).To(BeZero(), "nobody published anything")
	w.publish()
	g.Expect(missing("s000", "s002")).To(Equal(1))
	g.Expect(missing()).To(BeZero(), "nobody looked")
	w.apps["crm-s001"].DeletionTimestamp = &metav1.Time{Time: w.now}
	g.Expect(missing("s000", "s002")).To(BeZero(), "one that goes is not missed")
}

func TestTheCombinedSecretIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		combined                  Combined
		ready, published, stalled string
		told                      string
		status                    *v1alpha1.CombinedSecretStatus
	}{
		"there": {
			Combined{Name: "crm-all", Instances: 2, Files: []string{"s000", "s001"}}, "True Ready", "True Published", "", "2 of 2 TrustedApplications are Ready",
			&v1alpha1.CombinedSecretStatus{Name: "crm-all", Instances: 2},
		},
		"nothing is published": {Combined{}, "True Ready", "False Progressing", "", "2 of 2 TrustedApplications are Ready", nil},
		"a file is missing": {
			Combined{Name: "crm-all", Instances: 1, Files: []string{"s001"}}, "False Progressing", "False Progressing", "",
			"2 of 2 TrustedApplications are as the template asks; 1 instances have no file yet in the Secret crm-all, which is written",
			&v1alpha1.CombinedSecretStatus{Name: "crm-all", Instances: 1},
		},
		"the former one is there": {
			Combined{Name: "former", Instances: 2, Reason: v1alpha1.ReasonSecretConflict, Message: "choose another"},
			"False SecretConflict", "False SecretConflict", "True SecretConflict", "2 of 2 TrustedApplications are Ready; choose another",
			&v1alpha1.CombinedSecretStatus{Name: "former", Instances: 2},
		},
		"too large": {
			Combined{Reason: v1alpha1.ReasonSecretTooLarge, Message: "divide", Files: []string{}}, "False SecretTooLarge", "False SecretTooLarge", "True SecretTooLarge",
			"2 of 2 TrustedApplications are Ready; divide", nil,
		},
		"not allowed": {
			Combined{Reason: v1alpha1.ReasonNamespaceNotPermitted, Message: "open it"}, "False NamespaceNotPermitted", "False NamespaceNotPermitted", "",
			"2 of 2 TrustedApplications are Ready; open it", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), combining(2)
			w.settle(t)
			w.publish()
			d := w.with(c.combined)
			g.Expect(readiness(d)).To(Equal(c.ready))
			g.Expect(published(d)).To(Equal(c.published))
			g.Expect(condition(d, v1alpha1.ConditionStalled)).To(Equal(c.stalled))
			g.Expect(message(d)).To(ContainSubstring(c.told))
			g.Expect(d.Status.CombinedSecret).To(Equal(c.status))
			g.Expect(w.with(c.combined).Status).To(Equal(d.Status), "what is told does not change by itself")
		})
	}
}

func TestARollOutGoesOnWhateverTheCombinedSecretIs(t *testing.T) {
	g, w := NewWithT(t), combining(2)
	w.settle(t)
	w.change("New")
	d := w.with(Combined{Reason: v1alpha1.ReasonSecretConflict, Message: "choose another"})
	g.Expect(d.Update).NotTo(BeEmpty())
	g.Expect(readiness(d)).To(Equal("False Progressing"))
	g.Expect(published(d)).To(Equal("False SecretConflict"))
}

func TestNothingIsToldOfASecretThatNobodyAskedFor(t *testing.T) {
	g, w := NewWithT(t), combining(1)
	w.settle(t)
	w.with(Combined{Name: "crm-all", Instances: 1})
	w.set.Spec.CombinedSecret = nil
	d := w.with(Combined{Name: "crm-all", Instances: 1})
	g.Expect(published(d)).To(BeEmpty())
	g.Expect(d.Status.CombinedSecret).NotTo(BeNil(), "as long as it is there")
	d = w.with(Combined{})
	g.Expect(d.Status.CombinedSecret).To(BeNil())
	g.Expect(d.Status.Conditions).To(HaveLen(1))
}
