package connections

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
)

func name(n string) types.NamespacedName { return types.NamespacedName{Namespace: "team", Name: n} }

func TestGateParksAndWakesInOrderDeletionsFirst(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	gate := NewGate(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	leave, ok := gate.Enter("slow", 1, name("first"), Work)
	g.Expect(ok).To(BeTrue())
	for _, n := range []string{"second", "third", "third"} {
		_, ok = gate.Enter("slow", 1, name(n), Work)
		g.Expect(ok).To(BeFalse())
	}
	_, ok = gate.Enter("slow", 1, name("third"), Ending) // it is being deleted now
	g.Expect(ok).To(BeFalse())
	_, ok = gate.Enter("other", 1, name("elsewhere"), Work)
	g.Expect(ok).To(BeTrue(), "another server is not concerned")
	g.Expect(gate.Parked()).To(Equal(map[string]int{"slow": 2}))

	leave()
	g.Expect(woken).To(Equal([]string{"third"}))
	_, ok = gate.Enter("slow", 1, name("newcomer"), Work)
	g.Expect(ok).To(BeFalse(), "the room is kept for who was woken")
	leave, ok = gate.Enter("slow", 1, name("third"), Ending)
	g.Expect(ok).To(BeTrue())
	leave()
	g.Expect(woken).To(Equal([]string{"third", "second"}))
	gate.Decline(name("second"))
	g.Expect(woken).To(Equal([]string{"third", "second", "newcomer"}), "a room that is declined goes to the next")
	gate.Decline(name("newcomer"))
	g.Expect(gate.doors).To(HaveLen(1), "the other server's is left")
	g.Expect(gate.Parked()).To(BeEmpty())
	g.Expect(gate.invited).To(BeEmpty())
}

func TestALookGivesWayToWork(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	gate := NewGate(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	leave, ok := gate.Enter("server", 1, name("first"), Look)
	g.Expect(ok).To(BeTrue())
	for _, n := range []string{"look-1", "look-2", "changed-while-it-waits"} {
		_, ok = gate.Enter("server", 1, name(n), Look)
		g.Expect(ok).To(BeFalse())
	}
	for _, n := range []string{"new", "changed-while-it-waits"} {
		_, ok = gate.Enter("server", 1, name(n), Work)
		g.Expect(ok).To(BeFalse())
	}
	_, ok = gate.Enter("server", 1, name("new"), Look)
	g.Expect(ok).To(BeFalse(), "who waits for work goes on to do so")
	g.Expect(gate.Parked()).To(Equal(map[string]int{"server": 4}))
	leave()
	for range 4 {
		gate.Decline(name(woken[len(woken)-1]))
	}
	g.Expect(woken).To(Equal([]string{"new", "changed-while-it-waits", "look-1", "look-2"}))
	g.Expect(gate.Parked()).To(BeEmpty())
	g.Expect(gate.doors).To(BeEmpty())
}

func TestLooksLeaveRoomForWork(t *testing.T) {
	g := NewWithT(t)
	var woken []string
	gate := NewGate(func(app types.NamespacedName) { woken = append(woken, app.Name) })
	const limit = 2 * lookPart
	enter := func(n string, urgency Urgency) func() {
		leave, _ := gate.Enter("server", limit, name(n), urgency)
		return leave
	}
	firstLook, secondLook := enter("look-1", Look), enter("look-2", Look)
	g.Expect(firstLook).NotTo(BeNil())
	g.Expect(secondLook).NotTo(BeNil())
	g.Expect(enter("look-3", Look)).To(BeNil(), "a part of the room is for those who only look")
	var work []func()
	for i := range limit - 2 {
		leave := enter(fmt.Sprint("work-", i), Work)
		g.Expect(leave).NotTo(BeNil())
		work = append(work, leave)
	}
	g.Expect(enter("work-more", Work)).To(BeNil())
	firstLook()
	g.Expect(woken).To(Equal([]string{"work-more"}), "who only looks has no room of its own")
	work[0]()
	g.Expect(woken).To(Equal([]string{"work-more", "look-3"}))
	g.Expect(enter("look-4", Look)).To(BeNil())
	work[1]()
	g.Expect(woken).To(HaveLen(2), "there is room, and none for one more look")
	secondLook()
	g.Expect(woken).To(Equal([]string{"work-more", "look-3", "look-4"}))
}

func TestGateLetsEverybodyThroughAndNeverMoreThanTheLimit(t *testing.T) {
	g := NewWithT(t)
	const limit, apps = 3, 200
	queue := make(chan types.NamespacedName, 10*apps)
	gate := NewGate(func(app types.NamespacedName) { queue <- app })
	for i := range apps {
		queue <- name(fmt.Sprint(i))
	}
	var mu sync.Mutex
	var working, most int
	var done []string
	var workers sync.WaitGroup
	all := make(chan struct{})
	for range 8 {
		workers.Go(func() {
			for {
				select {
				case <-all:
					return
				case app := <-queue:
					leave, ok := gate.Enter("server", limit, app, Work)
					if !ok {
						continue
					}
					mu.Lock()
					working++
					most = max(most, working)
					mu.Unlock()
					mu.Lock()
					working--
					done = append(done, app.Name)
					if len(done) == apps {
						close(all)
					}
					mu.Unlock()
					leave()
				}
			}
		})
	}
	workers.Wait()
	slices.Sort(done)
	g.Expect(slices.Compact(done)).To(HaveLen(apps))
	g.Expect(most).To(BeNumerically("<=", limit))
}
