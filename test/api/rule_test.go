package api_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rule is one rule of a schema with examples on both sides of it.
type rule struct {
	// kind, path and keyword say where it stands: keyword is "cel" or a JSON schema keyword, path a dotted one where []
	// stands for the items of a list.
	kind, path, keyword string
	// message is what the user reads, exactly, without the value that the API server puts before it.
	message string
	// field is the path that the API server names; default: path.
	field string
	// ids are the rules of the identity server's reference that it enforces (see reference_test.go).
	ids string

	accepted, refused []example
}

// example is an object, or an update of former to it.
type example struct {
	name   string
	object object
	former object
}

// eg is an example that is created.
func eg(name string, o object) example { return example{name: name, object: o} }

// each makes an example of each value at a path.
func each[T any](base func(...change) object, path string, values ...T) []example {
	var examples []example
	for _, v := range values {
		examples = append(examples, eg(fmt.Sprintf("%.60q", fmt.Sprint(v)), base(set(path, v))))
	}
	return examples
}

// eachItem makes an example of each string as the only item of the list at a path.
func eachItem(base func(...change) object, path string, items ...string) []example {
	var examples []example
	for _, v := range items {
		examples = append(examples, eg(fmt.Sprintf("%.60q", v), base(set(path, []any{v}))))
	}
	return examples
}

// key identifies the rule in the schema. Only CEL rules can stand more than once at one place.
func (r rule) key() string {
	if r.keyword == "cel" {
		return fmt.Sprintf("%s %s cel: %s", r.kind, r.path, r.message)
	}
	return fmt.Sprintf("%s %s %s", r.kind, r.path, r.keyword)
}

func allRules() []rule {
	var all []rule
	for _, part := range [][]rule{applicationRules(), flowRules(), redirectURIRules(), rotationRules(), outputRules(), serverRules(), limitRules(), accessRules()} {
		all = append(all, part...)
	}
	return append(append(all, sharedRules(all)...), setRules()...)
}

var _ = Describe("A rule of the schema", func() {
	for _, r := range allRules() {
		Context(r.key(), func() {
			for _, e := range r.accepted {
				It("accepts "+e.name, func(ctx context.Context) { Expect(submit(ctx, e)).To(Succeed()) })
			}
			for _, e := range r.refused {
				It("refuses "+e.name, func(ctx context.Context) { expectRefusal(submit(ctx, e), r) })
			}
		})
	}
})

// submit sends an example to the API server, which validates it and does not store it.
func submit(ctx context.Context, e example) error {
	GinkgoHelper()
	o := e.object.DeepCopy()
	if e.former == nil {
		return api.Create(ctx, o, client.DryRunAll)
	}
	former := e.former.DeepCopy()
	former.SetName("")
	former.SetGenerateName("former-")
	Expect(api.Create(ctx, former)).To(Succeed())
	DeferCleanup(func(ctx context.Context) { Expect(api.Delete(ctx, former)).To(Succeed()) })
	o.SetName(former.GetName())
	o.SetResourceVersion(former.GetResourceVersion())
	return api.Update(ctx, o, client.DryRunAll)
}

var listIndex = regexp.MustCompile(`\[\d+\]`)

// expectRefusal checks that the API server names the rule's field with the rule's message, word for word.
func expectRefusal(err error, r rule) {
	GinkgoHelper()
	Expect(apierrors.IsInvalid(err)).To(BeTrue(), "got %v", err)
	field := r.field
	if field == "" {
		field = r.path
	}
	type finding struct{ Field, Message string }
	var findings []finding
	for _, cause := range causes(err) {
		findings = append(findings, finding{listIndex.ReplaceAllString(cause.Field, "[]"), withoutValue(cause.Message, r.message)})
	}
	Expect(findings).To(ContainElement(finding{field, r.message}))
}

// withoutValue cuts "Invalid value: VALUE: " from before the message of a rule.
func withoutValue(got, message string) string {
	if strings.HasPrefix(got, "Invalid value: ") && strings.HasSuffix(got, ": "+message) {
		return message
	}
	return got
}

func causes(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	return status.Status().Details.Causes
}
