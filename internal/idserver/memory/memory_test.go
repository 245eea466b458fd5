package memory

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
)

var (
	ours    = idserver.Mark{Cluster: "c1", Namespace: "shop", Name: "orders", UID: "u1"}
	key     = idserver.Key{ClientID: "com.example.orders", Owner: ours}
	service = idserver.Registration{DisplayName: "Orders", Enabled: true, Service: true, SystemUser: "svc", Scopes: []string{"update", "read"}}
)

func public() idserver.Registration {
	return idserver.Registration{DisplayName: "Orders", Enabled: true, Public: true, RedirectURIs: []string{"https://a.example/cb"}}
}

func TestClientChosenLifeOfASecret(t *testing.T) {
	g := NewWithT(t)
	s := NewClientChosen()
	created, err := s.Create(t.Context(), key, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(created.Credential.Secret).To(BeEmpty(), "a chosen secret is never told")
	g.Expect(created.Owner).To(Equal(ours))
	g.Expect(s.Authenticate(key.ClientID, "one")).To(BeTrue())

	same, err := s.Update(t.Context(), created, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(same).To(Equal(created))
	g.Expect(s.Writes()).To(Equal(1), "nothing is sent when nothing differs")

	rotated, err := s.Update(t.Context(), created, service, "two")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Authenticate(key.ClientID, "one")).To(BeFalse())
	g.Expect(s.Authenticate(key.ClientID, "two")).To(BeTrue())

	flipped, err := s.Update(t.Context(), rotated, public(), "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(flipped.HasSecret).To(BeFalse())
	g.Expect(s.Authenticate(key.ClientID, "two")).To(BeFalse())
	g.Expect(s.Writes()).To(Equal(3))
}

func TestClientChosenConflicts(t *testing.T) {
	g := NewWithT(t)
	s := NewClientChosen()
	created, err := s.Create(t.Context(), key, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.Create(t.Context(), key, service, "two")
	g.Expect(err).To(MatchError(idserver.ErrRejected))
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken))

	g.Expect(s.EditByHand(key.ClientID, func(r *Stored) { r.Notes = "call Ann" })).To(BeTrue())
	edited := s.Fingerprint()
	_, err = s.Update(t.Context(), created, public(), "")
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonConflict), "edited since it was read")
	g.Expect(s.Fingerprint()).To(Equal(edited))

	s.AddByHand(Stored{ClientID: "theirs", ForeignOwner: "somebody", Secret: "x", Registration: service})
	foreign, err := s.Find(t.Context(), idserver.Key{ClientID: "theirs"}, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(foreign.ForeignOwner).To(Equal("somebody"))
	_, err = s.Update(t.Context(), foreign, public(), "")
	g.Expect(err).To(MatchError(idserver.ErrRejected))
	g.Expect(s.Delete(t.Context(), foreign.Credential)).To(MatchError(idserver.ErrRejected))

	before, err := s.Find(t.Context(), key, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	s.EditByHand(key.ClientID, func(r *Stored) { r.Owner.Cluster = "c2" })
	_, err = s.Update(t.Context(), before, public(), "")
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonConflict), "it changed hands since it was read")
}

func TestServerIssuedEveryAnswerReplacesTheControlToken(t *testing.T) {
	g := NewWithT(t)
	s := NewServerIssued()
	created, err := s.Create(t.Context(), key, service, "ignored")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(created.Credential.ClientID).NotTo(Equal(key.ClientID))
	g.Expect(s.Authenticate(created.Credential.ClientID, created.Credential.Secret)).To(BeTrue())
	g.Expect(s.Authenticate(created.Credential.ClientID, "ignored")).To(BeFalse())

	read, err := s.Find(t.Context(), key, created.Credential)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read.Credential.Control).NotTo(Equal(created.Credential.Control))
	g.Expect(read.Credential.Secret).To(BeEmpty(), "told once")

	_, err = s.Find(t.Context(), key, created.Credential)
	g.Expect(err).To(MatchError(idserver.ErrControlLost))
	_, err = s.Update(t.Context(), created, service, "")
	g.Expect(err).To(MatchError(idserver.ErrControlLost))
	g.Expect(s.Delete(t.Context(), created.Credential)).To(MatchError(idserver.ErrControlLost))

	updated, err := s.Update(t.Context(), read, service, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Authenticate(created.Credential.ClientID, created.Credential.Secret)).To(BeTrue(), "an update keeps the secret")

	flipped, err := s.Update(t.Context(), updated, public(), "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Authenticate(created.Credential.ClientID, created.Credential.Secret)).To(BeFalse())

	g.Expect(s.Delete(t.Context(), flipped.Credential)).To(Succeed())
	g.Expect(s.Delete(t.Context(), flipped.Credential)).To(Succeed())
	g.Expect(s.Registrations()).To(BeEmpty())
}

