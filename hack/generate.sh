#!/usr/bin/env bash
# Writes all generated files: deep copies of api/, CRDs, and the ClusterRole of the RBAC markers in controllers/.
#
#   hack/generate.sh [DESTINATION]     DESTINATION is the repository unless given; same layout
set -euo pipefail
cd "$(dirname "$0")/.."
destination=${1:-.}

for package in api/*/; do
	mkdir -p "$destination/$package"
	bin/controller-gen object paths="./$package" output:object:dir="$destination/$package"
done
bin/controller-gen crd paths=./api/... output:crd:dir="$destination/config/crd/bases"
bin/controller-gen rbac:roleName=trustedapp-operator paths=./controllers/... output:rbac:dir="$destination/config/rbac"
