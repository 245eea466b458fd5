package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

// maesterOwner is what hydra-maester writes into the field owner of a client: name/namespace of its OAuth2Client.
const maesterOwner = "orders/" + namespace

// asMaester asks the admin API of Hydra, as hydra-maester does.
func asMaester(ctx context.Context, method, path string, body, told any) int {
	GinkgoHelper()
	var content bytes.Buffer
	if body != nil {
		Expect(json.NewEncoder(&content).Encode(body)).To(Succeed())
	}
	request, err := http.NewRequestWithContext(ctx, method, adminURL+"/admin/clients"+path, &content)
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	if told != nil {
		Expect(json.NewDecoder(response.Body).Decode(told)).To(Succeed())
	}
	return response.StatusCode
}

// deletedByMaester is what it does when an OAuth2Client is deleted: it deletes the clients with its owner.
func deletedByMaester(ctx context.Context) (ids []string) {
	GinkgoHelper()
	var all []struct {
		ID    string `json:"client_id"`
		Owner string `json:"owner"`
	}
	Expect(asMaester(ctx, http.MethodGet, "?page_size=500", nil, &all)).To(Equal(http.StatusOK))
	for _, c := range all {
		if c.Owner == maesterOwner {
			Expect(asMaester(ctx, http.MethodDelete, "/"+url.PathEscape(c.ID), nil, nil)).To(Equal(http.StatusNoContent))
			ids = append(ids, c.ID)
		}
	}
	return ids
}

var documented = regexp.MustCompile("(?s)```(yaml|console)[^\n]*\n(.*?)```")

// procedure are the manifests and commands of the page, in order.
func procedure() (manifests, commands []string) {
	GinkgoHelper()
	page, err := os.ReadFile(bed.Path("docs/hydra-maester.md"))
	Expect(err).NotTo(HaveOccurred())
	for _, block := range documented.FindAllStringSubmatch(string(page), -1) {
		if block[1] == "yaml" {
			manifests = append(manifests, block[2])
			continue
		}
		for line := range strings.Lines(block[2]) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ kubectl "); ok {
				commands = append(commands, command)
			}
		}
	}
	return manifests, commands
}

var _ = Describe("the way from hydra-maester", func() {
	It("is the page's, and costs no new secret", func(ctx SpecContext) {
		By("what hydra-maester left: a client with an id of Hydra's, its field owner, and a Secret with CLIENT_ID and CLIENT_SECRET")
		var made struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		Expect(asMaester(ctx, http.MethodPost, "", map[string]any{
			"client_name": "Orders", "grant_types": []string{"client_credentials"}, "scope": "read", "owner": maesterOwner,
			"token_endpoint_auth_method": "client_secret_post", "metadata": map[string]any{"team": "orders"},
			"client_credentials_grant_access_token_lifespan": "30m0s",
		}, &made)).To(Equal(http.StatusCreated))
		former := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "orders-oauth"},
			Data:       map[string][]byte{"CLIENT_ID": []byte(made.ID), "CLIENT_SECRET": []byte(made.Secret)},
		}
		Expect(parts.Admin.Create(ctx, former)).To(Succeed())
		works := func() int {
			web := subjects[plainHydra].web()
			defer web.CloseIdleConnections()
			status, err := bed.Token(ctx, web, subjects[plainHydra].tokenEndpoint(ctx), made.ID, made.Secret)
			Expect(err).NotTo(HaveOccurred())
			return status
		}
		Expect(works()).To(Equal(http.StatusOK))

		manifests, commands := procedure()
		Expect(manifests).To(HaveLen(1))
		file := filepath.Join(GinkgoT().TempDir(), "orders.yaml")
		manifest := strings.NewReplacer("7a1f6c1e-4c0b-4f3e-9d0a-2f6f4f9d1c55", made.ID, "namespace: orders", "namespace: "+namespace).Replace(manifests[0])
		Expect(os.WriteFile(file, []byte(manifest), 0o600)).To(Succeed())
		app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "orders"}}
		for _, command := range commands {
			By("kubectl " + command)
			if strings.Contains(command, "oauth2client") {
				Expect(deletedByMaester(ctx)).To(BeEmpty(), "the client is not hydra-maester's any more")
				continue
			}
			args := strings.Fields(strings.NewReplacer("orders.yaml", file, "-n orders", "-n "+namespace).Replace(command))
			out, err := parts.Kubectl(ctx, unquoted(args)...)
			Expect(err).NotTo(HaveOccurred(), out)
			Expect(works()).To(Equal(http.StatusOK), "after kubectl %s", command)
			if strings.HasPrefix(command, "apply") {
				becomes(ctx, app, metav1.ConditionFalse, v1alpha1.ReasonAdoptionPending)
				Expect(app.Status.Drift).To(BeEmpty(), "the manifest is as the client")
			}
			if strings.Contains(command, "Enforce") {
				becomes(ctx, app, metav1.ConditionTrue, v1alpha1.ReasonReady)
				secret := published(ctx, app)
				Expect(secret.Data).To(And(HaveKeyWithValue("CLIENT_ID", []byte(made.ID)), HaveKeyWithValue("CLIENT_SECRET", []byte(made.Secret)),
					HaveKeyWithValue("client_secret", []byte(made.Secret))), "what the workload knows, under the names that it knows")
			}
		}
		Eventually(func(g Gomega) {
			g.Expect(parts.Admin.Get(ctx, kube.ObjectKeyFromObject(app), app)).To(Succeed())
			g.Expect(app.Status.ObservedGeneration).To(Equal(app.Generation))
			g.Expect(meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
			g.Expect(app.Status.Binding).To(HaveValue(HaveField("Name", "orders-oauth")))
		}).Should(Succeed())
		Expect(published(ctx, app).Data).To(HaveKeyWithValue("CLIENT_SECRET", []byte(made.Secret)), "under the former name")
		Expect(works()).To(Equal(http.StatusOK))

		var after map[string]any
		Expect(asMaester(ctx, http.MethodGet, "/"+url.PathEscape(made.ID), nil, &after)).To(Equal(http.StatusOK))
		Expect(after).To(HaveKeyWithValue("client_credentials_grant_access_token_lifespan", "30m0s"), "what the operator does not know stays")
		Expect(after["metadata"]).To(HaveKeyWithValue("team", "orders"))
		deleted(ctx, app)
		Expect(asMaester(ctx, http.MethodGet, "/"+url.PathEscape(made.ID), nil, nil)).To(Equal(http.StatusNotFound))
	})
})

// unquoted takes the quotes off, which a shell would take off.
func unquoted(args []string) []string {
	for i := range args {
		args[i] = strings.Trim(args[i], "'")
	}
	return args
}

// tokenEndpoint is that of the server, as the operator discovered it.
func (s *subject) tokenEndpoint(ctx context.Context) string {
	GinkgoHelper()
	var ids v1alpha1.IdentityServer
	Expect(parts.Admin.Get(ctx, kube.ObjectKey{Name: s.server}, &ids)).To(Succeed(), fmt.Sprintf("the server %s", s.server))
	return ids.Status.Endpoints.Token
}
