#!/usr/bin/env bash
# Runs a stand-in ERP.net instance in a dev cluster and connects the operator to it, as the IdentityServer acme. It needs the image
# erpnet-standin:dev on the nodes (make standin-image), and the operator to be installed.
#
#   hack/erpnet-standin/in-cluster.sh [OPERATOR_NAMESPACE]      trustedapp-system unless given
#
# All secrets are drawn. The certificate authority to trust is written to build/standin-ca.pem.
set -euo pipefail
cd "$(dirname "$0")/../.."
operator=${1:-trustedapp-system} namespace=erpnet-standin
umask 077
scratch=$(mktemp -d) forward=
trap '[ -z "$forward" ] || kill "$forward"; rm -rf "$scratch"' EXIT
mkdir -p build

draw() { openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n'; }

kubectl apply -f hack/erpnet-standin/in-cluster.yaml
# The address of the Service, not its name: it is the same for Pods and, with port-forward, for you; and needs no cluster DNS.
address=$(kubectl get service erpnet-standin -n $namespace -o 'jsonpath={.spec.clusterIP}')
printf %s com.example.dev-cluster/trustedapp-operator >"$scratch/client_id"
draw >"$scratch/client_secret"
cat >"$scratch/instances.json" <<JSON
[{
  "name": "acme", "address": "0.0.0.0:8443", "publicUrl": "https://$address:8443",
  "users": [
    {"login": "svc.operator", "name": "Operator", "isAdmin": true},
    {"login": "svc.orders", "name": "Order sync", "userType": "ApplicationUserNoLogin"},
    {"login": "svc.portal", "name": "Portal", "userType": "ApplicationUserNoLogin"},
    {"login": "anna", "name": "Anna", "password": "$(draw)"}
  ],
  "applications": [{
    "applicationUri": "$(cat "$scratch/client_id")", "name": "trustedapp operator", "secret": "$(cat "$scratch/client_secret")",
    "systemUserAllowed": true, "systemUser": "svc.operator", "scope": "read update sec"
  }]
}]
JSON
kubectl create secret generic erpnet-standin -n $namespace --from-file="$scratch/instances.json"
kubectl rollout status deployment/erpnet-standin -n $namespace --timeout=120s

# The authority is asked for at the control address, which only a port-forward reaches.
kubectl port-forward -n $namespace deployment/erpnet-standin --address 127.0.0.1 :9090 >"$scratch/forward" &
forward=$!
for _ in $(seq 100); do
	port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\).*/\1/p' "$scratch/forward")
	[ -z "$port" ] || break
	sleep 0.1
done
[ -n "$port" ] || { echo "the port-forward to the stand-in did not begin" >&2 && exit 1; }
curl -fsS -o build/standin-ca.pem "http://127.0.0.1:$port/ca.pem"

kubectl create secret generic acme-operator -n "$operator" --from-file="$scratch/client_id" --from-file="$scratch/client_secret"
kubectl apply -f - <<YAML
apiVersion: trustedapps.dev/v1alpha1
kind: IdentityServer
metadata:
  name: acme
spec:
  access:
    - name: everyone
      namespaces: ["*"]
  environment: Test
  caBundle: $(base64 -w0 build/standin-ca.pem)
  erpNet:
    url: https://$address:8443
    credentialsRef:
      name: acme-operator
YAML
kubectl wait --for=condition=Ready identityserver/acme --timeout=60s
