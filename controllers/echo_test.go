package controllers

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

func TestOnlyWhatIsNoNewsIsAnEcho(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	orders := types.NamespacedName{Namespace: "shop", Name: "orders"}
	wrote := execute.Result{End: plan.Done{}, Trace: []plan.Step{plan.Publish{}}}
	left := func() echo {
		return echo{
			at: began, version: "7", published: map[string]string{"Secret/orders": "5"}, due: began.Add(time.Hour),
			entry: connections.Entry{Ready: true, Environment: v1alpha1.EnvironmentTest}, desired: plan.Desired{Target: "t1", ServerReady: true},
		}
	}
	for name, c := range map[string]struct {
		run    func(*execute.Result, *echo)
		change func(*echo)
		heard  bool
	}{
		"its own writes":         {heard: true},
		"a moment later":         {change: func(e *echo) { e.at = e.at.Add(echoPeriod - time.Millisecond) }, heard: true},
		"later":                  {change: func(e *echo) { e.at = e.at.Add(echoPeriod) }},
		"what is due":            {run: func(_ *execute.Result, e *echo) { e.due = began.Add(time.Second) }, change: func(e *echo) { e.at = e.at.Add(time.Second) }},
		"an edit":                {change: func(e *echo) { e.version = "8" }},
		"an edit of the Secret":  {change: func(e *echo) { e.published["Secret/orders"] = "6" }},
		"a Secret that is gone":  {change: func(e *echo) { e.published = nil }},
		"another Secret":         {change: func(e *echo) { e.published["Secret/former"] = "1" }},
		"another connection":     {change: func(e *echo) { e.entry.Server = &entryServer{} }},
		"another environment":    {change: func(e *echo) { e.entry.Environment = v1alpha1.EnvironmentProduction }},
		"a server that is away":  {change: func(e *echo) { e.desired.ServerReady = false }},
		"something else to want": {change: func(e *echo) { e.desired.Target = "t2" }},
		"a grant that was taken": {change: func(e *echo) { e.desired.Denied = "no grant covers it" }},
		"a suspicion":            {change: func(e *echo) { e.desired.Suspect = true }},
		"another suspicion": {
			run: func(_ *execute.Result, e *echo) { e.desired.Suspect = true }, change: func(e *echo) { e.desired.Suspect = true },
		},
		"a deletion":               {change: func(e *echo) { e.desired.Deleting = true }},
		"a run that waits":         {run: func(r *execute.Result, _ *echo) { r.End = plan.Wait{} }},
		"a run that failed":        {run: func(r *execute.Result, _ *echo) { r.End = plan.Fail{} }},
		"a run that wrote nothing": {run: func(r *execute.Result, _ *echo) { r.Trace = nil }},
		"a run with more to tell":  {run: func(r *execute.Result, _ *echo) { r.Observed.RestartProblems = []string{"x"} }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e, result, of, now := &echoes{}, wrote, left(), left()
			if c.run != nil {
				c.run(&result, &of)
			}
			if c.change != nil {
				c.change(&now)
			}
			e.remember(orders, result, of)
			due, ok := e.heard(orders, now)
			g.Expect(ok).To(Equal(c.heard))
			if ok {
				g.Expect(due).To(Equal(of.due))
			}
			_, ok = e.heard(types.NamespacedName{Namespace: "shop", Name: "other"}, now)
			g.Expect(ok).To(BeFalse())
		})
	}
}

func TestEchoesAreForgotten(t *testing.T) {
	g := NewWithT(t)
	e, began := &echoes{}, time.Unix(1_700_000_000, 0)
	wrote := execute.Result{End: plan.Done{}, Trace: []plan.Step{plan.Publish{}}}
	for i := range 1000 {
		e.remember(types.NamespacedName{Namespace: "shop", Name: fmt.Sprint(i)}, wrote, echo{at: began.Add(time.Duration(i) * time.Second)})
	}
	g.Expect(len(e.last)).To(BeNumerically("<=", int(echoPeriod/time.Second)+2))
	g.Expect(e.order).To(HaveLen(len(e.last)))
}

// entryServer is a connection that nobody calls.
type entryServer struct{ idserver.Server }
