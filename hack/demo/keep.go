package main

// explainKept says how to use what is left running.
func (t *tour) explainKept() {
	w := &t.world
	t.step("Everything keeps running until Ctrl-C")
	t.note("In another terminal, in this directory:")
	t.command(`export PATH="$PWD/bin:$PATH" KUBECONFIG=` + w.plane.Kubeconfig)
	t.command("kubectl get ids,ta -A")
	t.command("kubectl describe ta orders -n demo")
	t.command("kubectl explain trustedapplication.spec.service.systemUser")
	t.command("kubectl apply -f hack/demo/manifests/wrong.yaml")
	t.command("kubectl patch ta orders -n demo --type=merge -p '{\"spec\":{\"enabled\":false}}'")
	t.note("A token of the service application, without its secret on a command line:")
	t.command(`kubectl get secret orders-credentials -n demo -o go-template='grant_type=client_credentials&client_id=` +
		`{{.data.client_id | base64decode | urlquery}}&client_secret={{.data.client_secret | base64decode | urlquery}}' | ` +
		`curl -s --cacert ` + w.caFile() + ` --data @- ` + w.instance.Identity + `/connect/token`)
	t.note("")
	t.note("The instance:          %s (trust %s)", w.instance.URL, w.caFile())
	t.note("Its Domain API:        %s", w.instance.DomainAPI)
	t.note("A user who signs in:   %s, password %s (made up for this run)", anna, w.annasPassword.Reveal())
	t.note("Logs:                  %s, %s, %s", operatorLog, controlPlaneLog, standinLog)
	t.note("The result so far:     %s", reportFile)
}
