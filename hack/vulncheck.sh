#!/usr/bin/env bash
# Looks for known vulnerabilities in code that a module of this repository calls.
#
#   hack/vulncheck.sh MODULE_DIR [PACKAGES]     ./... unless given
#
# Exit code: 0 none but accepted ones; 1 others, or an accepted one that is gone; 75 the database could not be read.
# Accepted findings, each with its reason: hack/vulnerabilities-accepted.txt, or the file ACCEPTED. VULNDB is the URL of the database, a mirror
# or file:///..., where https://vuln.go.dev cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD module=$1 packages=${2:-./...} database=${VULNDB:-https://vuln.go.dev}
accepted=${ACCEPTED:-$root/hack/vulnerabilities-accepted.txt}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

rc=0
(cd "$module" && "$root/bin/govulncheck" -db "$database" "$packages") >"$output" 2>&1 || rc=$?
if [ $rc != 0 ] && grep -qE '^govulncheck: fetching vulnerabilities: .*(dial tcp|lookup|proxyconnect|timeout|connection)' "$output"; then
	echo "NOT CHECKED: known vulnerabilities of $module: the vulnerability database $database cannot be reached from this machine"
	exit 75
fi
cat "$output"
[ $rc = 0 ] || [ $rc = 3 ] || exit 1 # 3: vulnerabilities were found

wrong=0
found=$(sed -nE 's/^Vulnerability #[0-9]+: (GO-[0-9]+-[0-9]+)$/\1/p' "$output" | sort -u)
[ $rc = 0 ] || [ -n "$found" ] || { echo "vulnerabilities were found, but none could be read from the output" && exit 1; }
for id in $found; do
	if reason=$(grep -E "^$module $id .+" "$accepted"); then
		echo "accepted: $reason"
	else
		echo "$module: $id is neither fixed nor accepted" && wrong=1
	fi
done
while read -r where id _; do
	[ "$where" != "$module" ] || grep -q "$id" <<<"$found" || { echo "$module: $id is accepted but no longer found: remove it" && wrong=1; }
done < <(grep -vE '^(#|$)' "$accepted" || :)
exit $wrong
