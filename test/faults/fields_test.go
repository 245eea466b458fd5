package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// change is a field that is set to another value, and back again.
type change struct {
	// fields are those that it sets; the first names it. patch is a merge patch of the spec.
	fields []string
	patch  string
	// reason is that of Ready=False where the value is one that only the server, or the operator, can refuse; "" where it is a good one.
	reason string
	// refused: the API server does not take it. denies: the server stays well, and the application is denied.
	refused, denies bool
}

// ofApplication are the changes of a hybrid application.
var ofApplication = []change{
	{fields: []string{"adoptionPolicy"}, patch: `{"adoptionPolicy":"IfUnowned"}`},
	{fields: []string{"applicationUri"}, patch: `{"applicationUri":"com.example.another"}`, refused: true},
	{fields: []string{"clientType"}, patch: `{"clientType":"Public","service":null,"credentials":null}`},
	{fields: []string{"configMapName"}, patch: `{"configMapName":"another"}`},
	{fields: []string{"credentials.rolloutRestart[].kind", "credentials.rolloutRestart[].name"}, patch: `{"credentials":{"rolloutRestart":[{"kind":"Deployment","name":"web"}]}}`},
	{fields: []string{"credentials.method"}, patch: `{"credentials":{"method":"ClientSecret"}}`},
	{fields: []string{"credentials.rotation.announcePeriod"}, patch: `{"credentials":{"rotation":{"announcePeriod":"3s"}}}`},
	{fields: []string{"credentials.rotation.gracePeriod"}, patch: `{"credentials":{"rotation":{"gracePeriod":"3s"}}}`},
	{fields: []string{"credentials.rotation.interval"}, patch: `{"credentials":{"rotation":{"interval":"2160h"}}}`},
	{fields: []string{"credentials.rotation.jitter"}, patch: `{"credentials":{"rotation":{"interval":"2160h","jitter":"1h"}}}`},
	{fields: []string{"credentials.rotation.strategy"}, patch: `{"credentials":{"rotation":{"strategy":"InPlace"}}}`},
	{
		fields: []string{"credentials.rotation.window.schedule", "credentials.rotation.window.duration", "credentials.rotation.window.timeZone"},
		patch:  `{"credentials":{"rotation":{"interval":"2160h","window":{"schedule":"0 3 * * 6","duration":"2h","timeZone":"Europe/Sofia"}}}}`,
	},
	{fields: []string{"credentials.secretName"}, patch: `{"credentials":{"secretName":"another"}}`},
	{fields: []string{"credentials.template.annotations"}, patch: `{"credentials":{"template":{"annotations":{"example.com/a":"b"}}}}`},
	{fields: []string{"credentials.template.data"}, patch: `{"credentials":{"template":{"data":{"greeting":"id={{ .ClientID }} – Здравей 订单"}}}}`},
	{fields: []string{"credentials.template.labels"}, patch: `{"credentials":{"template":{"labels":{"example.com/a":"b"}}}}`},
	{fields: []string{"credentials.template.presets"}, patch: `{"credentials":{"template":{"presets":[".env"]}}}`},
	{fields: []string{"deletionPolicy"}, patch: `{"deletionPolicy":"Disable"}`},
	{fields: []string{"displayName"}, patch: `{"displayName":"Поръчки 订单 🛒"}`},
	{fields: []string{"driftPolicy"}, patch: `{"driftPolicy":"Observe"}`},
	{fields: []string{"enabled"}, patch: `{"enabled":false}`},
	{fields: []string{"identityServerRef.name"}, patch: `{"identityServerRef":{"name":"another"}}`, refused: true},
	{fields: []string{"interactive.postLogoutRedirectUris"}, patch: `{"interactive":{"postLogoutRedirectUris":["https://app.example.com/bye"]}}`},
	{fields: []string{"interactive.redirectUris"}, patch: `{"interactive":{"redirectUris":["https://app.example.com/other"]}}`},
	{fields: []string{"interactive.users"}, patch: `{"interactive":{"users":["Community"]}}`},
	{fields: []string{"referenceTokens"}, patch: `{"referenceTokens":"AuthenticatedUsers"}`},
	{fields: []string{"scopes"}, patch: `{"scopes":["read","update"]}`},
	{fields: []string{"service.internalUserImpersonation"}, patch: `{"service":{"internalUserImpersonation":"Allowed"}}`},
	{fields: []string{"service.systemUser"}, patch: `{"service":{"systemUser":"svc.billing"}}`},

	{fields: []string{"service"}, patch: `{"service":null}`},
	{fields: []string{"interactive"}, patch: `{"interactive":null,"clientType":null,"configMapName":null}`},
	{fields: []string{"service.systemUser"}, patch: `{"service":{"systemUser":"nobody"}}`, reason: v1alpha1.ReasonInvalid},
	{fields: []string{"service.systemUser"}, patch: `{"service":{"systemUser":null}}`, reason: v1alpha1.ReasonUnsupported},
	{fields: []string{"credentials.method"}, patch: `{"credentials":{"method":"PrivateKeyJWT","rotation":{"strategy":null}}}`, reason: v1alpha1.ReasonUnsupported},
	{fields: []string{"credentials.rotation.strategy"}, patch: `{"credentials":{"rotation":{"strategy":"Replace"}}}`, reason: v1alpha1.ReasonUnsupported},
	{fields: []string{"credentials.rotation.strategy"}, patch: `{"credentials":{"rotation":{"strategy":"Overlap"}}}`, reason: v1alpha1.ReasonUnsupported},
	{fields: []string{"credentials.rotation.window.schedule"}, patch: `{"credentials":{"rotation":{"interval":"2160h","window":{"schedule":"99 3 * * 6","duration":"2h"}}}}`, reason: v1alpha1.ReasonInvalidSchedule},
	{fields: []string{"credentials.template.data"}, patch: `{"credentials":{"template":{"data":{"a":"{{ .nothing }}"}}}}`, reason: v1alpha1.ReasonTemplateInvalid},
	{fields: []string{"credentials.secretName"}, patch: `{"credentials":{"secretName":"foreign"}}`, reason: v1alpha1.ReasonSecretConflict},
	{fields: []string{"displayName"}, patch: fmt.Sprintf(`{"displayName":%q}`, strings.Repeat("ü", 255)), refused: true},
	{fields: []string{"displayName"}, patch: `{"displayName":"a\u0007b"}`, refused: true},
	{fields: []string{"displayName"}, patch: `{"displayName":"a\nb"}`, refused: true},
	{fields: []string{"scopes"}, patch: `{"scopes":["re ad"]}`, refused: true},
	{fields: []string{"scopes"}, patch: `{"scopes":["чети"]}`, refused: true},
	{fields: []string{"interactive.redirectUris"}, patch: `{"interactive":{"redirectUris":["https://app.example.com/\u0000"]}}`, refused: true},
	{fields: []string{"interactive.redirectUris"}, patch: `{"interactive":{"redirectUris":["http://app.example.com/"]}}`, refused: true},
	{fields: []string{"service.systemUser"}, patch: `{"service":{"systemUser":"a\tb"}}`, refused: true},
	{fields: []string{"credentials.rotation.interval"}, patch: `{"credentials":{"rotation":{"interval":"-1h"}}}`, refused: true},
	{fields: []string{"clientType"}, patch: `{"clientType":"Public"}`, refused: true},
}

