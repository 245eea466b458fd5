package chart

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"trustedapps.dev/operator/api/v1alpha1"
)

// leases are the Leases that the operator of a release may have, and the one that it asks for.
func (c *cluster) leases(release string) (allowed []string, asked string) {
	c.t.Helper()
	var role rbacv1.Role
	c.Expect(c.get(release, &role)).To(Succeed())
	for _, rule := range role.Rules {
		if slices.Contains(rule.Resources, "leases") {
			allowed = append(allowed, rule.ResourceNames...)
		}
	}
	return allowed, c.flag(release, "--leader-election-id=")
}

// flag is the value of a flag of a release's operator; "" where it is not set.
func (c *cluster) flag(release, name string) string {
	c.t.Helper()
	var deployment appsv1.Deployment
	c.Expect(c.get(release, &deployment)).To(Succeed())
	for _, arg := range deployment.Spec.Template.Spec.Containers[0].Args {
		if value, ok := strings.CutPrefix(arg, name); ok {
			return value
		}
	}
	return ""
}

// An installation becomes two shards, as docs/operations.md says, and one again.
func TestShardsAreReleasesOfOneNamespace(t *testing.T) {
	const first, east = "trustedapp-operator", "trustedapp-operator-east"
	c := start(t)
	c.prepare()
	c.helm("install", first, chartDir, "--create-namespace", "--set", servers+",namespaces={demo,shop}")
	allowed, asked := c.leases(first)
	c.Expect(allowed).To(ConsistOf("trustedapp-operator"))
	c.Expect(asked).To(BeEmpty(), "without shards nothing changes")

	c.helm("upgrade", first, chartDir, "--reuse-values", "--set", "shardSelector=shard!=east")
	allowed, asked = c.leases(first)
	c.Expect(allowed).To(ConsistOf(asked))
	c.Expect(asked).To(Equal("trustedapp-operator"), "the same as before: no second leader during the upgrade")
	c.Expect(c.flag(first, "--shard-selector=")).To(Equal("shard!=east"))

	out, err := c.run("helm", "install", east, chartDir, "--namespace", namespace, "--set", "shardSelector=shard=east")
	c.Expect(err).To(HaveOccurred(), "the kinds belong to the first release")
	c.Expect(out).To(And(ContainSubstring(`CustomResourceDefinition "identityservers.trustedapps.dev"`), ContainSubstring("cannot be imported into the current release")))

	c.helm("install", east, chartDir, "--set", "shardSelector=shard=east,namespaces={demo,shop}",
		"--set", "crds.install=false,rbac.userRoles=false,rbac.guardAbandon=false",
		"--set", "identityServers.globex.erpNet.url=https://globex.my.erp.net,identityServers.globex.erpNet.credentialsRef.name=globex-operator",
		"--set", "identityServerLabels.shard=east")
	allowed, asked = c.leases(east)
	c.Expect(allowed).To(ConsistOf(asked))
	c.Expect(asked).To(Equal(east))
	c.Expect(c.flag(east, "--shard-selector=")).To(Equal("shard=east"))
	c.Expect(c.flag(east, "--service-account=")).To(Equal(east))
	c.Expect(c.flag(east, "--publisher-role=")).To(Equal(east + "-publisher"))
	var server v1alpha1.IdentityServer
	c.Expect(c.get("globex", &server)).To(Succeed())
	c.Expect(server.Labels).To(HaveKeyWithValue("shard", "east"))
	c.Expect(c.get("acme", &server)).To(Succeed())
	c.Expect(server.Labels).NotTo(HaveKey("shard"))

	// What people write on a server stays, whatever Helm does.
	_, err = c.run("kubectl", "label", "ids", "acme", "shard=east")
	c.Expect(err).NotTo(HaveOccurred())
	c.helm("upgrade", first, chartDir, "--reuse-values", "--set", "identityServers.acme.environment=Test")
	c.Expect(c.get("acme", &server)).To(Succeed())
	c.Expect(server.Labels).To(HaveKeyWithValue("shard", "east"))
	c.Expect(server.Spec.Environment).To(Equal(v1alpha1.EnvironmentTest))

	c.helm("uninstall", east)
	c.Expect(apierrors.IsNotFound(c.get(east, &appsv1.Deployment{}))).To(BeTrue())
	c.Expect(c.get(first, &appsv1.Deployment{})).To(Succeed())
	c.Expect(c.get("globex", &server)).To(Succeed())
	c.Expect(c.describes("displayName")).To(BeTrue())
	c.helm("upgrade", first, chartDir, "--reuse-values", "--set", "shardSelector=")
	c.Expect(c.flag(first, "--shard-selector=")).To(BeEmpty())
}
