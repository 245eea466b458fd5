#!/usr/bin/env bash
# Checks the chart and the manifests of config/: helm lint, and every rendered object against the schema of its kind, for each file of values in
# ci/ of the chart. It also proves that the check of schemas can fail, and that wrong values are refused with a reason.
set -euo pipefail
cd "$(dirname "$0")/.."
chart=charts/trustedapp-operator
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
api=trustedapps.dev/v1alpha1/IdentityServer

kubernetes=$(cd hack/controlplane && go list -m -f '{{.Dir}}' k8s.io/kubernetes)
[ -n "$kubernetes" ] || kubernetes=$(cd hack/controlplane && go mod download -json k8s.io/kubernetes | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
go run ./hack/kubeschemas "$kubernetes/api/openapi-spec/swagger.json" config/crd/bases "$scratch/schemas"
# These two are of the Prometheus operator, which is not here; every other kind must be known.
conform() { bin/kubeconform -strict -summary -skip ServiceMonitor,PrometheusRule -schema-location "$scratch/schemas/{{.ResourceKind}}{{.KindSuffix}}.json"; }

for values in "$chart"/ci/*-values.yaml; do
	echo "values: $(basename "$values")"
	bin/helm lint --strict --quiet "$chart" --values "$values"
	bin/helm template test "$chart" --namespace trustedapp-system --values "$values" --api-versions $api | conform
done
for kustomization in config/default config/samples; do
	echo "kustomization: $kustomization"
	bin/kubectl kustomize "$kustomization" | conform
done
for sample in config/samples/hydra.yaml config/samples/dynamic-registration.yaml config/samples/fleet.yaml; do
	echo "sample: $sample"
	conform <"$sample"
done

# A typing error in a manifest is found.
if bin/kubectl kustomize config/default | sed 's/runAsNonRoot/runAsNotRoot/' | conform >"$scratch/out" || ! grep -q runAsNotRoot "$scratch/out"; then
	echo "an unknown field passed the check of schemas:" && cat "$scratch/out" && exit 1
fi

# refused REASON VALUES...: helm refuses the values, and says why.
refused() {
	local reason=$1
	shift
	if bin/helm template test "$chart" "$@" >"$scratch/out" 2>&1 || ! grep -qF -- "$reason" "$scratch/out"; then
		echo "expected to be refused with '$reason': $*" && tail -5 "$scratch/out" && exit 1
	fi
}
refused "additional properties 'replica' not allowed" --set replica=3
refused "at '/replicas': got string, want integer" --set-string replicas=2
refused "at '/shardSelector': got object, want string" --set shardSelector.shard=east
refused "at '/namespaces/0'" --set 'namespaces={Demo}'
refused "at '/namespaces': got string, want array" --set namespaces=demo
refused 'namespaces: "*" is all of them, and stands alone' --set 'namespaces={demo,*}'
refused "at '/log/level'" --set log.level=loud
refused "at '/probeInterval'" --set probeInterval=soon
refused "at '/inUseDetection/enabled'" --set inUseDetection.enabled=perhaps
refused "at '/image/digest'" --set image.digest=latest
refused "at '/extraArgs/0'" --set 'extraArgs={verbose}'
refused "at '/identityServers/acme'" --set identityServers.acme=https://acme.my.erp.net
refused 'serviceAccount.name is needed' --set serviceAccount.create=false
echo "wrong values are refused"