// ofServer are the changes of the IdentityServer; %[1]s is the URL of the instance.
var ofServer = []change{
	{
		fields: []string{
			"access[].name", "access[].namespaces", "access[].applicationUris", "access[].flows", "access[].clientTypes", "access[].scopes", "access[].systemUsers",
			"access[].redirectHosts", "access[].referenceTokens", "access[].maxApplications", "access[].administrators",
		},
		patch: `{"access":[{"name":"all","namespaces":["*"],"applicationUris":["com.example.*"],"flows":["Hybrid"],"clientTypes":["Confidential"],"scopes":["*"],` +
			`"systemUsers":["svc.*"],"redirectHosts":["*.example.com"],"referenceTokens":["None"],"maxApplications":5,"administrators":"Allowed"}]}`,
	},
	{fields: []string{"access[].namespaceSelector.matchLabels"}, patch: `{"access":[{"name":"labelled","namespaceSelector":{"matchLabels":{"nobody":"has"}}}]}`, denies: true},
	{fields: []string{"access"}, patch: `{"access":null}`, denies: true},
	{fields: []string{"accessPolicy"}, patch: `{"accessPolicy":"Disable"}`},
	{fields: []string{"access[].scopes"}, patch: `{"access":[{"name":"none","namespaces":["*"],"scopes":["other"]}]}`, denies: true},
	{
		fields: []string{"access[].scopes", "accessPolicy"}, denies: true,
		patch: `{"accessPolicy":"Disable","access":[{"name":"none","namespaces":["*"],"scopes":["other"]}]}`,
	},
	{fields: []string{"caBundle"}, patch: `{"caBundle":null}`, reason: "any"},
	{fields: []string{"environment"}, patch: `{"environment":"Test"}`},
	{fields: []string{"erpNet.clientAuthentication"}, patch: `{"erpNet":{"clientAuthentication":"Basic"}}`},
	{fields: []string{"erpNet.credentialsRef.name"}, patch: `{"erpNet":{"credentialsRef":{"name":"%[2]s-again"}}}`},
	{fields: []string{"erpNet.domainApiUrl"}, patch: `{"erpNet":{"domainApiUrl":"%[1]s/api/domain/odata/"}}`},
	{fields: []string{"erpNet.identityUrl"}, patch: `{"erpNet":{"identityUrl":"%[1]s/id"}}`},
	{fields: []string{"erpNet.limits.requestsPerMinute", "erpNet.limits.batchSize"}, patch: `{"erpNet":{"limits":{"requestsPerMinute":300,"batchSize":1}}}`},
	{fields: []string{"erpNet.url"}, patch: `{"erpNet":{"url":"https://127.0.0.1:1"}}`, reason: "any"},
	{fields: []string{"formerClusters"}, patch: `{"formerClusters":["4f1b1b6e-6d0f-4c57-9a53-7f0c2f3f0a11"]}`},
	{fields: []string{"orphanPolicy"}, patch: `{"orphanPolicy":"Disable"}`},
	{fields: []string{"rotation.maxConcurrent"}, patch: `{"rotation":{"maxConcurrent":3}}`},
	{fields: []string{"rotation.minInterval"}, patch: `{"rotation":{"minInterval":"1m"}}`},
	{fields: []string{"sweepInterval"}, patch: `{"sweepInterval":"20m"}`},
	{fields: []string{"takeover"}, patch: `{"takeover":"Allowed"}`},
	{fields: []string{"verification"}, patch: `{"verification":"Off"}`},
	{
		fields: []string{"hydra.adminUrl", "hydra.publicUrl", "hydra.clientAuthentication", "hydra.credentialsRef.name"},
		patch:  `{"erpNet":null,"hydra":{"adminUrl":"%[1]s","publicUrl":"%[1]s","clientAuthentication":"Basic","credentialsRef":{"name":"%[2]s"}}}`, refused: true,
	},
	{
		fields: []string{"dynamicRegistration.issuer", "dynamicRegistration.clientAuthentication", "dynamicRegistration.contacts", "dynamicRegistration.credentialsRef.name"},
		patch:  `{"erpNet":null,"dynamicRegistration":{"issuer":"%[1]s","clientAuthentication":"Basic","contacts":["ops@example.com"],"credentialsRef":{"name":"%[2]s"}}}`, refused: true,
	},
	{fields: []string{"erpNet.credentialsRef.name"}, patch: `{"erpNet":{"credentialsRef":{"name":"missing"}}}`, reason: "any"},
	{fields: []string{"erpNet.domainApiUrl"}, patch: `{"erpNet":{"domainApiUrl":"%[1]s/nowhere"}}`, reason: "any"},
	{fields: []string{"caBundle"}, patch: `{"caBundle":"bm90IFBFTQ=="}`, reason: "any"},
}

