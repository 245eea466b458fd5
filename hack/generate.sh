#!/usr/bin/env bash
# Writes all generated files: deep copies of api/, CRDs, the ClusterRole of the RBAC markers in controllers/, the parts of the chart that
# follow from them, its README, the manifests of config/, which are the chart rendered with config/values.yaml, and docs/api.md.
#
#   hack/generate.sh [DESTINATION]     DESTINATION is the repository unless given; same layout
set -euo pipefail
cd "$(dirname "$0")/.."
destination=${1:-.}
chart=charts/trustedapp-operator
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for package in api/*/; do
	mkdir -p "$destination/$package"
	bin/controller-gen object paths="./$package" output:object:dir="$destination/$package"
done
bin/controller-gen crd paths=./api/... output:crd:dir="$destination/config/crd/bases"
bin/controller-gen crd paths=./api/... output:crd:dir="$destination/$chart/files/crds"
bin/controller-gen rbac:roleName=trustedapp-operator paths=./controllers/... output:rbac:dir="$destination/$chart/files"

# The chart as it is to be: what was just generated on top of what is written by hand.
cp -r "$chart" "$scratch/chart"
[ "$destination" = . ] || cp -r "$destination/$chart/." "$scratch/chart"
bin/helm-docs --chart-search-root "$scratch/chart" --log-level warning
cp "$scratch/chart/README.md" "$destination/$chart/README.md"

# config/: one file for each template, without the labels that only make sense for a Helm release.
bin/helm template trustedapp-operator "$scratch/chart" --namespace trustedapp-system --values config/values.yaml --output-dir "$scratch/rendered" >/dev/null
for file in "$scratch"/rendered/trustedapp-operator/templates/*.yaml; do
	name=$(basename "$file") folder=rbac
	case $name in
	deployment.yaml | metrics.yaml) folder=manager ;;
	esac
	mkdir -p "$destination/config/$folder"
	{
		echo "# Generated from $chart/templates/$name by \`make generate\`."
		sed -E '/^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by|app\.kubernetes\.io\/version|app\.kubernetes\.io\/instance):/d; /^# Source: /d; 1{/^---$/d}' "$file"
	} >"$destination/config/$folder/$name"
done

mkdir -p "$destination/docs"
bin/crd-ref-docs --config hack/tools/crd-ref-docs/config.yaml --source-path ./api --renderer markdown --log-level ERROR \
	--output-path "$destination/docs/api.md"
