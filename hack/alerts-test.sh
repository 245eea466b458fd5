#!/usr/bin/env bash
# Proves that the unit tests of the alerts can fail: breaks each alert in each of these ways in a copy, and expects promtool to object.
set -euo pipefail
cd "$(dirname "$0")/.."
rules=charts/trustedapp-operator/files/alerts.yaml tests=test/alerts/alerts_test.yaml
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# broken ALERT HOW: the rules with one alert changed. An expression may go on in deeper lines, which go with it.
broken() {
	awk -v alert="$1" -v how="$2" '
		/^      - alert: / { mine = ($3 == alert) }
		skip && /^          / { next }
		{ skip = 0 }
		mine && /^        expr: / && how == "always" { print "        expr: vector(1)"; skip = 1; next }
		mine && /^        expr: / && how == "never" { print "        expr: vector(1) > 1"; skip = 1; next }
		mine && /^        for: / && how == "early" { print "        for: 0s"; next }
		mine && /^        for: / && how == "late" { print "        for: 1h"; next }
		mine && /^          severity: / && how == "severity" { print "          severity: none"; next }
		{ print }' "$rules"
}

for alert in $(sed -n 's/^      - alert: //p' "$rules"); do
	for how in always never early late severity; do
		case=$copy/$alert-$how
		mkdir -p "$case/$(dirname "$rules")" "$case/$(dirname "$tests")"
		cp "$tests" "$case/$tests"
		broken "$alert" "$how" >"$case/$rules"
		! cmp -s "$rules" "$case/$rules" || { echo "the proof is broken: $alert is not made $how" && exit 1; }
	done
done
cases=("$copy"/*/)
[ ${#cases[@]} -gt 20 ] || { echo "found only ${#cases[@]} cases" && exit 1; }
bin/promtool check rules "$copy"/*/"$rules" >"$copy/log" 2>&1 || { echo "the proof is broken: these are no rules" && cat "$copy/log" && exit 1; }
wrong=0
for case in "${cases[@]}"; do
	! bin/promtool test rules "$case/$tests" >/dev/null 2>&1 || { echo "not caught: $(basename "$case")" && wrong=1; }
done
[ $wrong = 0 ] || exit 1
echo "the tests of the alerts caught all ${#cases[@]} breakages"
