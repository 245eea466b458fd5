package rbac

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// permissionsOf are those of the operator in an installation, each as "verb resource, where", as the documentation names them.
func permissionsOf(t *testing.T, of installation) []string {
	t.Helper()
	where := map[string]string{everywhere: "everywhere", ownPlace: "its own namespace", demoPlace: "namespaces that you name"}
	var all []string
	for who, granted := range grants(t, rendered(t, of)) {
		if !strings.HasPrefix(who, "ServiceAccount") {
			continue
		}
		for _, g := range granted {
			for _, r := range g.Rules {
				for _, resource := range named(r) {
					for _, verb := range r.Verbs {
						all = append(all, verb+" "+resource+", "+where[g.Where])
					}
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// named are the resources of a rule, with their groups, and the names of objects where it is about some.
func named(r rule) (all []string) {
	for _, resource := range r.Resources {
		for _, group := range r.APIGroups {
			full := resource
			if group != "" {
				full += "." + group
			}
			if len(r.ResourceNames) == 0 {
				all = append(all, full)
			}
			for _, name := range r.ResourceNames {
				all = append(all, full+" "+name)
			}
		}
	}
	return all
}

var (
	inCode = regexp.MustCompile("`([^`]+)`")
	source = regexp.MustCompile("\\[`([^`]+)`\\]\\(../([^)]+)\\) `([^`]+)`")
)

// TestEveryPermissionIsDocumentedWithTheCodeThatNeedsIt holds the table of docs/security.md against the roles, and against the code.
func TestEveryPermissionIsDocumentedWithTheCodeThatNeedsIt(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile(repository("docs/security.md"))
	g.Expect(err).NotTo(HaveOccurred())
	_, section, ok := strings.Cut(string(page), "## What the operator may do\n")
	g.Expect(ok).To(BeTrue())
	table, _, _ := strings.Cut(section, "\n\n")
	var documented []string
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		g.Expect(cells).To(HaveLen(5), row)
		where, _, _ := strings.Cut(strings.TrimSpace(cells[0]), ", with `") // the value that gives it
		for _, resource := range inCode.FindAllStringSubmatch(cells[2], -1) {
			for verb := range strings.SplitSeq(cells[1], ",") {
				documented = append(documented, strings.TrimSpace(verb)+" "+resource[1]+", "+where)
			}
		}
		code := source.FindStringSubmatch(cells[4])
		g.Expect(code).NotTo(BeNil(), row)
		g.Expect(code[1]).To(Equal(code[2]), row)
		content, err := os.ReadFile(repository(code[1]))
		g.Expect(err).NotTo(HaveOccurred(), row)
		g.Expect(string(content)).To(ContainSubstring(code[3]), "the code that needs the permission: %s", row)
	}
	slices.Sort(documented)
	with := installation{commands: helmTemplate("--set", "namespaces={demo},rbac.rolloutRestart=true,inUseDetection.enabled=true")}
	g.Expect(documented).To(Equal(permissionsOf(t, with)))
}
