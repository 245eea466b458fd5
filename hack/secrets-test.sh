#!/usr/bin/env bash
# Proves that the check for secrets (hack/verify.sh secrets, .gitleaks.toml) bites: plants made-up ones in a repository of its own and
# expects each to be named, in the tree and in the history, and expects silence where there is none or where the value is allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Where a git hook runs this, git would take the hook's repository for ours.
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_GLOBAL=/dev/null # what a user signs, hooks or ignores is not tried here
export REQUIRE_ALL=                # a check that could not run is expected below

repo=$scratch/repo
mkdir -p "$repo/hack" "$repo/bin" "$repo/docs"
cp .gitignore .gitleaks.toml "$repo"
cp hack/verify.sh "$repo/hack"
ln -s "$root/bin/gitleaks" "$repo/bin"
echo 'no secret here' >"$repo/docs/clean.md"

in_repo() { git -C "$repo" -c user.name=test -c user.email=test@example.com "$@"; }
commit() { in_repo add --all && in_repo commit --quiet --message "$1"; }

# made_up NAME: 40 characters that look random but are the same in every run, and that no file of this repository holds.
made_up() { printf %s "$1" | sha256sum | cut -c -40; }

# check CODE [REPOSITORY]: runs the check, which must end so; what it said is in $said.
check() {
	local rc=0
	said=$("${2:-$repo}/hack/verify.sh" secrets 2>&1) || rc=$?
	[ $rc = "$1" ] || { echo "expected exit code $1, got $rc and:" && echo "$said" && exit 1; }
}
expect() { # TEXT
	grep -qF "$1" <<<"$said" || { echo "not named: $1; the check said:" && echo "$said" && exit 1; }
}
expect_silence() { # TEXT
	! grep -F "$1" <<<"$said" || { echo "named, but must not be: $1" && exit 1; }
}

in_repo init --quiet --initial-branch=main
commit 'nothing to find'
check 0
expect 'secrets: passed'

# Built here, so that this file is not a finding itself.
key="$(printf -- '-----BEGIN %s-----\n%s\n%s\n-----END %s-----' 'PRIVATE KEY' "$(made_up one)" "$(made_up two)" 'PRIVATE KEY')"
token=ghp_$(made_up token | cut -c -36)
password=$(made_up password)
echo "$key" >"$repo/docs/key.pem"
echo "use $token" >"$repo/docs/token.md"
echo "password: $password # gitleaks:allow" >"$repo/docs/commented.yaml"
# Ignored by git, like the demo's own keys.
mkdir -p "$repo/build"
echo "use $token" >"$repo/build/ignored.txt"
# An allowed value where it is allowed and elsewhere, and another value where that one is allowed.
mkdir -p "$repo/test/bed" "$repo/test/gitops"
printf 'OperatorSecret = "canary-of-the-operator-itself-%s"\n' 0123456789 | tee "$repo/test/bed/instance.go" >"$repo/docs/instance.go"
echo "password: $password" >"$repo/test/gitops/suite_test.go"
check 1
findings() { # [SUFFIX]
	expect "docs/key.pem:1: private-key${1:-}"
	expect "docs/token.md:1: github-pat${1:-}"
	expect "docs/commented.yaml:1: generic-api-key${1:-}"
	expect "docs/instance.go:1: generic-api-key${1:-}"
	expect "test/gitops/suite_test.go:1: generic-api-key${1:-}"
	expect_silence test/bed/instance.go:
	expect_silence build/ignored.txt:
	expect_silence "$(made_up one)"
	expect_silence "$token"
	expect_silence "$password"
}
findings

# Taken out again, they are still in the history.
commit 'secrets'
bad=$(in_repo rev-parse HEAD)
in_repo rm --quiet -r docs/key.pem docs/token.md docs/commented.yaml docs/instance.go test/gitops
commit 'no secrets'
# What only a merge brought in is in the diff of no other commit.
in_repo checkout --quiet -b side
echo 'none here' >"$repo/docs/side.md"
commit 'a side'
in_repo checkout --quiet main
in_repo merge --quiet --no-ff --message 'a merge' side
echo "use $token" >"$repo/docs/merged.md"
in_repo add docs/merged.md
in_repo commit --quiet --amend --no-edit
merge=$(in_repo rev-parse HEAD)
in_repo rm --quiet docs/merged.md
commit 'no secrets again'
check 1
findings " in commit $bad"
expect "docs/merged.md:1: github-pat in commit $merge"

# A clone without its history does not pass for one that was searched.
in_repo clone --quiet --depth 1 "file://$repo" "$scratch/shallow"
ln -s "$repo/bin" "$scratch/shallow/bin"
check 0 "$scratch/shallow"
expect 'NOT CHECKED: secrets in the history'

# gitleaks itself takes a git that fails for a history without leaks.
in_repo checkout --quiet --orphan empty
check 1
expect 'the check is broken'
echo "the check for secrets bites, and none of its allowances reaches too far"