func TestVerify(t *testing.T) {
	g := NewWithT(t)
	s := NewClientChosen()
	_, err := s.Create(t.Context(), key, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	verdict := func(secret idserver.Secret, want idserver.Registration) string {
		v, err := s.Verify(t.Context(), idserver.Credential{ClientID: key.ClientID, Secret: secret}, want)
		g.Expect(err).NotTo(HaveOccurred())
		return v.String()
	}
	g.Expect(verdict("one", service)).To(Equal("accepted"))
	g.Expect(verdict("two", service)).To(ContainSubstring("invalid_client"))
	g.Expect(verdict("", public())).To(Equal("accepted"))
	s.EditByHand(key.ClientID, func(r *Stored) { r.Registration.Service = false })
	g.Expect(verdict("one", service)).To(ContainSubstring("unauthorized_client"))
	s.EditByHand(key.ClientID, func(r *Stored) { r.Registration.Enabled = false })
	g.Expect(verdict("one", service)).To(ContainSubstring("invalid_client"))
}

func TestCloneSharesNothing(t *testing.T) {
	g := NewWithT(t)
	s := NewServerIssued()
	created, err := s.Create(t.Context(), key, service, "")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.Create(t.Context(), key, service, "")
	g.Expect(err).NotTo(HaveOccurred())
	before := s.Fingerprint()

	fork := s.Clone()
	g.Expect(fork.Fingerprint()).To(Equal(before))
	fork.EditByHand(created.Credential.ClientID, func(r *Stored) { r.Registration.Scopes[0] = "all" })
	_, err = fork.Find(t.Context(), key, created.Credential)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(fork.RemoveByHand(created.Credential.ClientID)).To(BeTrue())
	s.Registrations()[0].Registration.Scopes[0] = "all"
	g.Expect(s.Fingerprint()).To(Equal(before))
	g.Expect(fork.Fingerprint()).NotTo(Equal(before))
}

func TestFingerprintSeesEveryDifferenceThatMatters(t *testing.T) {
	for name, edit := range map[string]func(*Stored){
		"secret":       func(r *Stored) { r.Secret = "other" },
		"control":      func(r *Stored) { r.Control = "other" },
		"owner":        func(r *Stored) { r.Owner.UID = "u2" },
		"cluster":      func(r *Stored) { r.Owner.Cluster = "c2" },
		"foreign":      func(r *Stored) { r.ForeignOwner = "them" },
		"registration": func(r *Stored) { r.Registration.Enabled = false },
		"notes":        func(r *Stored) { r.Notes = "n" },
		"referenced":   func(r *Stored) { r.Referenced = true },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := NewClientChosen()
			created, err := s.Create(t.Context(), key, service, "one")
			g.Expect(err).NotTo(HaveOccurred())
			before := Canonical(s.Fingerprint())
			s.EditByHand(created.Credential.ClientID, edit)
			g.Expect(Canonical(s.Fingerprint())).NotTo(Equal(before))
		})
	}
}

func TestCanonicalForgetsHowManyValuesWereDrawn(t *testing.T) {
	g := NewWithT(t)
	// The state is the server and what a ledger would hold about it.
	state := func(reads int, stale bool) string {
		s := NewServerIssued()
		reply, err := s.Create(t.Context(), key, service, "")
		g.Expect(err).NotTo(HaveOccurred())
		secret, held := reply.Credential.Secret, reply.Credential
		for range reads {
			reply, err = s.Find(t.Context(), key, reply.Credential)
			g.Expect(err).NotTo(HaveOccurred())
		}
		if !stale {
			held = reply.Credential
		}
		return Canonical(s.Fingerprint() + secret.Reveal() + " " + held.Control.Reveal())
	}
	g.Expect(state(1, false)).To(Equal(state(5, false)))
	g.Expect(state(5, true)).NotTo(Equal(state(5, false)), "a token that is not valid any more stays different")
}

func TestAnEndedContextHasNoEffect(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := NewClientChosen()
	_, err := s.Create(ctx, key, service, "one")
	g.Expect(err).To(MatchError(idserver.ErrUnavailable))
	g.Expect(s.Registrations()).To(BeEmpty())
	g.Expect(s.Delete(ctx, idserver.Credential{Handle: "h"})).To(MatchError(idserver.ErrUnavailable))
}

func TestARefusedDeletion(t *testing.T) {
	g := NewWithT(t)
	s := NewClientChosen()
	created, err := s.Create(t.Context(), key, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	s.EditByHand(key.ClientID, func(r *Stored) { r.Referenced = true })
	err = s.Delete(t.Context(), created.Credential)
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonReferenced))
	g.Expect(s.Registrations()).To(HaveLen(1))
}

func TestListYieldsOnlyTheClustersOwn(t *testing.T) {
	g := NewWithT(t)
	s := NewClientChosen()
	_, err := s.Create(t.Context(), key, service, "one")
	g.Expect(err).NotTo(HaveOccurred())
	s.AddByHand(Stored{ClientID: "other", Owner: idserver.Mark{Cluster: "c2", Namespace: "n", Name: "a", UID: "u"}})
	s.AddByHand(Stored{ClientID: "unmarked"})
	var ids []string
	for reply, err := range s.List(t.Context(), "c1") {
		g.Expect(err).NotTo(HaveOccurred())
		ids = append(ids, reply.Credential.ClientID)
	}
	g.Expect(ids).To(Equal([]string{key.ClientID}))
	for _, err := range NewServerIssued().List(t.Context(), "c1") {
		g.Expect(err).To(MatchError(idserver.ErrRejected))
	}
}

var _ idserver.Server = (*Server)(nil)
