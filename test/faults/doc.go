// Package faults runs the operator on a real kube-apiserver and a real identity server, and lets every call that it makes go wrong in every
// way, one at a time and in pairs. The calls are recorded, not listed: a new write of the operator is a new place to strike without that
// anybody remembers.
//
// A run has a namespace, an instance and an operator of its own. A fault strikes the Nth call after a workflow began; then whatever was killed
// is started again, and once nothing moves any more every invariant is checked.
package faults
