#!/usr/bin/env bash
# Builds what the end-to-end suite installs, and runs it: images of the operator as it is now and as it was before, and of a workload.
#
#   hack/e2e.sh
#
# WITHOUT_NODE=1 runs it without a kubelet, as on a machine that cannot run one. Results: build/e2e.json.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD dir=$PWD/build/e2e
platform=linux/$(go env GOARCH)
rm -rf "$dir" build/e2e.json
mkdir -p "$dir"
if ! command -v chromium chromium-browser google-chrome headless-shell >/dev/null; then
	echo "hack/e2e.sh: users sign in with a real browser, and there is none; on Debian: apt-get install chromium" >&2
	exit 1
fi

# image SOURCE OUT TAG [FLAG...] builds an image with the builder of that source tree.
image() {
	local source=$1 out=$2 tag=$3
	shift 3
	(cd "$source/hack/image" && go run . -module "$source" -out "$out" -tag "$tag" -platforms "$platform" "$@")
}

# The newest commit before this one that can be installed with Helm.
previous=
for commit in $(git rev-list --first-parent --skip=1 HEAD); do
	if git cat-file -e "$commit:charts/trustedapp-operator/Chart.yaml" 2>/dev/null; then
		previous=$commit && break
	fi
done
if [ -z "$previous" ]; then
	echo "hack/e2e.sh: NO UPGRADE between versions is tried: no earlier commit is here (a shallow clone?). It goes from this commit to itself." >&2
	previous=HEAD
fi

echo "== e2e: building the operator's image"
image "$root" "$dir/present" present
echo "== e2e: building the operator's image as of $(git log -1 --format='%h, %s' "$previous")"
git clone --quiet --shared --no-checkout . "$dir/source"
git -C "$dir/source" checkout --quiet --detach "$previous"
image "$dir/source" "$dir/previous" previous
echo "== e2e: building the workload's image"
image "$root" "$dir/workload" e2e -module "$root/test/cluster" -package ./workload -name workload -binary workload \
	-title "Workload of the end-to-end suite" -description "A test"

echo "== e2e: running the suite"
# The test binary itself, not go test: an interrupt reaches it, and it takes everything down.
(cd test/cluster && go test -c -o "$dir/suite" .)
cd test/cluster
exec "$dir/suite" -test.timeout 45m -ginkgo.timeout 40m -ginkgo.no-color
