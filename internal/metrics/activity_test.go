package metrics

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

func TestActivityIsCounted(t *testing.T) {
	g := NewWithT(t)
	a := NewActivity()
	a.Request("acme", idserver.Call{Operation: idserver.OperationCreate, Status: 201, Duration: 30 * time.Millisecond})
	a.Request("acme", idserver.Call{Operation: idserver.OperationCreate, Status: 201, Duration: time.Second})
	a.Request("acme", idserver.Call{Operation: idserver.OperationLogin})
	a.Request("acme", idserver.Call{Operation: idserver.OperationFind, Status: 429})
	a.Verified("acme", Accepted)
	a.Verified("acme", Refused)
	a.Reconciled("acme", "Ready")
	a.Probed("acme", time.UnixMilli(1500), 2*time.Second)
	got := gather(t, a)
	g.Expect(matching(got, "server_requests_total")).To(Equal(map[string]float64{
		"server_requests_total{code=201,operation=create,server=acme}": 2,
		"server_requests_total{code=none,operation=login,server=acme}": 1,
		"server_requests_total{code=429,operation=find,server=acme}":   1,
	}))
	g.Expect(got).To(And(
		HaveKeyWithValue("server_request_duration_seconds{operation=create,server=acme}", 2.0),
		HaveKeyWithValue("server_request_duration_seconds{operation=create,server=acme}<=0.05", 1.0),
		HaveKeyWithValue("verifications_total{result=accepted,server=acme}", 1.0),
		HaveKeyWithValue("verifications_total{result=refused,server=acme}", 1.0),
		HaveKeyWithValue("reconciles_total{reason=Ready,server=acme}", 1.0),
		HaveKeyWithValue("server_probe_timestamp_seconds{server=acme}", 1.5),
		HaveKeyWithValue("server_probe_duration_seconds{server=acme}", 2.0),
	))

	a.Verified("other", Accepted)
	a.Forget("acme")
	g.Expect(gather(t, a)).To(Equal(map[string]float64{"verifications_total{result=accepted,server=other}": 1}))
}

// A server answers what it likes, and each label value is memory.
func TestCodesAreBounded(t *testing.T) {
	g := NewWithT(t)
	for status, want := range map[int]string{0: "none", 99: "other", 100: "100", 404: "404", 599: "599", 600: "other", 999: "other"} {
		g.Expect(code(status)).To(Equal(want))
	}
}

func TestLeadingBeginsWithTheElection(t *testing.T) {
	g := NewWithT(t)
	elected := make(chan struct{})
	leading := Leading("ops", elected)
	g.Expect(gather(t, leading)).To(Equal(map[string]float64{"leading{lease=ops}": 0}))
	close(elected)
	g.Expect(gather(t, leading)).To(Equal(map[string]float64{"leading{lease=ops}": 1}))
}
