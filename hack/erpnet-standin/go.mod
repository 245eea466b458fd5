// A stand-in ERP.net instance for tests, demos and dev clusters, in a module of its own so that its OAuth server
// library never reaches the operator.
module trustedapps.dev/operator/hack/erpnet-standin

go 1.26.0

require github.com/go-jose/go-jose/v4 v4.1.8
