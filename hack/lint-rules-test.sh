#!/usr/bin/env bash
# Proves that the architecture rules of .golangci.yml bite: breaks each one in a copy of the repository and expects the
# linter to name it, and expects it to keep silent where the same code is allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/internal/idserver"
cp go.mod go.sum .golangci.yml "$copy"
cp -r api "$copy/api"
find internal/idserver -maxdepth 1 -name '*.go' -not -name '*_test.go' -exec cp {} "$copy/internal/idserver" \;

# violation FILE IMPORTS BODY: a file of its own package, named after its directory.
violation() {
	mkdir -p "$copy/$(dirname "$1")"
	{
		echo "package $(basename "$(dirname "$1")")"
		for import in $2; do echo "import $import"; done
		echo "$3"
	} >"$copy/$1"
}

# Naming a method is enough for the rule, and does not depend on its parameters.
backend='"trustedapps.dev/operator/internal/idserver"'
call='func forget(s idserver.Server) any { return s.Delete }'
# A backend's own type, called past the interface.
plug='"trustedapps.dev/operator/internal/idserver/plug"'
plugged='func remove(s *plug.Server) any { return s.Delete }'
violation internal/idserver/plug/plug.go '' 'type Server struct{}
func (*Server) Delete() error { return nil }'

violation internal/plan/client.go '_"k8s.io/client-go/rest"' ''
violation internal/plan/runtime.go '_"sigs.k8s.io/controller-runtime/pkg/client"' ''
violation internal/plan/web.go '_"net/http"' ''
violation internal/plan/random.go '_"math/rand/v2"' ''
violation internal/plan/clock.go 'clock"time"' 'func now() clock.Time { return clock.Now() }'
violation internal/status/clock.go '"time"' 'func now() time.Time { return time.Now() }'
violation internal/fleet/clock.go '"time"' 'func now() time.Time { return time.Now() }'
violation internal/fleet/client.go '_"sigs.k8s.io/controller-runtime/pkg/client"' ''
violation internal/output/backend.go "$backend" "$call"
violation internal/output/plug.go "$plug" "$plugged"
violation internal/output/sleep.go '"time"' 'func nap() { time.Sleep(1) }'
violation internal/idserver/kube.go '_"k8s.io/apimachinery/pkg/types"' ''
violation api/v1alpha1/inward.go '_"trustedapps.dev/operator/internal/idserver"' ''
violation controllers/backend.go "$backend" "$call"
# Allowed: the executor calls backends, and anything but plan, status and fleet may read the clock.
violation internal/execute/backend.go "$backend" "$call"
violation internal/execute/clock.go '"time"' 'func now() time.Time { return time.Now() }'
violation internal/plan/clock_test.go '"time"' 'func later() time.Time { return time.Now() }'

cd "$copy"
found=$("$root/bin/golangci-lint" run --enable-only depguard,forbidigo --max-issues-per-linter 0 --max-same-issues 0 \
	--output.text.print-issued-lines=false --allow-parallel-runners ./... 2>&1) || :

wrong=0
expect() { # FILE TEXT
	grep -F "$1:" <<<"$found" | grep -qF "$2" || { echo "not caught: $1: $2" && wrong=1; }
}
expect_silence() {
	! grep -F "$1:" <<<"$found" || { echo "caught, but allowed: $1" && wrong=1; }
}
expect internal/plan/client.go 'the plan is pure: it imports no client'
expect internal/plan/runtime.go 'the plan is pure: it imports no client'
expect internal/plan/web.go 'the plan is pure: no I/O'
expect internal/plan/random.go 'the plan is pure: no randomness'
expect internal/plan/clock.go 'the plan is pure: it is told the time'
expect internal/status/clock.go 'the plan is pure: it is told the time'
expect internal/fleet/clock.go 'the plan is pure: it is told the time'
expect internal/fleet/client.go 'the plan is pure: it imports no client'
expect internal/output/backend.go 'only internal/execute calls a backend'
expect internal/output/plug.go 'only internal/execute calls a backend'
expect internal/output/plug.go 'a backend is a plug'
expect internal/output/sleep.go 'wait for a condition'
expect internal/idserver/kube.go 'knows servers, never Kubernetes'
expect api/v1alpha1/inward.go 'the API is imported by others'
expect controllers/backend.go 'only internal/execute calls a backend'
expect_silence internal/execute/backend.go
expect_silence internal/execute/clock.go
expect_silence internal/plan/clock_test.go
if [ $wrong != 0 ]; then
	echo "the linter said:" && echo "$found"
	exit 1
fi
echo "every architecture rule bites, and none too far"
