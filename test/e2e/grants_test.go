package e2e

import (
	. "github.com/onsi/ginkgo/v2"
)

// publisher is the role to publish, and the name of its bindings.
const publisher = "trustedapp-operator-publisher"

// openCluster lets the operator publish in every namespace.
func openCluster() {
	GinkgoHelper()
	kubectl("create", "clusterrolebinding", publisher, "--clusterrole="+publisher, "--serviceaccount="+operatorNamespace+":trustedapp-operator")
}

// openNamespace lets the operator publish in the namespace of a world.
func openNamespace(w *world) {
	GinkgoHelper()
	kubectl("create", "rolebinding", publisher, "-n", w.namespace, "--clusterrole="+publisher, "--serviceaccount="+operatorNamespace+":trustedapp-operator")
}

// restrictOperator restarts the operator with no permission to publish, until the spec ends.
func restrictOperator() {
	GinkgoHelper()
	stopOperator()
	kubectl("delete", "clusterrolebinding", publisher)
	DeferCleanup(func() {
		stopOperator()
		openCluster()
		startOperator()
	})
	startOperator()
}
