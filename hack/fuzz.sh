#!/usr/bin/env bash
# Runs every fuzz target of the operator's module for a while, one after the other. What fails is kept under testdata/fuzz, and so are up to
# KEEP (40) small inputs of each target that reached code which no other did. All of them are tried by every `go test` from then on.
#
#   hack/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rl --include=*_test.go --exclude-dir=build --exclude-dir=hack '^func Fuzz' . | while read -r file; do
	sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$file" | while read -r target; do
		echo "== $target in $(dirname "$file")"
		go test "$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 5s </dev/null
		corpus="$(dirname "$file")/testdata/fuzz/$target"
		found="$(go env GOCACHE)/fuzz/$(go list "$(dirname "$file")")/$target"
		[ -d "$found" ] || continue
		mkdir -p "$corpus"
		find "$found" -type f -size -2 | sort | while read -r input; do
			if [ "$(find "$corpus" -type f | wc -l)" -lt "${KEEP:-40}" ]; then
				cp "$input" "$corpus/"
			fi
		done
	done
done
