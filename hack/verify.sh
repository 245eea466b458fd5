#!/usr/bin/env bash
# Checks the repository without changing it, and writes the results to build/verify.json.
#
#   hack/verify.sh [CHECK...]     generated docs lint lint-rules chart rbac tidy licences vulnerabilities secrets secrets-rules alerts; all unless named
#
# Every named check runs, whatever became of those before it; the exit code is 0 only if none failed. A check that cannot
# run here says NOT CHECKED with the reason and is recorded so; REQUIRE_ALL=1 makes that a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# go-licenses tells the standard library by GOROOT, which a binary built with -trimpath does not know: without this it
# takes every package for the standard library and finds nothing to object to.
GOROOT=$(go env GOROOT)
export GOROOT

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p build

# Licences that let anyone use the operator under Apache-2.0 terms. MPL-2.0 binds only its own, unchanged files; the GNU
# all-permissive one asks for a notice, as BSD does.
allowed_licences=Apache-2.0,MIT,BSD-2-Clause,BSD-3-Clause,ISC,MPL-2.0,GNU-All-permissive-Copying-License
# Modules whose dependencies are shipped.
shipped_modules=(. hack/erpnet-standin)

# modules prints the directory of every Go module of the repository.
modules() { find . -name go.mod -not -path './build/*' -printf '%h\n' | sort; }

generated() {
	hack/generate.sh "$scratch/generated" || return 1
	local file wrong=0
	while IFS= read -r file; do
		diff -u "$file" "$scratch/generated/$file" || wrong=1
	done < <(cd "$scratch/generated" && find . -type f | sort)
	while IFS= read -r file; do # generated once, no longer
		[ -e "$scratch/generated/$file" ] || { echo "$file is not generated any more: remove it" && wrong=1; }
	done < <(find api -name 'zz_generated*' && find config/crd/bases config/rbac config/manager charts/trustedapp-operator/files/crds -type f -not -name kustomization.yaml)
	[ $wrong = 0 ] || echo "generated files are not current: run 'make generate'"
	return $wrong
}

# Links, reasons, flags and fields that the documentation names, and its Go code. The tests of test/docs prove that they can fail.
docs() { go test -count=1 ./test/docs; }

lint() {
	local module wrong=0
	for module in $(modules); do
		[ -n "$(find "$module" -name '*.go' -print -quit)" ] || continue # a module of tool lines has no code
		echo "golangci-lint: $module"
		(cd "$module" && "$OLDPWD/bin/golangci-lint" run --allow-parallel-runners --config "$OLDPWD/.golangci.yml" ./...) || wrong=1
	done
	return $wrong
}

lint_rules() { hack/lint-rules-test.sh; }

chart() { hack/chart-test.sh; }

# What the chart and config/ grant, as reviewed; what an API server makes of it is an integration test.
rbac() { go test -count=1 ./test/rbac -run '^(TestPermissionsAreAsReviewed|TestBothWaysToInstallGrantTheSame|TestNobodyIsBoundButTheOperator|TestNoRuleGoesTooFar)$'; }

tidy() {
	local module wrong=0
	for module in $(modules); do
		(cd "$module" && go mod tidy -diff) || { echo "$module: run 'go mod tidy' there" && wrong=1; }
	done
	return $wrong
}

licences() {
	local module name wrong=0
	for module in "${shipped_modules[@]}"; do
		name=$([ "$module" = . ] && echo operator || basename "$module")
		(cd "$module" && "$OLDPWD/bin/go-licenses" report --ignore trustedapps.dev/operator ./...) \
			>"build/licences-$name.csv" 2>"$scratch/licences.log" || { cat "$scratch/licences.log" && return 1; }
		if [ ! -s "build/licences-$name.csv" ]; then
			echo "no dependency of $name was found: the check is broken" && return 1
		fi
		echo "$name: $(wc -l <"build/licences-$name.csv") dependencies"
		if ! (cd "$module" && "$OLDPWD/bin/go-licenses" check --ignore trustedapps.dev/operator \
			--allowed_licenses="$allowed_licences" ./...) 2>"$scratch/licences.log"; then
			grep -iE 'licen[sc]e' "$scratch/licences.log" || cat "$scratch/licences.log"
			wrong=1
		fi
	done
	return $wrong
}

vulnerabilities() {
	local module rc unchecked=0 wrong=0
	for module in "${shipped_modules[@]}"; do
		rc=0
		hack/vulncheck.sh "$module" || rc=$?
		case $rc in
		0) ;;
		75) unchecked=75 ;;
		*) wrong=1 ;;
		esac
	done
	[ $wrong = 0 ] || return 1
	return $unchecked
}

