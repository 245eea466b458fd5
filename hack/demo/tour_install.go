package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
)

// start brings up what a company has: a cluster and an ERP.net instance.
func (t *tour) start(ctx context.Context) error {
	t.step("Start a Kubernetes control plane and an ERP.net instance, both on this machine")
	began := time.Now()
	if err := t.world.startPlane(ctx, t.console); err != nil {
		return err
	}
	t.holds("etcd, kube-apiserver and kube-controller-manager are up after %.1f s", time.Since(began).Seconds())
	if err := t.world.startInstance(ctx); err != nil {
		return err
	}
	t.holds("the stand-in for an ERP.net instance is up: %s, with a CA of its own", t.world.instance.URL)
	t.note("It has the users svc.operator (an administrator), svc.orders, svc.portal and anna, and one trusted application: the")
	t.note("operator's own, with the scopes read, update and sec. On a real instance an administrator registers that one by hand.")
	return nil
}

// install installs the operator and runs it with the permissions that ship.
func (t *tour) install(ctx context.Context) error {
	t.step("Install the operator: CRDs, RBAC, Deployment")
	if err := t.world.kubectl.run(ctx, "apply", "-k", "config/default"); err != nil {
		return err
	}
	if err := t.world.kubectl.run(ctx, "wait", "--for=condition=Established", "--timeout=30s", "crd",
		"identityservers.trustedapps.dev", "trustedapplications.trustedapps.dev"); err != nil {
		return err
	}
	t.note("The operator's own credentials go into a Secret in its namespace:")
	credentials, err := t.operatorCredentials()
	if err != nil {
		return err
	}
	if err := t.world.kubectl.pipe(ctx, credentials, "Secret acme-operator with client_id and client_secret", "create", "-f", "-"); err != nil {
		return err
	}
	t.note("The applications get a namespace, and the operator the permission to publish Secrets and ConfigMaps in it:")
	if err := t.world.kubectl.run(ctx, "apply", "-f", "config/samples/namespace.yaml"); err != nil {
		return err
	}
	args, err := t.operatorArguments(ctx)
	if err != nil {
		return err
	}
	if err := t.world.startOperator(ctx, args); err != nil {
		return err
	}
	t.note("This control plane has no nodes, so the Deployment gets no Pod. The same program runs as a process instead, with the")
	t.note("Deployment's arguments and a token of its ServiceAccount, which has exactly the permissions that ship:")
	t.command("bin/manager " + quoted(args))
	return nil
}

func (t *tour) operatorCredentials() ([]byte, error) {
	return yaml.Marshal(&corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "acme-operator"},
		Data: map[string][]byte{
			v1alpha1.KeyOperatorClientID:     []byte(operatorClientID),
			v1alpha1.KeyOperatorClientSecret: []byte(t.world.operatorSecret.Reveal()),
		},
	})
}

// operatorArguments are those of the Deployment, and what a Pod would know by itself.
func (t *tour) operatorArguments(ctx context.Context) ([]string, error) {
	var deployment appsv1.Deployment
	if err := t.world.kube.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "trustedapp-operator"}, &deployment); err != nil {
		return nil, fmt.Errorf("reading the Deployment: %w", err)
	}
	args := deployment.Spec.Template.Spec.Containers[0].Args
	return append(args, "--operator-namespace="+operatorNamespace, "--health-probe-bind-address=0", "--metrics-bind-address=0"), nil
}

// register makes the instance known and registers the four applications.
func (t *tour) register(ctx context.Context) error {
	t.step("Tell the operator about the instance, then register four applications with kubectl apply")
	if err := t.connect(ctx); err != nil {
		return err
	}
	names := []string{}
	for _, a := range tourists {
		names = append(names, a.name)
	}
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	ready, err := watchReadiness(waiting, t.world.kube, names)
	if err != nil {
		return err
	}
	if err := t.world.kubectl.run(ctx, "apply", "-k", "config/samples"); err != nil {
		return err
	}
	err = ready.wait(waiting, func(app *v1alpha1.TrustedApplication, after time.Duration) {
		t.holds("%s is Ready %.2f s after it was created", app.Name, after.Seconds())
		t.report.add(app, after)
	})
	if err != nil {
		return err
	}
	return t.world.kubectl.run(ctx, "get", "ids,ta", "-A")
}

// connect applies the sample IdentityServer with the address of our instance, and waits until the operator can use it.
func (t *tour) connect(ctx context.Context) error {
	const sample = "config/samples/identityserver.yaml"
	raw, err := os.ReadFile(sample)
	if err != nil {
		return fmt.Errorf("reading the sample: %w", err)
	}
	var server v1alpha1.IdentityServer
	if err := yaml.UnmarshalStrict(raw, &server); err != nil {
		return fmt.Errorf("reading %s: %w", sample, err)
	}
	if server.Name != serverName || server.Spec.ERPNet == nil {
		return errors.New("reading the sample: it is no ERP.net instance named " + serverName)
	}
	server.Spec.ERPNet.URL = v1alpha1.HTTPSURL(t.world.instance.URL)
	server.Spec.CABundle = t.world.standin.CA
	manifest, err := yaml.Marshal(&server)
	if err != nil {
		return fmt.Errorf("writing the IdentityServer: %w", err)
	}
	described := sample + " with url " + t.world.instance.URL + " and caBundle"
	if err := t.world.kubectl.pipe(ctx, manifest, described, "apply", "-f", "-"); err != nil {
		return err
	}
	began := time.Now()
	message := "the operator did not say anything yet"
	err = await(ctx, "the IdentityServer is Ready", func(ctx context.Context) (bool, error) {
		if err := t.world.kube.Get(ctx, client.ObjectKey{Name: serverName}, &server); err != nil {
			return false, err
		}
		if c := meta.FindStatusCondition(server.Status.Conditions, v1alpha1.ConditionReady); c != nil {
			message = c.Reason + ": " + c.Message
			return c.Status == metav1.ConditionTrue, nil
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("%w; %s", err, message)
	}
	t.holds("the operator found the instance (version %s) and its own login works, after %.1f s", server.Status.Version, time.Since(began).Seconds())
	if len(server.Status.Warnings) > 0 {
		t.note("It warns: %s", strings.Join(server.Status.Warnings, "; "))
	}
	return nil
}