// everyKind is an application of both kinds, in which every field can be changed.
func everyKind() v1alpha1.TrustedApplicationSpec {
	spec := hybridSpec()
	spec.Credentials = rotatingSpec(v1alpha1.RotationAnnounce)().Credentials
	return spec
}

// TestFields changes every field of both kinds, and back again, one at a time and in pairs.
func TestFields(t *testing.T) {
	if os.Getenv("SEED") != "" || os.Getenv("WORKFLOW") != "" {
		t.Skip("only some runs are tried")
	}
	covered(t, "trustedapps.dev_trustedapplications.yaml", ofApplication)
	covered(t, "trustedapps.dev_identityservers.yaml", ofServer)
	b := newBed(t)
	w := &Workflow{Name: "fields", at: erpNet, spec: everyKind, act: creates}
	var trials []func(context.Context, *Run) error
	var names []string
	add := func(name string, try func(context.Context, *Run) error) {
		names, trials = append(names, name), append(trials, try)
	}
	for _, c := range ofApplication {
		add("TrustedApplication "+c.patch, func(ctx context.Context, r *Run) error { return r.thereAndBack(ctx, c) })
	}
	for _, c := range ofServer {
		add("IdentityServer "+c.patch, func(ctx context.Context, r *Run) error { return r.serverThereAndBack(ctx, c) })
	}
	for _, pair := range pairsOf(ofApplication, 20) {
		add("TrustedApplication "+pair[0].patch+" with "+pair[1].patch, func(ctx context.Context, r *Run) error { return r.bothThereAndBack(ctx, pair) })
	}
	add("a hundred edits", hundredEdits)
	var wait sync.WaitGroup
	turns := make(chan struct{}, 20)
	for i, try := range trials {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			if err := b.onReady(t.Context(), w, try); err != nil {
				t.Errorf("%s: %v", names[i], err)
			}
		})
	}
	wait.Wait()
	fmt.Printf("%d changes of fields, there and back\n", len(trials))
}

