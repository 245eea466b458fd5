// The Go client of a mounted credential, to import or to copy.
module trustedapps.dev/operator/docs/clients/go

go 1.26.0

require golang.org/x/oauth2 v0.38.0
