package ledger

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

// texts are hard to store, each in another way.
var texts = []string{"", "plain", "<&>\u2028\"\\", "\x00\x1f", "пароль", "\ufffd", `\ufffd`, strings.Repeat("x", 300)}

func drawRecord(r *rand.Rand) Record {
	text := func() string { return texts[r.IntN(len(texts))] }
	moment := func() time.Time {
		if r.IntN(3) == 0 {
			return time.Time{}
		}
		return time.Unix(r.Int64N(1<<32), r.Int64N(1e9)).UTC()
	}
	credential := func(id string) *Credential {
		if r.IntN(2) == 0 {
			return nil
		}
		return &Credential{ID: id, Credential: idserver.Credential{
			Handle: text(), ClientID: text(), Secret: idserver.Secret(text()), Control: idserver.Secret(text()), ExpiresAt: moment(),
			Key: idserver.Secret(text()), PublicKey: text(),
		}}
	}
	rec := Record{Target: text(), Staged: r.IntN(3), RotatedAt: moment(), Current: credential("a"), Next: credential("b"), Old: credential("c"),
		Announced: credential("d"), AnnouncedAt: moment(), RetiredAt: moment(), Parked: r.IntN(2) == 0, Exposed: text(), Former: text(), RestartDue: r.IntN(2) == 0, Overlaps: r.IntN(2) == 0,
		Handled: Requests{Rotate: text(), Revoke: text()},
	}
	for range r.IntN(MaxOrphans + 1) {
		rec.Orphans, rec.Altered = append(rec.Orphans, text()), append(rec.Altered, text())
	}
	if r.IntN(2) == 0 {
		rec.Intent = &Intent{Name: text(), Target: text()}
	}
	return rec
}

func TestEveryRecordComesBackAsItWas(t *testing.T) {
	g := NewWithT(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		rec := drawRecord(r)
		body, err := Marshal(rec)
		g.Expect(err).NotTo(HaveOccurred())
		back, err := Unmarshal(body)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(reflect.DeepEqual(back, rec)).To(BeTrue(), "stored as %s", body)
	}
}

// Every field must be in the stored form: one that is added and forgotten in the codec would be lost at the first restart.
func TestNoFieldIsForgotten(t *testing.T) {
	g := NewWithT(t)
	g.Expect(reflect.TypeFor[Record]().NumField()).To(Equal(reflect.TypeFor[wireRecord]().NumField()-1), "all but the version")
	g.Expect(reflect.TypeFor[Intent]().NumField()).To(Equal(reflect.TypeFor[wireIntent]().NumField()))
	g.Expect(reflect.TypeFor[idserver.Credential]().NumField()).To(Equal(reflect.TypeFor[wireCredential]().NumField() - 1))
}

func TestTimesAreStoredInUTC(t *testing.T) {
	g := NewWithT(t)
	now := time.Now().In(time.FixedZone("X", 7200))
	body, err := Marshal(Record{RotatedAt: now})
	g.Expect(err).NotTo(HaveOccurred())
	back, err := Unmarshal(body)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(back.RotatedAt).To(BeTemporally("==", now))
	g.Expect(back.RotatedAt.Location()).To(Equal(time.UTC))
}

func TestGarbageIsCorruptAndNeverQuoted(t *testing.T) {
	const canary = "kAnArY"
	for name, body := range map[string]string{
		"nothing":            ``,
		"no JSON":            canary,
		"null":               `null`,
		"empty object":       `{}`,
		"another type":       `["` + canary + `"]`,
		"later version":      `{"version":"v2","secret":"` + canary + `"}`,
		"unknown field":      `{"version":"v1","` + canary + `":1}`,
		"wrong type":         `{"version":"v1","target":{"` + canary + `":1}}`,
		"bad time":           `{"version":"v1","rotatedAt":"` + canary + `"}`,
		"cut off":            `{"version":"v1","target":"` + canary,
		"more after it":      `{"version":"v1"}{"` + canary + `":1}`,
		"garbage after it":   `{"version":"v1"}` + canary,
		"credential, no id":  `{"version":"v1","next":{"secret":"` + canary + `"}}`,
		"the same id twice":  `{"version":"v1","next":{"id":"` + canary + `"},"old":{"id":"` + canary + `"}}`,
		"too big":            `{"version":"v1","target":"` + strings.Repeat(canary, 20000) + `"}`,
		"deep":               strings.Repeat(`{"version":`, 5000) + canary,
		"version, not text":  `{"version":1}`,
		"truncated to brace": `{`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			rec, err := Unmarshal([]byte(body))
			g.Expect(err).To(MatchError(ErrCorrupt))
			g.Expect(err.Error()).NotTo(ContainSubstring(canary))
			g.Expect(rec).To(Equal(Record{}))
		})
	}
}

func TestWhatCannotComeBackIsNotStored(t *testing.T) {
	for name, rec := range map[string]Record{
		"invalid UTF-8": {Next: &Credential{ID: "a", Credential: idserver.Credential{Secret: "\xff"}}},
		"no id":         {Next: &Credential{}},
		"same id":       {Next: &Credential{ID: "a"}, Current: &Credential{ID: "a"}},
		"too big":       {Target: strings.Repeat("x", maxSize)},
		"impossible":    {RotatedAt: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Marshal(rec)
			NewWithT(t).Expect(err).To(HaveOccurred())
		})
	}
}

func TestARecordPrintsNoSecret(t *testing.T) {
	g := NewWithT(t)
	const canary = "kAnArY"
	c := Credential{ID: "a", Credential: idserver.Credential{Secret: canary, Control: canary}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		g.Expect(fmt.Sprintf(verb, Record{Next: &c})+fmt.Sprintf(verb, &Record{Old: &c})+fmt.Sprintf(verb, c)+fmt.Sprintf(verb, &c)).NotTo(
			Or(ContainSubstring(canary), ContainSubstring(fmt.Sprintf("%x", canary))), verb)
	}
}

func FuzzUnmarshal(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		body, err := Marshal(drawRecord(r))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"version":"v1","next":null,"orphans":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rec, err := Unmarshal(body)
		if err != nil {
			return
		}
		again, err := Marshal(rec)
		if err != nil { // the stored form may grow by escapes
			if len(body) < maxSize/6 {
				t.Fatalf("a record that was read cannot be stored: %v", err)
			}
			return
		}
		back, err := Unmarshal(again)
		if err != nil || !reflect.DeepEqual(back, rec) {
			t.Fatalf("a record changed by being stored: %v", err)
		}
	})
}
