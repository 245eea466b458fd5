package connections

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
)

var began = time.Unix(1_700_000_000, 0)

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

func TestNoMoreThanAllowedAreUnderWay(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	p := NewPace(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	limits := Spacing{MaxConcurrent: 2}
	begin := func(name string) bool { _, ok := p.Begin("acme", named(name), limits, began); return ok }
	g.Expect([]bool{begin("a"), begin("b"), begin("c"), begin("d")}).To(Equal([]bool{true, true, false, false}))
	g.Expect(begin("a")).To(BeTrue(), "it is under way already")
	g.Expect(begin("c")).To(BeFalse(), "asking again changes nothing")
	_, elsewhere := p.Begin("other", named("e"), limits, began)
	g.Expect(elsewhere).To(BeTrue())

	p.Follow("acme", named("a"), false, false)
	g.Expect(woken).To(Equal([]string{"c"}), "the first who asked")
	g.Expect(begin("c")).To(BeTrue())
	g.Expect(begin("d")).To(BeFalse())
	p.Follow("acme", named("d"), false, true)
	p.Follow("acme", named("d"), false, false) // it does not want to any more
	p.Follow("acme", named("b"), false, false)
	g.Expect(woken).To(Equal([]string{"c"}), "nobody waits")
}

func TestBeginningsAreSpaced(t *testing.T) {
	g := NewWithT(t)
	p := NewPace(func(types.NamespacedName) {})
	limits := Spacing{MinInterval: time.Minute}
	ask := func(name string, now time.Time) (time.Duration, bool) {
		again, ok := p.Begin("acme", named(name), limits, now)
		return again.Sub(began), ok
	}
	_, ok := ask("a", began)
	g.Expect(ok).To(BeTrue())
	for i, name := range []string{"b", "c"} {
		again, ok := ask(name, began)
		g.Expect(ok).To(BeFalse())
		g.Expect(again).To(Equal(time.Duration(i+1) * time.Minute))
	}
	again, ok := ask("c", began.Add(time.Minute))
	g.Expect(ok).To(BeFalse(), "b comes first")
	g.Expect(again).To(Equal(2 * time.Minute))
	_, ok = ask("b", began.Add(time.Minute))
	g.Expect(ok).To(BeTrue())
	_, ok = ask("c", began.Add(2*time.Minute))
	g.Expect(ok).To(BeTrue())
	_, ok = ask("d", began.Add(time.Hour))
	g.Expect(ok).To(BeTrue(), "nobody began for long")
}

func TestWhatIsUnderWayCountsAfterARestart(t *testing.T) {
	g := NewWithT(t)
	p := NewPace(func(types.NamespacedName) {})
	p.Follow("acme", named("a"), true, false)
	_, ok := p.Begin("acme", named("b"), Spacing{MaxConcurrent: 1}, began)
	g.Expect(ok).To(BeFalse())
}

func TestThoseWhoWaitedAreSpacedToo(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	p := NewPace(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	limits := Spacing{MaxConcurrent: 2, MinInterval: time.Minute}
	begin := func(name string, after time.Duration) time.Duration {
		again, ok := p.Begin("acme", named(name), limits, began.Add(after))
		if ok {
			return 0
		}
		if again.IsZero() {
			return -1
		}
		return again.Sub(began)
	}
	for i, name := range []string{"a", "b", "c", "d"} {
		at := time.Duration(i) * time.Minute
		want := []time.Duration{0, 0, -1, -1}[i]
		if i > 0 {
			g.Expect(begin(name, 0)).To(Equal(at), name)
		}
		g.Expect(begin(name, at)).To(Equal(want), name)
	}
	hour := time.Hour
	p.Follow("acme", named("a"), false, false)
	p.Follow("acme", named("b"), false, false)
	g.Expect(woken).To(Equal([]string{"c", "c"}))
	g.Expect(begin("c", hour)).To(BeZero())
	g.Expect(woken).To(Equal([]string{"c", "c", "d"}), "there is room for another")
	g.Expect(begin("d", hour)).To(Equal(hour+time.Minute), "the turn of d is long over, but c just began")
	g.Expect(begin("d", hour+time.Minute)).To(BeZero())
}

func TestOneThatIsGoneHoldsUpNobody(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	p := NewPace(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	limits := Spacing{MaxConcurrent: 1}
	_, ok := p.Begin("acme", named("a"), limits, began)
	g.Expect(ok).To(BeTrue())
	_, ok = p.Begin("acme", named("b"), limits, began)
	g.Expect(ok).To(BeFalse())
	p.Forget(named("a"))
	g.Expect(woken).To(Equal([]string{"b"}))
	_, ok = p.Begin("acme", named("b"), limits, began)
	g.Expect(ok).To(BeTrue())
}