# scan DIRECTORY MODE [FLAGS...]: gitleaks with our rules; one line for each finding, without the value.
scan() {
	local root=$PWD directory=$1 rc=0
	shift
	printf %s '{{range .}}{{.File}}:{{.StartLine}}: {{.RuleID}}{{with .Commit}} in commit {{.}}{{end}}{{println}}{{end}}' >"$scratch/finding"
	# Only .gitleaks.toml allows, with a reason: not a comment beside the value.
	(cd "$directory" && "$root/bin/gitleaks" "$@" --config "$root/.gitleaks.toml" --ignore-gitleaks-allow --redact --no-banner --no-color \
		--report-format template --report-template "$scratch/finding" --report-path - .) 2>"$scratch/gitleaks.log" || rc=1
	cat "$scratch/gitleaks.log"
	# It takes a git that fails for a history without leaks.
	if grep -qE ' ERR |scanned ~0 bytes' "$scratch/gitleaks.log"; then
		echo "gitleaks could not read all: the check is broken" && rc=1
	fi
	return $rc
}

# Values that look like credentials: in the files that git tracks or would add next, and in the history of what is checked out.
secrets() {
	local file wrong=0
	# A copy, since git ignores bin/ and build/, and gitleaks does not.
	mkdir -p "$scratch/tree"
	git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file" # git lists deleted ones, too
	done | xargs -0 cp --parents --no-dereference --target-directory "$scratch/tree" || return 1
	echo "gitleaks: the tree"
	scan "$scratch/tree" dir || wrong=1

	if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
		echo "NOT CHECKED: secrets in the history: this clone is shallow; 'git fetch --unshallow' gets the rest"
		[ $wrong = 1 ] || return 75
		return 1
	fi
	echo "gitleaks: the history"
	# -m: also what only a merge brought in. The rest keeps the format that gitleaks reads, whatever a user's git is set to.
	scan . git --log-opts='--full-history -m --pretty=medium --no-color --src-prefix=a/ --dst-prefix=b/ HEAD' || wrong=1
	[ $wrong = 0 ] || echo "a real secret: replace it where it is valid; one of a test: .gitleaks.toml"
	return $wrong
}

secrets_rules() { hack/secrets-test.sh; }

alerts() {
	bin/promtool check rules --lint=all --lint-fatal charts/trustedapp-operator/files/alerts.yaml || return 1
	bin/promtool test rules test/alerts/alerts_test.yaml || return 1
	hack/alerts-test.sh
}

checks=("$@")
[ $# != 0 ] || checks=(generated docs lint lint-rules chart rbac tidy licences vulnerabilities secrets secrets-rules alerts)
entries=() failed=() unchecked=()
for check in "${checks[@]}"; do
	echo "== verify: $check"
	started=$SECONDS rc=0
	"${check//-/_}" 2>&1 | tee "$scratch/output" || rc=${PIPESTATUS[0]}
	reason=$(sed -n 's/^NOT CHECKED: //p' "$scratch/output" | head -1 | tr -d '"\\\t')
	case $rc in
	0) result=passed ;;
	75) result="not checked" && unchecked+=("$check: $reason") ;;
	*) result=failed && failed+=("$check") ;;
	esac
	entries+=("$(printf '{"check":"%s","result":"%s","reason":"%s","seconds":%d}' "$check" "$result" "$reason" $((SECONDS - started)))")
	echo "== verify: $check: $result in $((SECONDS - started))s"
done
[ "${REQUIRE_ALL:-}" != 1 ] || failed+=("${unchecked[@]}")

# A run of some checks does not overwrite the record of a run of all.
report=build/verify.json
[ $# = 0 ] || report=build/verify-partial.json
# passed: nothing failed; complete: and nothing was left unchecked.
printf '{"passed":%s,"complete":%s,"checks":[%s]}\n' "$([ ${#failed[@]} = 0 ] && echo true || echo false)" \
	"$([ ${#failed[@]} = 0 ] && [ ${#unchecked[@]} = 0 ] && echo true || echo false)" "$(IFS=, && echo "${entries[*]}")" >"$report"
[ ${#unchecked[@]} = 0 ] || printf 'NOT CHECKED: %s\n' "${unchecked[@]}"
[ ${#failed[@]} = 0 ] || { printf 'verify failed: %s\n' "${failed[@]}" >&2 && exit 1; }
