#!/usr/bin/env bash
# Proves that hack/vulncheck.sh fails when it must, against a database with one made-up advisory for code that api/ surely
# calls. It needs no network, so it also runs where the real database is out of reach.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# database DIRECTORY MODULE: the advisory GO-2000-0001 for every version of package pkg/runtime of a module.
database() {
	local when='"modified":"2000-01-01T00:00:00Z"'
	mkdir -p "$1/index" "$1/ID"
	echo "{$when}" >"$1/index/db.json"
	echo "[{\"path\":\"$2\",\"vulns\":[{\"id\":\"GO-2000-0001\",$when}]}]" >"$1/index/modules.json"
	echo "[{\"id\":\"GO-2000-0001\",$when}]" >"$1/index/vulns.json"
	cat >"$1/ID/GO-2000-0001.json" <<-JSON
		{"schema_version":"1.3.1","id":"GO-2000-0001",$when,"summary":"made up","details":"made up","affected":[{
		"package":{"name":"$2","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
		"ecosystem_specific":{"imports":[{"path":"$2/pkg/runtime"}]}}],
		"database_specific":{"url":"https://example.com/GO-2000-0001"}}
	JSON
}

# expect CODE TEXT DATABASE (the real one if empty): what vulncheck.sh answers for api/.
expect() {
	local rc=0 output
	output=$(VULNDB=$3 ACCEPTED=$scratch/accepted hack/vulncheck.sh . ./api/... 2>&1) || rc=$?
	if [ $rc != "$1" ] || ! grep -qF "$2" <<<"$output"; then
		echo "expected exit code $1 and '$2', got $rc and:" && echo "$output"
		exit 1
	fi
}

database "$scratch/called" k8s.io/apimachinery
database "$scratch/foreign" example.com/never/required
echo '# none' >"$scratch/accepted"
expect 0 'No vulnerabilities found' "file://$scratch/foreign"
expect 1 'GO-2000-0001 is neither fixed nor accepted' "file://$scratch/called"
# Nothing listens on port 1: the real database is out of reach, wherever this runs.
HTTPS_PROXY=http://127.0.0.1:1 NO_PROXY='' expect 75 'NOT CHECKED' ''
echo '. GO-2000-0001 it is made up' >"$scratch/accepted"
expect 0 'accepted: . GO-2000-0001 it is made up' "file://$scratch/called"
expect 1 'GO-2000-0001 is accepted but no longer found' "file://$scratch/foreign"
echo "the vulnerability check fails when it must"
