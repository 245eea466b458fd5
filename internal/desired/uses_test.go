package desired

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/usage"
)

var (
	inEnvironment = usage.User{Kind: "Deployment", Name: "api", How: []usage.How{usage.Environment}, NeedsRestart: true}
	mounted       = usage.User{Kind: "Deployment", Name: "web", How: []usage.How{usage.Mounted}, Optional: true}
	running       = usage.User{Kind: "Job", Name: "import", How: []usage.How{usage.Mounted, usage.SubPath}, NeedsRestart: true}
)

func TestUsersOfASecretAreNamed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(UsedBy(usage.Found{})).To(BeNil())
	g.Expect(UsedBy(usage.Found{Users: []usage.User{mounted, running}})).To(Equal([]v1alpha1.SecretUser{
		{Kind: "Deployment", Name: "web", Uses: []v1alpha1.SecretUse{"Mounted"}}, {Kind: "Job", Name: "import", Uses: []v1alpha1.SecretUse{"Mounted", "SubPath"}},
	}))
}

func TestUsersOfASecretAreWarned(t *testing.T) {
	const restart = "status.usedBy: restart, or name in spec.credentials.rolloutRestart, after each rotation what reads the Secret orders only when it starts: "
	named := &v1alpha1.TrustedApplication{}
	named.Spec.Credentials = &v1alpha1.CredentialsSpec{RolloutRestart: []v1alpha1.RestartTarget{{Kind: "StatefulSet", Name: "api"}, {Kind: "Deployment", Name: "api"}}}
	deleting := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: new(metav1.Now())}}
	for name, c := range map[string]struct {
		app   *v1alpha1.TrustedApplication
		found usage.Found
		want  []string
	}{
		"nobody":                    {nil, usage.Found{}, nil},
		"what follows by itself":    {nil, usage.Found{Users: []usage.User{mounted}, More: 3}, nil},
		"what is read at the start": {nil, usage.Found{Users: []usage.User{inEnvironment, mounted}, More: 3}, []string{restart + "Deployment api (Environment)"}},
		"and more than are named":   {nil, usage.Found{Users: []usage.User{inEnvironment}, More: 3}, []string{restart + "Deployment api (Environment), and 3 more"}},
		"what the operator restarts": {named, usage.Found{Users: []usage.User{inEnvironment, mounted, running}}, []string{
			"status.usedBy: restart after each rotation what reads the Secret orders only when it starts: Job import (Mounted, SubPath)",
		}},
		"what is not known": {nil, usage.Found{Unknown: []string{"jobs.batch", "pods"}}, []string{
			"status.usedBy: whether jobs.batch, pods use the Secret orders is not known: the operator needs list on them in this namespace " +
				"(chart value inUseDetection.enabled)",
		}},
		"a deletion": {deleting, usage.Found{Users: []usage.User{inEnvironment, mounted}}, []string{
			"status.usedBy: the Secret orders goes with this application and is still used by Deployment api (Environment), Deployment web (Mounted, optional): " +
				"delete them or give them another one, as their next Pods do not start without it, unless optional",
		}},
		"a deletion that disturbs nobody": {deleting, usage.Found{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			app := c.app
			if app == nil {
				app = &v1alpha1.TrustedApplication{}
			}
			NewWithT(t).Expect(UseWarnings(app, "orders", c.found)).To(Equal(c.want))
		})
	}
}

func TestWarningsOfUsersAreBounded(t *testing.T) {
	g := NewWithT(t)
	found := usage.Found{More: 8}
	for range usage.Most {
		u := inEnvironment
		u.Name = strings.Repeat("a", 63)
		found.Users = append(found.Users, u)
	}
	for _, app := range []*v1alpha1.TrustedApplication{{}, {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: new(metav1.Now())}}} {
		for _, w := range UseWarnings(app, strings.Repeat("s", 63), found) {
			g.Expect(len(w)).To(BeNumerically("<=", 512))
			g.Expect(w).To(ContainSubstring(" and 39 more, see status.usedBy"))
		}
	}
}

func TestFormerWarningsOfUsersAreNotTheServers(t *testing.T) {
	g := NewWithT(t)
	app := &v1alpha1.TrustedApplication{}
	app.Status.Warnings = []string{"scopes of the server", "spec.scopes: empty", "status.usedBy: restart"}
	g.Expect(FormerUseWarnings(app)).To(Equal([]string{"status.usedBy: restart"}))
	g.Expect(MergeWarnings(nil, nil, app.Status.Warnings, false)).To(Equal([]string{"scopes of the server"}))
}
