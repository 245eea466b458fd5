package ledger

import (
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var changed = time.Unix(1_700_000_000, 0).UTC()

func held(id string) *Credential {
	return &Credential{ID: id, Credential: idserver.Credential{Handle: "h-" + id, ClientID: "client-" + id, Secret: idserver.Secret("s-" + id), Control: "token"}}
}

// of is a credential of a client id.
func of(clientID, id string) *Credential {
	c := held(id)
	c.ClientID = clientID
	return c
}

func bare(id string) *Credential {
	c := held(id)
	c.Secret = ""
	return c
}

// signing is a credential with a key, of the same registration as all others.
func signing(id string) *Credential {
	c := of("x", id)
	c.Secret, c.Key, c.PublicKey = "", idserver.Secret("k-"+id), "p-"+id
	return c
}

func TestKeysOfTheRegistration(t *testing.T) {
	elsewhere := signing("e")
	elsewhere.ClientID = "y"
	for name, c := range map[string]struct {
		rec    Record
		keys   []string
		shared bool
	}{
		"none":                       {Record{}, nil, false},
		"a secret":                   {Record{Next: of("x", "n")}, nil, false},
		"one":                        {Record{Next: signing("n")}, []string{"p-n"}, false},
		"the next and the present":   {Record{Next: signing("n"), Current: signing("c")}, []string{"p-n", "p-c"}, false},
		"the present and the former": {Record{Current: signing("c"), Old: signing("o")}, []string{"p-c", "p-o"}, true},
		"another registration":       {Record{Current: signing("c"), Old: elsewhere}, []string{"p-c"}, false},
		"a former secret":            {Record{Current: signing("c"), Old: of("x", "o")}, []string{"p-c"}, false},
		"after an exposure":          {Record{Next: signing("n"), Current: signing("c"), Exposed: "c"}, []string{"p-n"}, false},
	} {
		g := NewWithT(t)
		g.Expect(c.rec.Keys()).To(Equal(c.keys), name)
		g.Expect(c.rec.Shared()).To(Equal(c.shared), name)
	}
}

func TestTheSecretThatGoesOnToWork(t *testing.T) {
	g := NewWithT(t)
	of := func(id, client, secret string) *Credential {
		return &Credential{ID: id, Credential: idserver.Credential{ClientID: client, Secret: idserver.Secret(secret)}}
	}
	a, b, key := of("a", "app", "A"), of("b", "app", "B"), &Credential{ID: "k", Credential: idserver.Credential{ClientID: "app", Key: "K", PublicKey: "P"}}
	under := Record{Next: b, Current: a}.Overlapping(true)
	g.Expect(under.Kept()).To(BeEquivalentTo("A"))
	g.Expect(Record{Next: b, Current: a}.Overlapping(false).Kept()).To(BeEmpty(), "nobody asks for it")
	g.Expect(Record{Next: b, Current: a, Exposed: "a"}.Overlapping(true).Overlaps).To(BeFalse(), "it was exposed")
	g.Expect(Record{Next: b}.Overlapping(true).Overlaps).To(BeFalse(), "there is none before it")
	g.Expect(Record{Next: b, Current: of("a", "app.alternate", "A")}.Overlapping(true).Overlaps).To(BeFalse(), "it is of another registration")
	g.Expect(Record{Next: b, Current: key}.Overlapping(true).Overlaps).To(BeFalse(), "a key")

	grace := under.Promote(true, false, time.Unix(1, 0))
	g.Expect(grace).To(Equal(Record{Current: b, Old: a, RetiredAt: time.Unix(1, 0)}))
	g.Expect(grace.Shared()).To(BeTrue())
	g.Expect(grace.Kept()).To(BeEquivalentTo("A"), "also while another change is told")
	grace.Exposed = "b"
	g.Expect(grace.Kept()).To(BeEmpty())
	g.Expect(grace.ForgetOld().Kept()).To(BeEmpty())
	g.Expect(Record{Current: b, Old: of("a", "app.alternate", "A")}.Shared()).To(BeFalse())
	g.Expect(Record{Current: key, Old: a}.Shared()).To(BeFalse())
}

func TestChanges(t *testing.T) {
	intent := &Intent{Name: "orders", Target: "t2"}
	for name, c := range map[string]struct{ got, want Record }{
		"lose the replaced one": {
			Record{Current: held("a"), Old: held("o"), RetiredAt: changed, Orphans: []string{"orders"}}.LoseOld(),
			Record{Current: held("a"), Orphans: []string{"orders", "client-o"}},
		},
		"stage draws the first": {
			Record{}.Stage("t1", held("a"), false, changed),
			Record{Next: held("a"), Target: "t1", Staged: 1, RotatedAt: changed},
		},
		"stage another target": {
			Record{Next: held("a"), Target: "t1", Staged: 1}.Stage("t2", nil, true, changed),
			Record{Next: held("a"), Target: "t2", Staged: 2},
		},
		"stage keeps what was published": {
			Record{Next: of("x", "b"), Current: of("x", "a"), Staged: 1, Announced: of("x", "n"), AnnouncedAt: changed}.Stage("t2", of("x", "c"), true, changed),
			Record{Next: of("x", "c"), Current: of("x", "b"), Target: "t2", Staged: 2, RotatedAt: changed},
		},
		"stage drops what was not": {
			Record{Next: of("x", "b"), Current: of("x", "a"), Staged: 1}.Stage("t2", of("x", "c"), false, changed),
			Record{Next: of("x", "c"), Current: of("x", "a"), Target: "t2", Staged: 2, RotatedAt: changed},
		},
		"the turn of the one that rests": {
			Record{Current: of("x", "a"), Old: of("y", "b"), RetiredAt: changed, Parked: true}.Stage("t1", of("y", "c"), false, changed),
			Record{Current: of("x", "a"), Next: of("y", "c"), Target: "t1", Staged: 1, RotatedAt: changed},
		},
		"in place beside the one that rests": {
			Record{Current: of("x", "a"), Old: of("y", "b"), RetiredAt: changed, Parked: true}.Stage("t1", of("x", "c"), false, changed),
			Record{Current: of("x", "a"), Next: of("x", "c"), Old: of("y", "b"), RetiredAt: changed, Parked: true, Target: "t1", Staged: 1, RotatedAt: changed},
		},
		"back before the other was published": {
			Record{Current: of("x", "a"), Next: of("y", "b")}.Stage("t1", of("x", "c"), false, changed),
			Record{Current: of("x", "a"), Next: of("x", "c"), Old: of("y", "b"), RetiredAt: changed, Target: "t1", Staged: 1, RotatedAt: changed},
		},
		"in place before the other was promoted": {
			Record{Current: of("x", "a"), Next: of("y", "b")}.Stage("t1", of("y", "c"), true, changed),
			Record{Current: of("y", "b"), Next: of("y", "c"), Old: of("x", "a"), RetiredAt: changed, Target: "t1", Staged: 1, RotatedAt: changed},
		},
		"answer a request":                  {Record{Next: held("a")}.Answering(Requests{Rotate: "r"}), Record{Next: held("a"), Handled: Requests{Rotate: "r"}}},
		"answer a revocation":               {Record{Next: held("b"), Current: held("a"), Handled: Requests{Revoke: "u"}}.Answering(Requests{Revoke: "v"}), Record{Next: held("b"), Current: held("a"), Exposed: "a", Handled: Requests{Revoke: "v"}}},
		"answer the revocation of nothing":  {Record{Next: held("a")}.Answering(Requests{Revoke: "v"}), Record{Next: held("a"), Handled: Requests{Revoke: "v"}}},
		"revoked until all of it is gone":   {Record{Next: held("c"), Current: held("b"), Old: held("a"), Exposed: "b"}.ForgetOld(), Record{Next: held("c"), Current: held("b"), Exposed: "b"}},
		"revoked until the former is gone":  {Record{Next: held("b"), Current: held("a"), Exposed: "a"}.Promote(true, false, changed), Record{Current: held("b"), Old: held("a"), RetiredAt: changed, Exposed: "a"}},
		"revoked, and its successor lost":   {Record{Current: held("a"), Old: held("b"), Exposed: "a"}.ForgetOld(), Record{Current: held("a"), Exposed: "a"}},
		"revoked, and gone with its secret": {Record{Next: held("b"), Current: held("a"), Exposed: "a"}.Promote(false, false, changed), Record{Current: held("b")}},
		"answer the same":                   {Record{Next: held("a"), Handled: Requests{Revoke: "v"}}.Answering(Requests{Revoke: "v"}), Record{Next: held("a"), Handled: Requests{Revoke: "v"}}},
		"announce":                          {Record{Next: held("a"), Handled: Requests{Revoke: "v"}}.Announce(*held("b"), "r"), Record{Next: held("a"), Announced: held("b"), Handled: Requests{Rotate: "r", Revoke: "v"}}},
		"announcing":                        {Record{Announced: held("b")}.Announcing(changed), Record{Announced: held("b"), AnnouncedAt: changed}},
		"park":                              {Record{Current: held("a"), Old: held("b"), RetiredAt: changed, Exposed: "b"}.Park(), Record{Current: held("a"), Old: bare("b"), RetiredAt: changed, Parked: true}},
		"begin the first":                   {Record{}.Begin(*intent, false, changed), Record{Intent: intent}},
		"begin after a published one":       {Record{Next: held("a")}.Begin(*intent, true, changed), Record{Intent: intent, Current: held("a")}},
		"begin after an unused one":         {Record{Next: held("b"), Current: held("a")}.Begin(*intent, false, changed), Record{Intent: intent, Current: held("a"), Old: held("b")}},
		"begin before a promotion":          {Record{Next: held("b"), Current: held("a")}.Begin(*intent, true, changed), Record{Intent: intent, Current: held("b"), Old: held("a"), RetiredAt: changed}},
		"begin after a promotion":           {Record{Current: held("a")}.Begin(*intent, false, changed), Record{Intent: intent, Current: held("a")}},
		"answer":                            {Record{Intent: intent, Current: held("a"), Target: "t1", Staged: 3}.Answer(*held("b"), changed), Record{Next: held("b"), Current: held("a"), Target: "t2", Staged: 4, RotatedAt: changed}},
		"answer without an intent":          {Record{Target: "t1", Staged: 3}.Answer(*held("b"), changed), Record{Next: held("b"), Target: "t1", Staged: 3, RotatedAt: changed}},
		"forget":                            {Record{Intent: intent, Current: held("a")}.Forget(), Record{Current: held("a")}},
		"declare":                           {Record{Intent: intent, Orphans: []string{"x"}}.DeclareOrphan(), Record{Orphans: []string{"x", "orders"}}},
		"declare without an intent":         {Record{Orphans: []string{"x"}}.DeclareOrphan(), Record{Orphans: []string{"x"}}},
		"promote, one registration":         {Record{Next: held("b"), Current: held("a")}.Promote(false, false, changed), Record{Current: held("b")}},
		"promote, a registration each":      {Record{Next: held("b"), Current: held("a")}.Promote(true, false, changed), Record{Current: held("b"), Old: held("a"), RetiredAt: changed}},
		"promote, and restart":              {Record{Next: held("b"), Current: held("a")}.Promote(false, true, changed), Record{Current: held("b"), RestartDue: true}},
		"restarted":                         {Record{Current: held("b"), RestartDue: true}.Restarted(), Record{Current: held("b")}},
		"forget the replaced":               {Record{Current: held("b"), Old: held("a"), RetiredAt: changed, Exposed: "a"}.ForgetOld(), Record{Current: held("b")}},
	} {
		t.Run(name, func(t *testing.T) {
			// Printed by field: a Record prints as a summary.
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("got %v %+v, want %v %+v", c.got, c.got.Credentials(), c.want, c.want.Credentials())
			}
		})
	}
}

