// Tests of the clients in docs/clients, in a module of its own: OAuth libraries are no part of the operator.
module trustedapps.dev/operator/test/clients

go 1.26.0

replace trustedapps.dev/operator => ../..

replace trustedapps.dev/operator/docs/clients/go => ../../docs/clients/go

require (
	github.com/onsi/gomega v1.44.0
	trustedapps.dev/operator v0.0.0-00010101000000-000000000000
	trustedapps.dev/operator/docs/clients/go v0.0.0-00010101000000-000000000000
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/oauth2 v0.38.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)
