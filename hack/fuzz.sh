#!/usr/bin/env bash
# Runs every fuzz target of the operator's module for a while, one after the other. What fails is kept under testdata/fuzz, and from then on
# tried by every `go test`.
#
#   hack/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rl --include=*_test.go --exclude-dir=build --exclude-dir=hack '^func Fuzz' . | while read -r file; do
	sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$file" | while read -r target; do
		echo "== $target in $(dirname "$file")"
		go test "$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 5s </dev/null
	done
done