func TestDeclaringAnOrphanLeavesTheFormerRecordAlone(t *testing.T) {
	g := NewWithT(t)
	former := Record{Orphans: append(make([]string, 0, 4), "x"), Intent: &Intent{Name: "y"}}
	one := former.DeclareOrphan()
	former.Intent = &Intent{Name: "z"}
	two := former.DeclareOrphan()
	g.Expect(one.Orphans).To(Equal([]string{"x", "y"}))
	g.Expect(two.Orphans).To(Equal([]string{"x", "z"}))
}

func TestReplace(t *testing.T) {
	newID := func() string { return "new" }
	rec := Record{Next: held("n"), Current: held("c"), Old: held("o")}

	t.Run("a new token, in any place", func(t *testing.T) {
		for _, id := range []string{"n", "c", "o"} {
			g := NewWithT(t)
			next, changed := rec.Replace(id, idserver.Credential{Handle: "h-" + id, Control: "fresh"}, newID)
			g.Expect(changed).To(BeTrue())
			for _, c := range next.Credentials() {
				g.Expect(c.Control.Reveal()).To(Equal(map[bool]string{true: "fresh", false: "token"}[c.ID == id]))
				g.Expect(c.Secret.Reveal()).To(Equal("s-"+c.ID), "what was not told stays")
			}
		}
		NewWithT(t).Expect(rec.Next.Control.Reveal()).To(Equal("token"), "the former record is not touched")
	})
	t.Run("a new secret gets a new ID, to be proven and published again", func(t *testing.T) {
		g := NewWithT(t)
		next, changed := rec.Replace("n", idserver.Credential{Secret: "fresh", ClientID: "other", ExpiresAt: changed}, newID)
		g.Expect(changed).To(BeTrue())
		g.Expect(next.Next.ID).To(Equal("new"))
		g.Expect(next.Next.Secret.Reveal()).To(Equal("fresh"))
		g.Expect(next.Next.ClientID).To(Equal("other"))
		g.Expect(next.Revision()).NotTo(Equal(rec.Revision()))
	})
	t.Run("nothing new", func(t *testing.T) {
		g := NewWithT(t)
		for _, id := range []string{"n", "unknown"} {
			next, changed := rec.Replace(id, idserver.Credential{Handle: "h-n", Secret: "s-n"}, newID)
			g.Expect(changed).To(BeFalse())
			g.Expect(reflect.DeepEqual(next, rec)).To(BeTrue())
		}
	})
}

