# trustedapp operator. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

KUBERNETES := v1.37.1
# What kube-apiserver and kubectl report as their version.
KUBERNETES_VERSION := k8s.io/component-base/version
KUBERNETES_LDFLAGS := -s -w -X $(KUBERNETES_VERSION).gitVersion=$(KUBERNETES) \
	-X $(KUBERNETES_VERSION).gitMajor=1 -X $(KUBERNETES_VERSION).gitMinor=37

# Where tests find the control plane.
export KUBEBUILDER_ASSETS := $(CURDIR)/bin
# The race detector needs a C compiler.
RACE := $(if $(shell command -v $$(go env CC)),-race)

TOOLS := bin/controller-gen bin/crd-ref-docs bin/golangci-lint bin/govulncheck bin/gitleaks bin/go-licenses bin/helm bin/helm-docs bin/kubeconform bin/promtool
PLANE := bin/etcd bin/kube-apiserver bin/kube-controller-manager bin/kubectl
NODE := bin/kube-scheduler bin/kubelet bin/kube-proxy
FLUX := bin/source-controller bin/kustomize-controller
KREW := bin/krew bin/validate-krew-manifest

##@ Start here

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: controlplane build standin ## A tour on loopback: every kind of app, from kubectl apply to a working token. KEEP=1 leaves it running.
	@mkdir -p build
	KEEP=$(KEEP) go run ./hack/demo

.PHONY: test
test: ## Everything that CI runs: verify, all tests, the demo.
	@echo "== test: checks"
	$(MAKE) verify
	@echo "== test: unit tests"
	$(MAKE) unit
	@echo "== test: the explorer"
	$(MAKE) explorer
	@echo "== test: integration and end-to-end tests"
	$(MAKE) integration
	@echo "== test: clients in four languages"
	$(MAKE) clients
	@echo "== test: on a real node"
	$(MAKE) node-test
	@echo "== test: the chart in a real cluster"
	$(MAKE) e2e
	@echo "== test: demo"
	$(MAKE) demo
	@echo "== test: passed"

##@ Develop

.PHONY: generate
generate: bin/controller-gen bin/crd-ref-docs bin/helm bin/helm-docs ## Write the generated files: deep copies, CRDs, RBAC, the API reference.
	hack/generate.sh

.PHONY: fmt
fmt: bin/golangci-lint ## Format the Go code of every module.
	bin/golangci-lint fmt
	cd hack/erpnet-standin && $(CURDIR)/bin/golangci-lint fmt --config $(CURDIR)/.golangci.yml

.PHONY: unit
unit: standin identityservers ## Test what needs no control plane, and the stand-in.
	@mkdir -p build
	hack/test-packages.sh unit | xargs -r go test $(RACE)
	cd hack/erpnet-standin && go test $(RACE) ./...
	cd hack/image && go test ./...

.PHONY: explorer
explorer: ## Try every crash, lost answer and edit, in every order, on the real plan and executor.
	@mkdir -p build
	go test -count=1 -timeout 20m -v ./test/explorer

# One package at a time: each runs a control plane of its own.
.PHONY: integration
integration: controlplane standin identityservers build bin/helm bin/prometheus $(KREW) ## Test against a real control plane and the stand-in.
	@mkdir -p build
	hack/test-packages.sh integration | xargs -r go test -count=1 -p 1 -timeout 15m

.PHONY: contract
contract: standin identityservers ## Try the backends on every identity server, real ones and the stand-in. build/contract.json
	@rm -rf build/contract && mkdir -p build/contract
	CONTRACT_REPORT=$(CURDIR)/build/contract go test -count=1 -p 1 -run Contract ./internal/idserver/...
	go run ./hack/contract-report build/contract >build/contract.json

.PHONY: rotation
rotation: controlplane standin build ## Prove that rotations disturb no client: ten of each strategy, with kills and restarts. build/rotation.json
	@mkdir -p build
	ROTATIONS=$(or $(ROTATIONS),10) go test -count=1 -v -timeout 30m ./test/rotation

.PHONY: import
import: controlplane standin build ## Import 200 registrations that were made by hand, without a write at the server. build/import.json
	go test -count=1 -v -timeout 15m ./test/importing

.PHONY: faults
faults: controlplane standin identityservers build ## Let every call of the operator go wrong in every way, and in all pairs; find the seeded mistakes. build/faults.json
	@mkdir -p build
	FAULTS=all go test -count=1 -v -timeout 3h ./test/faults
	KILLS=$(or $(KILLS),120) APPS=$(or $(APPS),1000) go test -count=1 -v -timeout 1h -run 'Kills|Leader|Outages' ./test/soak

.PHONY: security
security: controlplane standin build bin/helm bin/gitleaks ## Try each threat of docs/security.md, tour the cluster as an attacker, look for leaks. build/security.json
	@mkdir -p build
	go test -count=1 ./internal/access ./test/canary ./test/rbac ./test/admission
	go test -count=1 -timeout 15m -v ./test/security
	hack/verify.sh secrets secrets-rules

