package inventory

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
)

var want = idserver.Registration{DisplayName: "orders", Enabled: true, Service: true, SystemUser: "svc"}

func registration(uid, clientID, version string, change ...func(*idserver.Registration)) idserver.Reply {
	r := idserver.Reply{
		Credential:   idserver.Credential{Handle: "h-" + clientID, ClientID: clientID},
		Registration: want, Owner: idserver.Mark{Cluster: "c", Namespace: "shop", Name: "orders", UID: uid}, Version: version,
	}
	for _, c := range change {
		c(&r.Registration)
	}
	return r
}

func off(r *idserver.Registration)     { r.Enabled = false }
func renamed(r *idserver.Registration) { r.DisplayName = "by hand" }

func TestASweepRaisesSuspicionWhereSomethingMayDiffer(t *testing.T) {
	one, two := App{UID: "u", ClientIDs: []string{"a"}, Want: want}, App{UID: "u", ClientIDs: []string{"a", "a.alternate"}, Want: want}
	drifted := one
	drifted.Drifted = true
	for name, c := range map[string]struct {
		app        App
		found      []idserver.Reply
		suspicious bool
	}{
		"as it should be":               {one, []idserver.Reply{registration("u", "a", "1")}, false},
		"gone":                          {one, []idserver.Reply{registration("other", "b", "1")}, true},
		"edited":                        {one, []idserver.Reply{registration("u", "a", "1", renamed)}, true},
		"disabled":                      {one, []idserver.Reply{registration("u", "a", "1", off)}, true},
		"another client id":             {one, []idserver.Reply{registration("u", "b", "1")}, true},
		"drift that may be over":        {drifted, []idserver.Reply{registration("u", "a", "1")}, true},
		"two of which one rests":        {two, []idserver.Reply{registration("u", "a", "1", off), registration("u", "a.alternate", "1")}, false},
		"two of which none is in order": {two, []idserver.Reply{registration("u", "a", "1", off), registration("u", "a.alternate", "1", renamed)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var b Book
			g.Expect(b.Enter("acme", c.found, []App{c.app})).To(HaveLen(map[bool]int{true: 1}[c.suspicious]))
			sweep := b.Suspect("acme", "u")
			g.Expect(min(sweep, 1)).To(Equal(map[bool]int{true: 1}[c.suspicious]))
			g.Expect(b.Suspect("other", "u")).To(BeZero())
			b.Clear("acme", "u", sweep)
			g.Expect(b.Suspect("acme", "u")).To(BeZero())
			g.Expect(b.Owned()).To(Equal(map[string]int{"acme": len(c.found)}))
		})
	}
}

func TestASweepWithoutAListDoubtsAll(t *testing.T) {
	g := NewWithT(t)
	var b Book
	b.Doubt("auth", []types.UID{"u", "v"})
	sweep := b.Suspect("auth", "u")
	g.Expect(sweep).NotTo(BeZero())
	g.Expect(b.Suspect("auth", "v")).To(Equal(sweep))
	g.Expect(b.Suspect("auth", "w")).To(BeZero())
	g.Expect(b.Owned()).To(BeEmpty(), "nobody knows how many there are")
	b.Doubt("auth", []types.UID{"u"})
	b.Clear("auth", "u", sweep)
	g.Expect(b.Suspect("auth", "u")).To(BeNumerically(">", sweep), "a suspicion that was raised since stays")
	g.Expect(b.Suspect("auth", "v")).To(BeZero(), "it is gone")
}

func TestASuspicionIsNotLost(t *testing.T) {
	g := NewWithT(t)
	var b Book
	app := []App{{UID: "u", ClientIDs: []string{"a"}, Want: want}}
	enter := func(version string) []types.UID {
		return b.Enter("acme", []idserver.Reply{registration("u", "a", version)}, app)
	}
	g.Expect(enter("1")).To(BeEmpty())
	g.Expect(enter("2")).To(HaveLen(1))
	first := b.Suspect("acme", "u")
	g.Expect(enter("2")).To(HaveLen(1), "nobody looked into it yet")
	b.Clear("acme", "u", 0)
	b.Clear("acme", "u", first)
	g.Expect(b.Suspect("acme", "u")).To(BeNumerically(">", first), "a run that began before the last sweep saw nothing of it")
	b.Clear("acme", "u", b.Suspect("acme", "u"))
	g.Expect(enter("2")).To(BeEmpty())
}