// covered checks that every field of a kind is changed.
func covered(t *testing.T, file string, changes []change) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", file))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, c := range changes {
		for _, f := range c.fields {
			have[f] = true
		}
	}
	for _, f := range leaves("", crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]) {
		if !have[f] {
			t.Errorf("no change of the field %s of %s", f, file)
		}
	}
}

// leaves are the fields of a schema that have no fields themselves.
func leaves(path string, s apiextensionsv1.JSONSchemaProps) (all []string) {
	for name, p := range s.Properties {
		full := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case len(p.Properties) > 0:
			all = append(all, leaves(full, p)...)
		case p.Items != nil && p.Items.Schema != nil && len(p.Items.Schema.Properties) > 0:
			all = append(all, leaves(full+"[]", *p.Items.Schema)...)
		default:
			all = append(all, full)
		}
	}
	return all
}

// pairsOf draws pairs of good changes, always the same.
func pairsOf(changes []change, n int) (pairs [][2]change) {
	good := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return c.refused || c.reason != "" })
	random := rand.New(rand.NewPCG(1, 2))
	for len(pairs) < n {
		if a, b := random.IntN(len(good)), random.IntN(len(good)); a != b {
			pairs = append(pairs, [2]change{good[a], good[b]})
		}
	}
	return pairs
}

// onReady makes an application and lets something be tried with it.
func (b *Bed) onReady(ctx context.Context, w *Workflow, try func(context.Context, *Run) error) error {
	r, err := b.newRun(ctx, w)
	if err != nil {
		return err
	}
	if r.operator, err = r.start(nil, 0); err != nil {
		return err
	}
	err = r.begin(ctx)
	if err == nil {
		err = try(ctx, r)
	}
	if err == nil {
		err = r.restart(ctx)
	}
	return errors.Join(append(r.broken, err, r.end(ctx))...)
}

// thereAndBack changes the application, and takes that back.
func (r *Run) thereAndBack(ctx context.Context, c change) error {
	return r.bothThereAndBack(ctx, [2]change{c, {patch: `{}`}})
}

