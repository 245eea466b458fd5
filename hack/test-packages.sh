#!/usr/bin/env bash
# Prints the packages of the operator's module, one a line, by what their tests need.
#
#   hack/test-packages.sh unit|integration|node
#
# node: test/node, and every package whose tests import it; integration: test/controlplane, and every other package whose tests
# import it; unit: the rest but the explorer, which is too long a search for the race detector and has a target of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
plane=trustedapps.dev/operator/test/controlplane
node=trustedapps.dev/operator/test/node
explorer=trustedapps.dev/operator/test/explorer

all=$(go list -f '{{.ImportPath}}: {{join .TestImports " "}} {{join .XTestImports " "}} ' ./...)
needs_plane="^$plane:| $plane "
needs_node="^$node:| $node "
case $1 in
node) grep -E "$needs_node" <<<"$all" | cut -d: -f1 ;;
integration) grep -E "$needs_plane" <<<"$all" | grep -vE "$needs_node" | cut -d: -f1 ;;
unit) grep -vE "$needs_plane|$needs_node|^$explorer:" <<<"$all" | cut -d: -f1 ;;
*) echo "hack/test-packages.sh: unit, integration or node, not '$1'" >&2 && exit 2 ;;
esac
