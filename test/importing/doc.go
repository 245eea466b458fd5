// Package importing brings registrations that people made by hand under the operator, on a real control plane: nothing changes at the server until
// a manifest says so. It writes build/import.json.
package importing