func (r *Run) bothThereAndBack(ctx context.Context, pair [2]change) error {
	before, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	spec := r.app.Spec
	both, err := merged(pair[0].patch, pair[1].patch)
	if err != nil {
		return err
	}
	app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "orders"}}
	err = r.Admin.Patch(ctx, app, client.RawPatch("application/merge-patch+json", []byte(`{"spec":`+both+`}`)))
	if pair[0].refused || apierrors.IsInvalid(err) && pair[1].patch != `{}` { // two that exclude each other
		return r.untouched(ctx, err, before)
	}
	if err != nil {
		return err
	}
	r.wire.stir()
	if err := r.comesTo(ctx, pair[0].reason); err != nil {
		return fmt.Errorf("there: %w", err)
	}
	if err := r.edit(ctx, func(app *v1alpha1.TrustedApplication) { app.Spec = spec }); err != nil {
		return err
	}
	r.wire.stir()
	if err := r.comesTo(ctx, ""); err != nil {
		return fmt.Errorf("back: %w", err)
	}
	after, err := r.snapshot(ctx)
	if err == nil {
		err = same(before, after)
	}
	return err
}

// merged is a merge patch that does what two do.
func merged(a, b string) (string, error) {
	var one, two map[string]any
	if err := errors.Join(json.Unmarshal([]byte(a), &one), json.Unmarshal([]byte(b), &two)); err != nil {
		return "", err
	}
	join(one, two)
	both, err := json.Marshal(one)
	return string(both), err
}

func join(into, from map[string]any) {
	for k, v := range from {
		a, ok := into[k].(map[string]any)
		b, okToo := v.(map[string]any)
		if ok && okToo {
			join(a, b)
			continue
		}
		into[k] = v
	}
}

// untouched checks that the API server refused with a reason, and that nothing happened.
func (r *Run) untouched(ctx context.Context, err error, before string) error {
	if !apierrors.IsInvalid(err) {
		return fmt.Errorf("it was not refused as invalid: %w", err)
	}
	after, err := r.snapshot(ctx)
	if err == nil {
		err = same(before, after)
	}
	return err
}

// comesTo waits until the application is Ready, or not for a reason, and nothing moves any more.
func (r *Run) comesTo(ctx context.Context, reason string) error {
	if reason == "" {
		if err := r.settle(ctx); err != nil {
			return err
		}
		return r.check(ctx)
	}
	return r.await(ctx, "Ready=False with the reason "+reason, func(app *v1alpha1.TrustedApplication) bool {
		c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
		return c != nil && c.Status == metav1.ConditionFalse && (c.Reason == reason || reason == "any") && app.Status.ObservedGeneration == app.Generation && r.wire.quiet() > stillness
	})
}

// serverThereAndBack changes the IdentityServer, and takes that back.
func (r *Run) serverThereAndBack(ctx context.Context, c change) error {
	before, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	again := bed.Credentials(r.name + "-again")
	if err := r.Admin.Create(ctx, again); err != nil {
		return err
	}
	defer func() { _ = r.Admin.Delete(context.WithoutCancel(ctx), again) }()
	ids := &v1alpha1.IdentityServer{}
	if err := r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, ids); err != nil {
		return err
	}
	spec := ids.Spec
	patch := strings.NewReplacer("%[1]s", r.site.(instanceSite).URL, "%[2]s", r.name).Replace(c.patch)
	err = r.Admin.Patch(ctx, ids, client.RawPatch("application/merge-patch+json", []byte(`{"spec":`+patch+`}`)))
	if c.refused {
		return r.untouched(ctx, err, before)
	}
	if err != nil {
		return err
	}
	if err := r.serverComesTo(ctx, c.reason == ""); err != nil {
		return fmt.Errorf("there: %w", err)
	}
	if c.denies {
		if err := r.comesTo(ctx, v1alpha1.ReasonAccessDenied); err != nil {
			return fmt.Errorf("there: %w", err)
		}
	}
	for {
		if err := r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, ids); err != nil {
			return err
		}
		ids.Spec = spec
		if err := r.Admin.Update(ctx, ids); err == nil {
			break
		} else if !apierrors.IsConflict(err) {
			return err
		}
	}
	if err := r.serverComesTo(ctx, true); err != nil {
		return fmt.Errorf("back: %w", err)
	}
	if err := r.comesTo(ctx, ""); err != nil {
		return fmt.Errorf("back: %w", err)
	}
	after, err := r.snapshot(ctx)
	if err == nil {
		err = same(before, after)
	}
	return err
}

