package shards

import (
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
)

// wrote are the objects that requests were to write, whatever became of that: as "resource namespace/name", with those of the cluster in the
// namespace "". A status is a part of its object. A question about permissions writes nothing, and an event is an object that nobody writes again.
func wrote(requests []audit.Request) map[string]bool {
	objects := map[string]bool{}
	for _, r := range requests {
		switch {
		case slices.Contains([]string{"get", "list", "watch"}, r.Verb):
		case slices.Contains([]string{"selfsubjectaccessreviews", "events"}, r.ObjectRef.Resource):
		default:
			objects[r.ObjectRef.Resource+" "+r.ObjectRef.Namespace+"/"+r.ObjectRef.Name] = true
		}
	}
	return objects
}

// both are the objects that are in both sets.
func both(one, other map[string]bool) []string {
	var shared []string
	for object := range one {
		if other[object] {
			shared = append(shared, object)
		}
	}
	return slices.Sorted(slices.Values(shared))
}

func set(objects []string) map[string]bool {
	all := map[string]bool{}
	for _, object := range objects {
		all[object] = true
	}
	return all
}

// writes are those of a user so far.
func (w *world) writes(user string) map[string]bool {
	w.t.Helper()
	requests, err := audit.Of(w.audit, user)
	w.Expect(err).NotTo(HaveOccurred())
	return wrote(requests)
}

// since begins to watch what a release writes, and returns what it wrote from now on.
func (w *world) since(r *release) func() []string {
	w.t.Helper()
	log := audit.Follow(w.audit, r.user())
	_, err := log.Next()
	w.Expect(err).NotTo(HaveOccurred())
	seen := map[string]bool{}
	return func() []string {
		requests, err := log.Next()
		w.Expect(err).NotTo(HaveOccurred())
		maps.Copy(seen, wrote(requests))
		return slices.Sorted(maps.Keys(seen))
	}
}

// objects are all that is written for applications: themselves, their Secrets, and their ledgers.
func objects(apps ...*v1alpha1.TrustedApplication) (all []string) {
	for _, app := range apps {
		all = append(all,
			"trustedapplications "+app.Namespace+"/"+app.Name, "secrets "+app.Namespace+"/"+app.Name,
			"secrets "+bed.OperatorNamespace+"/ta-"+string(app.UID))
	}
	return all
}

func TestWhatWasWrittenByBothIsFound(t *testing.T) {
	g := NewWithT(t)
	request := func(verb, resource, subresource, name string) (r audit.Request) {
		r.Verb = verb
		r.ObjectRef = &struct{ APIGroup, Resource, Subresource, Namespace, Name string }{"", resource, subresource, "shop", name}
		return r
	}
	one := wrote([]audit.Request{
		request("patch", "trustedapplications", "", "orders"), request("create", "secrets", "", "orders"), request("get", "secrets", "", "portal"),
		request("create", "selfsubjectaccessreviews", "", ""), request("create", "events", "", "orders.1"), request("delete", "secrets", "", "mailer"),
	})
	g.Expect(one).To(HaveLen(3))
	other := wrote([]audit.Request{
		request("update", "trustedapplications", "status", "orders"), request("watch", "secrets", "", "orders"), request("update", "secrets", "", "portal"),
		request("create", "selfsubjectaccessreviews", "", ""), request("create", "events", "", "orders.1"),
	})
	g.Expect(both(one, other)).To(Equal([]string{"trustedapplications shop/orders"}), "a status is a part of its object")
	g.Expect(strings.Join(both(one, one), ", ")).To(Equal("secrets shop/mailer, secrets shop/orders, trustedapplications shop/orders"))
}
