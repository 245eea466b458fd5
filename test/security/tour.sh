#!/usr/bin/env bash
# An attacker's tour: a tenant tries what is not the tenant's to do, with kubectl alone. Each file in tour/ is one attempt.
#
#   test/security/tour.sh KUBECONFIG_OF_THE_TENANT [FILE...]
#
# It prints a line for each attempt: its name, refused or succeeded, and who said what, between tabs. What was made is deleted again.
# The kubeconfig acts in the namespace team-a; the files say which server, teams and grants there are (see stage_test.go).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export KUBECONFIG=$1
shift
kubectl=${KUBECTL:-$here/../../bin/kubectl}
[ $# -gt 0 ] || set -- "$here"/tour/*.yaml

say() { printf '%s\t%s\t%s\n' "$1" "$2" "$(tr '\n\t' '  ' <<<"$3")"; }
header() { sed -n "s/^# $2: //p" "$1"; }

# outcome waits until the operator has decided about an application, and prints its condition Ready: status, reason, message.
outcome() {
	local name=$1 ready
	for _ in $(seq 300); do
		ready=$("$kubectl" get ta "$name" -n team-a -o 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.reason} {.message}{end}')
		case $ready in
		True* | "False AccessDenied"* | "False OwnershipConflict"* | "False SecretConflict"* | "False ConfigMapConflict"* | "False Invalid"* | \
			"False AdoptionSecretInvalid"* | "False TemplateInvalid"* | "False Unsupported"*) break ;;
		esac
		sleep 0.2
	done
	printf '%s' "$ready"
}

for file in "$@"; do
	name=$(basename "$file" .yaml) run=$(header "$file" run)
	if [ -n "$run" ]; then
		read -ra args <<<"$run"
		if out=$("$kubectl" "${args[@]}" <"$file" 2>&1); then
			say "$name" succeeded "$out"
		else
			say "$name" refused "$out"
		fi
		continue
	fi
	if ! out=$("$kubectl" apply -f "$file" 2>&1); then
		say "$name" refused "$out"
		continue
	fi
	app=$(sed -n 's/^  name: //p' "$file" | head -1)
	ready=$(outcome "$app")
	case $ready in
	True*) say "$name" succeeded "$ready" ;;
	*) say "$name" refused "$ready" ;;
	esac
	"$kubectl" delete -f "$file" --wait --ignore-not-found >/dev/null
done