.PHONY: plugin-test
plugin-test: controlplane standin build $(KREW) ## Compare what kubectl-trustedapp prints with what it is meant to, import 200, install with krew. build/import.json
	@mkdir -p build
	go test -count=1 -p 1 -timeout 15m ./internal/cli ./hack/plugin-release ./test/plugin ./test/importing

.PHONY: soak
soak: controlplane standin build ## Churn for DURATION (10m), then see that all is in order and nothing grew. build/soak.json
	@mkdir -p build
	DURATION=$(or $(DURATION),10m) go test -count=1 -v -timeout 0 -run Soak ./test/soak

.PHONY: bench
bench: controlplane standin build ## Measure the operator beside a bare loop with the same writes: N=1000, ROUNDS=3; PROFILE=DIR keeps profiles. build/bench.json
	@mkdir -p build
	go run ./hack/bench -n $(or $(N),1000) -rounds $(or $(ROUNDS),3) $(if $(PROFILE),-profile $(PROFILE))

.PHONY: bench-plots
bench-plots: ## Write the tables of docs/performance.md and its pictures from docs/performance.json.
	go run ./hack/bench -plots docs

.PHONY: fleet
fleet: controlplane standin build ## Run a TrustedApplicationSet over FLEET (100) instances, and stop a roll-out. build/fleet.json
	@mkdir -p build
	FLEET=$(or $(FLEET),100) go test -count=1 -v -timeout 30m -run '^TestFleet$$' ./test/fleet

.PHONY: fuzz
fuzz: ## Feed the parsers of foreign bytes with nonsense, each for FUZZTIME (30s).
	hack/fuzz.sh $(or $(FUZZTIME),30s)

.PHONY: clients
clients: standin ## Test the clients of docs/clients, in four languages. REQUIRE_CLIENTS=1 fails where the tools of one are missing.
	cd docs/clients/go && go vet ./...
	cd test/clients && go test $(RACE) -count=1 .

.PHONY: node-test
node-test: node standin bin/helm ## Test on a real node: containerd, kubelet, kube-proxy. REQUIRE_NODE=1 fails where a machine cannot run one.
	@mkdir -p build
	hack/test-packages.sh node | xargs -r go test -count=1 -p 1 -timeout 15m -v

.PHONY: e2e
e2e: gitops node standin bin/helm ## Install the chart in a real cluster: all kinds, a browser, upgrade, uninstall, GitOps. WITHOUT_NODE=1: no kubelet.
	hack/e2e.sh

.PHONY: gitops
gitops: controlplane standin build $(FLUX) ## Test what GitOps tools see: kstatus and Argo CD in every state, real Flux controllers with a Git server. build/gitops.json
	rm -f build/gitops.json # what an earlier run found must not count
	cd test/gitops && go test -count=1 -timeout 15m -v .

.PHONY: dashboard-picture
dashboard-picture: controlplane standin bin/prometheus ## Draw docs/images/dashboard.png from a run of four minutes. Needs chromium.
	go run ./hack/dashboard-picture

##@ Check

.PHONY: verify
verify: $(TOOLS) bin/kubectl ## Check generated files, lint, formatting, go.mod, licences, vulnerabilities, secrets, alerts; changes nothing.
	hack/vulncheck-test.sh
	hack/verify.sh

.PHONY: lint
lint: bin/golangci-lint ## Lint and check formatting; prove that the architecture rules bite.
	hack/verify.sh lint lint-rules

.PHONY: docs
docs: ## Check the documentation: links, names, reasons, code; examples against an API server are checked by `make integration`.
	hack/verify.sh docs

.PHONY: licences
licences: bin/go-licenses ## Check the licences of all dependencies that are shipped.
	hack/verify.sh licences

.PHONY: vulncheck
vulncheck: bin/govulncheck ## Look for known vulnerabilities. VULNDB=URL names a mirror of the database.
	hack/verify.sh vulnerabilities

##@ Build

.PHONY: build
build: ## Build the operator: bin/manager.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/manager .

.PHONY: plugin
plugin: ## Build the plugin of kubectl: bin/kubectl-trustedapp.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/kubectl-trustedapp ./hack/kubectl-trustedapp

# VERSION, such as v0.1.0, and URL, where the archives will be, are what krew's manifest says.
.PHONY: plugin-release
plugin-release: $(KREW) bin/kubectl ## Build the plugin's archives for all platforms, and krew's manifest: build/krew. VERSION=v0.1.0 URL=https://...
	@rm -rf build/krew && mkdir -p build # archives of another version must not get among them
	go run ./hack/plugin-release -version '$(VERSION)' -url '$(URL)'
	RELEASE=$(CURDIR)/build/krew go test -count=1 -run TestReleaseOfAllPlatforms -v ./test/plugin

