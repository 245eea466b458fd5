#!/usr/bin/env bash
# Builds one binary from a Go module of this repository and shows how far it is.
#
#   hack/build-binary.sh MODULE_DIR PACKAGE OUTPUT [go build flags...]
#
# `go build -v` names each package when its compilation ends; counted against the packages of the import graph that is
# a progress bar. Packages that the build cache holds already are not named, so the count may jump.
set -euo pipefail
cd "$(dirname "$0")/.."
module=$1 package=$2 output=$PWD/$3
shift 3

mkdir -p "$(dirname "$output")"
log=$output.log
total=$(cd "$module" && go list -deps "$package" | wc -l)
started=$SECONDS

(cd "$module" && exec go build -trimpath -v "$@" -o "$output.partial" "$package") >"$log" 2>&1 &
build=$!
trap 'kill "$build" 2>/dev/null || :' INT TERM

shown=-1
while kill -0 "$build" 2>/dev/null; do
	compiled=$(grep -cE '^[a-zA-Z0-9._/-]+$' "$log" || :)
	if [ $(((SECONDS - started) / 10)) != "$shown" ] && [ $((SECONDS - started)) -ge 5 ]; then
		shown=$(((SECONDS - started) / 10))
		printf '  %-24s %4ds  %s of at most %s packages compiled\n' "$(basename "$output")" $((SECONDS - started)) "$compiled" "$total"
	fi
	sleep 1
done

if ! wait "$build"; then
	grep -vE '^[a-zA-Z0-9._/-]+$' "$log" >&2 || :
	echo "could not build $package of $module (whole log: ${log#"$PWD"/})" >&2
	exit 1
fi
mv "$output.partial" "$output"
rm -f "$log"
printf '  %-24s built in %ds\n' "$(basename "$output")" $((SECONDS - started))
