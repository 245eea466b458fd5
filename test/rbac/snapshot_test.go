package rbac

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the snapshots anew: read the difference before you commit it")

// grant is what somebody may do somewhere.
type grant struct {
	Where   string `json:"where"`
	Through string `json:"through"`
	Role    string `json:"role"`
	Rules   []rule `json:"rules"`
}

const everywhere = "all namespaces"

// grants returns who is bound to which rules, by the kind, namespace and name of the subject.
func grants(t *testing.T, objects []object) map[string][]grant {
	t.Helper()
	g := NewWithT(t)
	roles, bound := map[string][]rule{}, map[string][]grant{}
	for _, o := range objects {
		if o.Kind == "ClusterRole" || o.Kind == "Role" {
			roles[place(o.Kind, o.Metadata.Namespace, o.Metadata.Name)] = o.Rules
		}
	}
	for _, o := range objects {
		if !strings.HasSuffix(o.Kind, "RoleBinding") {
			continue
		}
		role := place(o.RoleRef.Kind, "", o.RoleRef.Name)
		if o.RoleRef.Kind == "Role" {
			role = place(o.RoleRef.Kind, o.Metadata.Namespace, o.RoleRef.Name)
		}
		g.Expect(roles).To(HaveKey(role), "%s binds a role that does not ship", o.Metadata.Name)
		where := everywhere
		if o.Kind == "RoleBinding" {
			where = "namespace " + o.Metadata.Namespace
		}
		for _, s := range o.Subjects {
			who := place(s.Kind, s.Namespace, s.Name)
			bound[who] = append(bound[who], grant{where, place(o.Kind, o.Metadata.Namespace, o.Metadata.Name), role, roles[role]})
		}
	}
	for _, b := range bound {
		slices.SortFunc(b, func(one, other grant) int { return strings.Compare(one.Through, other.Through) })
	}
	return bound
}

func place(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "/")
}

// Whoever changes a permission changes a file that says so, and reviewers see it.
func TestPermissionsAreAsReviewed(t *testing.T) {
	for name, of := range installations {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, of)
			users := map[string][]rule{} // what is aggregated to roles of people
			for _, o := range objects {
				for label := range o.Metadata.Labels {
					if to, ok := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); ok {
						users[to] = append(users[to], o.Rules...)
					}
				}
			}
			snapshot(t, name+".yaml", map[string]any{"bound": grants(t, objects), "aggregatedTo": users})
		})
	}
}

func snapshot(t *testing.T, name string, content any) {
	t.Helper()
	g := NewWithT(t)
	got, err := yaml.Marshal(content)
	g.Expect(err).NotTo(HaveOccurred())
	file := filepath.Join("testdata", name)
	if *update {
		g.Expect(os.WriteFile(file, got, 0o600)).To(Succeed())
	}
	want, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(got)).To(Equal(string(want)), "if the change is meant: go test ./test/rbac -update")
}

// The kustomizations grant what the chart grants, to the letter.
func TestBothWaysToInstallGrantTheSame(t *testing.T) {
	g := NewWithT(t)
	g.Expect(grants(t, rendered(t, installations["kustomize"]))).To(Equal(grants(t, rendered(t, installations["chart_namespaces"]))))
}

func TestNobodyIsBoundButTheOperator(t *testing.T) {
	for name, of := range installations {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			objects := rendered(t, of)
			const operator = "ServiceAccount/trustedapp-system/trustedapp-operator"
			const everybody = "Group/system:authenticated"
			bound := grants(t, objects)
			g.Expect(bound).To(And(HaveLen(2), HaveKey(operator), HaveKey(everybody)))
			for _, b := range bound[everybody] {
				for _, r := range b.Rules {
					g.Expect(r.Resources).To(Equal([]string{"identityservers"}), "everybody may see the servers, and nothing else")
					g.Expect(r.Verbs).To(ConsistOf("get", "list", "watch"))
				}
			}
			workloads := 0
			for _, o := range objects {
				if o.Kind == "Deployment" {
					workloads++
					g.Expect(place("ServiceAccount", o.Metadata.Namespace, o.Spec.Template.Spec.ServiceAccountName)).To(Equal(operator))
				}
			}
			g.Expect(workloads).To(Equal(1))
		})
	}
}

func TestNoRuleGoesTooFar(t *testing.T) {
	for name, of := range installations {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			objects := rendered(t, of)
			checked := 0
			for _, o := range objects {
				for _, r := range o.Rules {
					checked++
					told := o.Metadata.Name
					g.Expect(slices.Concat(r.Verbs, r.Resources, r.APIGroups)).NotTo(ContainElement(ContainSubstring("*")), told)
					g.Expect(r.Verbs).NotTo(ContainElement(BeElementOf("escalate", "bind", "impersonate", "approve", "sign")), told)
					g.Expect(r.APIGroups).NotTo(ContainElement("rbac.authorization.k8s.io"), told)
					g.Expect(r.Resources).NotTo(ContainElement(BeElementOf("pods", "pods/exec", "serviceaccounts/token", "nodes/proxy")), told)
					g.Expect(r.NonResourceURLs).To(BeEmpty(), told)
				}
			}
			g.Expect(checked).To(BeNumerically(">", 8))
			places := map[string]bool{}
			for _, bound := range grants(t, objects) {
				for _, b := range bound {
					for _, r := range b.Rules {
						if slices.ContainsFunc(r.Resources, func(s string) bool { return s == "secrets" || s == "configmaps" }) {
							places[b.Where] = true
						}
					}
				}
			}
			g.Expect(places).To(Equal(of.secrets), "Secrets are for the operator's own namespace, and where a namespace is opened to it")
		})
	}
}