func TestARevisionIsOfOneStaging(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Record{}.Revision()).To(BeEmpty())
	first := Record{}.Stage("t1", held("a"), false, changed)
	again := first.Stage("t2", nil, true, changed).Stage("t1", nil, true, changed)
	g.Expect(first.Revision()).To(Equal("a.t1.1"))
	g.Expect(again.Revision()).To(Equal("a.t1.3"), "what was published of the first does not prove the third")
}

func TestARevisionCanBeRead(t *testing.T) {
	g := NewWithT(t)
	rec := Record{}.Stage("t1", &Credential{ID: NewID()}, false, time.Time{}).Stage("t1", nil, false, time.Time{})
	id, staged, ok := ParseRevision(rec.Revision())
	g.Expect(ok).To(BeTrue())
	g.Expect(id).To(Equal(rec.Next.ID))
	g.Expect(staged).To(Equal(2))
	for _, other := range []string{"", "a", "a.t", "a.t.x", ".t.1", "a..1", "a.t.0", "a.t.-1", "a.t.9999999999999999", "a.t.1.2", strings.Repeat("a", 41) + ".t.1"} {
		_, _, ok := ParseRevision(other)
		g.Expect(ok).To(BeFalse(), other)
	}
}

func TestEmpty(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Record{Target: "t", Staged: 2, RotatedAt: changed}.Empty()).To(BeTrue())
	for _, rec := range []Record{{Intent: &Intent{}}, {Orphans: []string{"x"}}, {Next: held("a")}, {Current: held("a")}, {Old: held("a")}} {
		g.Expect(rec.Empty()).To(BeFalse())
	}
}