# The platforms of the image.
PLATFORMS ?= linux/amd64,linux/arm64

.PHONY: image
image: ## Build the operator's container image, without a container engine: build/image. PLATFORMS=linux/amd64 for one.
	cd hack/image && go build -o $(CURDIR)/bin/image .
	bin/image -platforms $(PLATFORMS)

.PHONY: standin-image
standin-image: ## Build the image of the stand-in, for dev clusters: build/image/erpnet-standin.tar.
	cd hack/image && go build -o $(CURDIR)/bin/image .
	bin/image -platforms $(PLATFORMS) -module hack/erpnet-standin -name erpnet-standin -binary erpnet-standin \
		-title 'stand-in ERP.net instance' -description 'A stand-in for an ERP.net instance, for tests and dev clusters'

.PHONY: standin
standin: ## Build the stand-in ERP.net instance: bin/erpnet-standin.
	cd hack/erpnet-standin && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(CURDIR)/bin/erpnet-standin .

.PHONY: controlplane
controlplane: $(PLANE) ## Build etcd, kube-apiserver, kube-controller-manager and kubectl.

.PHONY: node
node: $(PLANE) $(NODE) ## Build what a real node needs beside the control plane: kube-scheduler, kubelet, kube-proxy, a pause image.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/pause ./test/node/pause

.PHONY: tools
tools: $(TOOLS) ## Build the generators and checkers.

.PHONY: clean
clean: ## Remove bin/ and build/; building again takes minutes.
	rm -rf bin build

bin/kube-apiserver bin/kube-controller-manager bin/kubectl $(NODE): hack/controlplane/go.mod hack/controlplane/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh hack/controlplane k8s.io/kubernetes/cmd/$(@F) $@ -ldflags '$(KUBERNETES_LDFLAGS)'

.PHONY: identityservers
identityservers: bin/hydra bin/oidc-provider/server.js ## Build Ory Hydra, and fetch oidc-provider.

# SQLite, which its store in memory is, needs C.
bin/hydra: hack/hydra/go.mod hack/hydra/go.sum hack/build-binary.sh
	CGO_ENABLED=1 hack/build-binary.sh hack/hydra github.com/ory/hydra/v2 $@ -tags sqlite -ldflags '-s -w'

bin/oidc-provider/server.js: hack/oidc-provider/package.json hack/oidc-provider/package-lock.json hack/oidc-provider/server.js
	@mkdir -p bin/oidc-provider
	cp hack/oidc-provider/package*.json bin/oidc-provider/
	cd bin/oidc-provider && npm ci --no-audit --no-fund --ignore-scripts
	cp hack/oidc-provider/server.js $@

bin/etcd: hack/etcd/go.mod hack/etcd/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh hack/etcd go.etcd.io/etcd/server/v3 $@ -ldflags '-s -w'

$(FLUX): bin/%: hack/flux-%/go.mod hack/flux-%/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/fluxcd/$(@F) $@ -ldflags '-s -w'

bin/controller-gen: hack/tools/controller-gen/go.mod hack/tools/controller-gen/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) sigs.k8s.io/controller-tools/cmd/controller-gen $@

bin/crd-ref-docs: hack/tools/crd-ref-docs/go.mod hack/tools/crd-ref-docs/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/elastic/crd-ref-docs $@

bin/golangci-lint: hack/tools/golangci-lint/go.mod hack/tools/golangci-lint/go.sum hack/tools/golangci-lint/main.go hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) . $@

bin/govulncheck: hack/tools/govulncheck/go.mod hack/tools/govulncheck/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) golang.org/x/vuln/cmd/govulncheck $@

bin/gitleaks: hack/tools/gitleaks/go.mod hack/tools/gitleaks/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/zricethezav/gitleaks/v8 $@ -ldflags '-s -w'

bin/go-licenses: hack/tools/go-licenses/go.mod hack/tools/go-licenses/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/google/go-licenses/v2 $@

# Without a version in it, krew looks for no newer one.
$(KREW): hack/tools/krew/go.mod hack/tools/krew/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) sigs.k8s.io/krew/cmd/$(@F) $@ -ldflags '-s -w'

bin/helm: hack/tools/helm/go.mod hack/tools/helm/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) helm.sh/helm/v4/cmd/helm $@ -ldflags '-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1'

bin/helm-docs: hack/tools/helm-docs/go.mod hack/tools/helm-docs/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/norwoodj/helm-docs/cmd/helm-docs $@

bin/kubeconform: hack/tools/kubeconform/go.mod hack/tools/kubeconform/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/yannh/kubeconform/cmd/kubeconform $@

bin/prometheus bin/promtool: hack/tools/prometheus/go.mod hack/tools/prometheus/go.sum hack/build-binary.sh
	CGO_ENABLED=0 hack/build-binary.sh $(<D) github.com/prometheus/prometheus/cmd/$(@F) $@ -ldflags '-s -w'
