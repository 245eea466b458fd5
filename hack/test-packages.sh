#!/usr/bin/env bash
# Prints the packages of the operator's module, one a line, by what their tests need.
#
#   hack/test-packages.sh unit|integration
#
# integration: test/controlplane, and every package whose tests import it; unit: all others.
set -euo pipefail
cd "$(dirname "$0")/.."
plane=trustedapps.dev/operator/test/controlplane

all=$(go list -f '{{.ImportPath}}: {{join .TestImports " "}} {{join .XTestImports " "}} ' ./...)
needs_plane="^$plane:| $plane "
case $1 in
integration) grep -E "$needs_plane" <<<"$all" | cut -d: -f1 ;;
unit) grep -vE "$needs_plane" <<<"$all" | cut -d: -f1 ;;
*) echo "hack/test-packages.sh: unit or integration, not '$1'" >&2 && exit 2 ;;
esac