func TestAVersionThatRoseIsSuspicious(t *testing.T) {
	g := NewWithT(t)
	var b Book
	app := []App{{UID: "u", ClientIDs: []string{"a"}, Want: want}}
	g.Expect(b.Enter("acme", []idserver.Reply{registration("u", "a", "1")}, app)).To(BeEmpty())
	g.Expect(b.Enter("acme", []idserver.Reply{registration("u", "a", "1")}, app)).To(BeEmpty())
	g.Expect(b.Enter("acme", []idserver.Reply{registration("u", "a", "2")}, app)).To(Equal([]types.UID{"u"}), "a secret may have been reset")
	b.Clear("acme", "u", b.Suspect("acme", "u"))
	g.Expect(b.Enter("acme", []idserver.Reply{registration("u", "a", "2")}, app)).To(BeEmpty())
	b.Forget("acme")
	g.Expect(b.Enter("acme", []idserver.Reply{registration("u", "a", "9")}, app)).To(BeEmpty(), "nothing is known to compare with")
}

func TestAnApplicationWhoseRunIsAwaitedIsNotSuspicious(t *testing.T) {
	g := NewWithT(t)
	var b Book
	app := App{UID: "u", ClientIDs: []string{"a"}, Want: want}
	enter := func(awaited bool, version string) []types.UID {
		app.Awaited = awaited
		return b.Enter("acme", []idserver.Reply{registration("u", "a", version, renamed)}, []App{app})
	}
	g.Expect(enter(true, "1")).To(BeEmpty())
	g.Expect(enter(false, "1")).To(HaveLen(1))
	g.Expect(enter(true, "1")).To(HaveLen(1), "what was suspicious before is looked into")
	b.Clear("acme", "u", b.Suspect("acme", "u"))
	app.Want.DisplayName = "by hand"
	g.Expect(enter(false, "1")).To(HaveLen(1), "what was done to it after its run cannot be told from what its run did")
}

func TestAnOrphanIsConfirmedByTheNextSweep(t *testing.T) {
	g := NewWithT(t)
	var b Book
	found := []idserver.Reply{registration("gone", "b", "1"), registration("gone", "a", "1"), registration("u", "c", "1")}
	orphans := Unknown(found, map[types.UID]bool{"u": true})
	g.Expect(orphans).To(HaveExactElements(HaveField("Credential.ClientID", "a"), HaveField("Credential.ClientID", "b")))
	b.Enter("acme", found, nil)
	g.Expect(b.Orphans("acme", orphans)).To(BeEmpty())
	b.Enter("acme", found, nil)
	g.Expect(b.Orphans("acme", orphans[:1])).To(Equal(orphans[:1]))
	b.Enter("acme", found, nil)
	g.Expect(b.Orphans("acme", orphans)).To(Equal(orphans[:1]), "the other was not found so in between")
	g.Expect(b.Orphans("unknown", orphans)).To(BeEmpty())
}

// A client id is free once, for who asks first: until a sweep that began after that does not list it.
func TestAClientIDIsUnlistedOnce(t *testing.T) {
	g := NewWithT(t)
	b := &Book{}
	g.Expect(b.Unlisted("acme", "a")).To(BeFalse(), "nothing was listed yet")
	b.Doubt("blind", nil)
	g.Expect(b.Unlisted("blind", "a")).To(BeFalse(), "there is no list")
	b.Enter("acme", []idserver.Reply{registration("u1", "a", "1")}, nil)
	g.Expect(b.Unlisted("acme", "a")).To(BeFalse())
	g.Expect(b.Unlisted("acme", "b")).To(BeTrue())
	g.Expect(b.Unlisted("acme", "b")).To(BeFalse(), "it may have been registered")
	b.Enter("acme", nil, nil)
	g.Expect(b.Unlisted("acme", "b")).To(BeFalse(), "the list may be older than the registration")
	g.Expect(b.Unlisted("acme", "a")).To(BeTrue())
	b.Enter("acme", nil, nil)
	g.Expect(b.Unlisted("acme", "b")).To(BeTrue())
}
