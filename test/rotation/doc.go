// Package rotation proves what the strategies of a rotation promise: workloads ask for tokens all the time, through rotations, kills of the
// operator and restarts of the server, with credentials that a kubelet refreshes late. `make rotation` runs the whole of it, `make test` a short
// form; both write build/rotation.json.
//
// Time is compressed: a second here stands for Scale seconds of a cluster.
package rotation
