#!/usr/bin/env bash
# Prints the packages of the operator's module, one a line, by what their tests need.
#
#   hack/test-packages.sh unit|integration
#
# integration: test/controlplane, and every package whose tests import it; unit: all others but the explorer, which is too long a
# search for the race detector and has a target of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
plane=trustedapps.dev/operator/test/controlplane
explorer=trustedapps.dev/operator/test/explorer

all=$(go list -f '{{.ImportPath}}: {{join .TestImports " "}} {{join .XTestImports " "}} ' ./...)
needs_plane="^$plane:| $plane "
case $1 in
integration) grep -E "$needs_plane" <<<"$all" | cut -d: -f1 ;;
unit) grep -vE "$needs_plane|^$explorer:" <<<"$all" | cut -d: -f1 ;;
*) echo "hack/test-packages.sh: unit or integration, not '$1'" >&2 && exit 2 ;;
esac
