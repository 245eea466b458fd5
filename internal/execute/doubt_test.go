package execute

import (
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// A sweep of a server without a list doubts every application: the credential tells whether the registration is there.
func TestADoubtIsSettledByTheCredential(t *testing.T) {
	for name, c := range map[string]struct {
		verdict idserver.Verdict
		enforce bool
		done    []string
		drift   []string
	}{
		"it works":                            {idserver.Verdict{OK: true}, true, []string{"verify s-n"}, nil},
		"nobody knows it, which is only told": {idserver.Verdict{Code: "invalid_client"}, false, []string{"verify s-n"}, []string{"registration"}},
		"nobody knows it":                     {idserver.Verdict{Code: "invalid_client"}, true, []string{"verify s-n", "save ledger", "create with ", "save ledger", "verify told"}, nil},
		"it may not do what it should, still": {idserver.Verdict{Code: "unauthorized_client"}, true, []string{"verify s-n", "update h-n", "verify s-n"}, []string{"registration"}},
	} {
		g := NewWithT(t)
		e := &effects{exists: true, guarded: true, verdict: c.verdict}
		e.reply.Credential = idserver.Credential{ClientID: "another", Handle: "h", Secret: "told", Control: "token"}
		e.rec = ledger.Record{Next: held("n"), Target: "t1", Staged: 1, RotatedAt: now}
		e.out = plan.Output{Secret: plan.Matches, Any: true, Revisions: []string{e.rec.Revision()}}
		if c.verdict.Code == "unauthorized_client" { // of the same registration
			e.reply.Credential = idserver.Credential{}
		}
		d := desired(idserver.ServerIssued)
		d.Verify, d.Target, d.Suspect, d.Enforce = true, "t1", true, c.enforce
		result, err := planned(e).Run(t.Context(), d)
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(e.done).To(Equal(c.done), name)
		g.Expect(result.Observed.Drift(d)).To(Equal(c.drift), name)
	}
}