// serverComesTo waits until the IdentityServer is Ready or not, with its present generation, and nothing moves any more.
func (r *Run) serverComesTo(ctx context.Context, ready bool) error {
	return r.awaitServer(ctx, func(ids *v1alpha1.IdentityServer) bool {
		c := meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
		return c != nil && (c.Status == metav1.ConditionTrue) == ready && c.ObservedGeneration == ids.Generation && r.wire.quiet() > stillness
	})
}

// hundredEdits edits the spec a hundred times without a pause.
func hundredEdits(ctx context.Context, r *Run) error {
	for n := range 100 {
		if err := r.edit(ctx, func(app *v1alpha1.TrustedApplication) { app.Spec.DisplayName = fmt.Sprintf("edit %d", n) }); err != nil {
			return err
		}
	}
	r.wire.stir()
	if err := r.comesTo(ctx, ""); err != nil {
		return err
	}
	if r.app.Spec.DisplayName != "edit 99" {
		return fmt.Errorf("the last name is %q", r.app.Spec.DisplayName)
	}
	return nil
}

// snapshot is all that there is of an application, without its secret and what counts upwards.
func (r *Run) snapshot(ctx context.Context) (string, error) {
	registered, err := r.site.(instanceSite).Applications(ctx)
	if err != nil {
		return "", err
	}
	secrets, err := r.published(ctx)
	if err != nil {
		return "", err
	}
	var maps corev1.ConfigMapList
	err = r.Admin.List(ctx, &maps, client.InNamespace(r.namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	if err != nil {
		return "", err
	}
	var all struct {
		Registrations []standin.Application
		Objects       map[string]map[string]string
	}
	for _, a := range registered {
		if a.ApplicationURI != r.uri() {
			continue
		}
		a.ObjectVersion, a.ApplicationSecretHash = 0, nil
		all.Registrations = append(all.Registrations, a)
	}
	all.Objects = map[string]map[string]string{}
	for _, s := range secrets {
		content := described(s.ObjectMeta)
		for key, value := range s.Data {
			if !slices.Equal(value, s.Data[v1alpha1.KeyClientSecret]) { // it has two names
				content["data "+key] = string(value)
			}
		}
		all.Objects["Secret "+s.Name] = content
	}
	for _, m := range maps.Items {
		content := described(m.ObjectMeta)
		for key, value := range m.Data {
			content["data "+key] = value
		}
		all.Objects["ConfigMap "+m.Name] = content
	}
	text, err := json.MarshalIndent(all, "", " ")
	return string(text), err
}

// same says which lines of two snapshots differ.
func same(before, after string) error {
	one, two := strings.Split(before, "\n"), strings.Split(after, "\n")
	gone := slices.DeleteFunc(slices.Clone(one), func(line string) bool { return slices.Contains(two, line) })
	came := slices.DeleteFunc(slices.Clone(two), func(line string) bool { return slices.Contains(one, line) })
	if len(gone)+len(came) == 0 {
		return nil
	}
	return fmt.Errorf("it is not what it was: without %q, with %q", gone, came)
}

// described are the labels and annotations of an object that do not count upwards.
func described(o metav1.ObjectMeta) map[string]string {
	out := map[string]string{}
	for k, v := range o.Labels {
		out["label "+k] = v
	}
	for k, v := range o.Annotations {
		if !strings.HasPrefix(k, "trustedapps.dev/") {
			out["annotation "+k] = v
		}
	}
	return out
}
