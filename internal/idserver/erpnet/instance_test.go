package erpnet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/test/standin"
)

var (
	orders = idserver.Key{ClientID: "com.example.orders/sync", Owner: idserver.Mark{
		Cluster: "0b5a6bd0-5f6e-4a52-8d0a-2f6d1e7c9a11", Namespace: "shop", Name: "orders", UID: "u-1",
	}}
	orderSync = idserver.Registration{DisplayName: "Order sync", Enabled: true, Service: true, SystemUser: "svc.orders", Scopes: []string{"read"}}
)

// A new service app takes three requests, beside the shared ones, and nothing when it is looked at again but one.
func TestCostOfAnApplication(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	_, err := s.Probe(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	for i, want := range []int{4, 3} { // the first looks the system user up
		must(t, b.ResetCounts(t.Context()))
		key, secret := orders, idserver.DrawSecret()
		key.ClientID += fmt.Sprint(i)
		_, err = s.Find(t.Context(), key, idserver.Credential{})
		g.Expect(err).To(MatchError(idserver.ErrNotFound))
		reply, err := s.Create(t.Context(), key, orderSync, secret)
		g.Expect(err).NotTo(HaveOccurred())
		reply.Credential.Secret = secret
		verdict, err := s.Verify(t.Context(), reply.Credential, orderSync)
		g.Expect(verdict, err).To(Equal(idserver.Verdict{OK: true}))
		counts, err := b.Counts(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(counts.DomainAPI + counts.Token).To(Equal(want))
		g.Expect(counts.Writes).To(Equal(1))
	}
	open, err := b.Sessions(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(open).To(HaveLen(1), "verifications open no session")
}

func TestNotesOfOthersSurvive(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{Version: "23.1.0.0"})
	s := b.server(t, nil)
	reply, err := s.Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	before, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	notes := "call Ann first\n" + *before.Notes + "\nand Bob"
	must(t, b.EditApplication(t.Context(), before.ID, map[string]any{"notes": notes}))
	changed := orderSync
	changed.DisplayName = "Renamed"
	reply, err = s.Find(t.Context(), orders, reply.Credential)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Owner).To(Equal(orders.Owner))
	_, err = s.Update(t.Context(), reply, changed, "")
	g.Expect(err).NotTo(HaveOccurred())
	after, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.Name).To(Equal("Renamed"))
	g.Expect(after.Notes).To(HaveValue(Equal(notes)))
}

// The answer to a change does not tell the new version: what builds on it is not locked.
func TestWithoutAVersionThereIsNoLock(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	_, err := s.Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	found, err := s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	changed := orderSync
	changed.DisplayName = "Renamed"
	reply, err := s.Update(t.Context(), found, changed, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Version).To(BeEmpty())
	b.edit(t, orders.ClientID, contract.Edit{Enabled: new(false)})
	changed.DisplayName = "Renamed again"
	_, err = s.Update(t.Context(), reply, changed, "")
	g.Expect(err).NotTo(HaveOccurred())
	after, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.Name).To(Equal("Renamed again"))
}

// Between the look-up and the change somebody may delete our registration and another cluster take its client id.
func TestAnotherRegistrationUnderTheSameClientIDIsNotChanged(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	reply, err := s.Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	ours, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	must(t, b.RemoveApplication(t.Context(), ours.ID))
	theirs := orders
	theirs.Owner.Cluster = "ffffffff-5f6e-4a52-8d0a-2f6d1e7c9a11"
	_, err = s.Create(t.Context(), theirs, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	before, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())

	changed := orderSync
	changed.DisplayName = "Renamed"
	_, err = s.Update(t.Context(), reply, changed, idserver.DrawSecret())
	g.Expect(err).To(HaveOccurred())
	after, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(Equal(before))
}

// An instance that is updated keeps its registrations; their marks move to where the new version keeps them.
func TestMarksMoveWithTheVersion(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{Version: "23.1.0.0"})
	_, err := b.server(t, nil).Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	must(t, b.SetVersion(t.Context(), "26.2.1.66"))
	s := b.server(t, nil)
	reply, err := s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Owner).To(Equal(orders.Owner))
	reply, err = s.Update(t.Context(), reply, orderSync, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Owner).To(Equal(orders.Owner))
	a, _, err := b.Application(t.Context(), orders.ClientID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.ExternalSystem).To(HaveValue(Equal("trustedapps.dev/" + orders.Owner.Cluster)))
	g.Expect(a.ExternalID).To(HaveValue(Equal("shop/orders/u-1")))
	g.Expect(a.Notes).To(HaveValue(ContainSubstring("trustedapps.dev/owner=")))
	var listed []string
	for reply, err := range s.List(t.Context(), orders.Owner.Cluster) {
		g.Expect(err).NotTo(HaveOccurred())
		listed = append(listed, reply.Credential.ClientID)
	}
	g.Expect(listed).To(ConsistOf(orders.ClientID))
}

func TestLicencesRunOut(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	_, err := s.Probe(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	_, err = b.AddFault(t.Context(), standin.Fault{Path: appsPath, NoLicence: true})
	must(t, err)
	_, found := s.Find(t.Context(), orders, idserver.Credential{})
	_, created := s.Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	for _, err := range []error{found, created} {
		told, _ := errors.AsType[*idserver.Error](err)
		g.Expect(err).To(MatchError(idserver.ErrUnavailable))
		g.Expect(told.RetryAfter).To(BeNumerically(">=", time.Minute))
		g.Expect(err).To(MatchError(ContainSubstring("no free licence")))
	}
}

func TestSystemUsersAreChecked(t *testing.T) {
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	for _, u := range []standin.User{
		{Login: "asleep", UserType: "InternalUser"}, {Login: "outside", Active: true, UserType: "ExternalCommunityUser"},
	} {
		must(t, b.PutUser(t.Context(), u))
	}
	for login, says := range map[string]string{
		"nobody": `no user with the login "nobody"`, "asleep": "is not active", "outside": "its type must be", "o'no": "no user",
	} {
		g := NewWithT(t)
		want := orderSync
		want.SystemUser = login
		_, err := s.Create(t.Context(), orders, want, idserver.DrawSecret())
		g.Expect(err).To(MatchError(ContainSubstring(says)))
		g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonInvalid))
	}
	g := NewWithT(t)
	want := orderSync
	want.SystemUser = "operator"
	_, err := s.Create(t.Context(), orders, want, idserver.DrawSecret())
	g.Expect(err).To(MatchError(ContainSubstring(`the user "operator" is a database administrator, and no grant`)))
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonAdministrator))
	_, err = s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).To(MatchError(idserver.ErrNotFound), "nothing was made")
	want.AdminUser = true
	reply, err := s.Create(t.Context(), orders, want, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Warnings).To(ConsistOf(ContainSubstring("database administrator")))
	reply, err = s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reply.Warnings).To(ConsistOf(ContainSubstring("database administrator")))
	g.Expect(want.Diff(reply.Registration)).To(BeEmpty())

	want.AdminUser = false // the grant was taken away
	g.Expect(want.Diff(reply.Registration)).To(ConsistOf("systemUser"))
	_, err = s.Update(t.Context(), reply, want, "")
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonAdministrator))
	want.Enabled = false
	_, err = s.Update(t.Context(), reply, want, "")
	g.Expect(err).NotTo(HaveOccurred(), "the kill switch is not held up")
	reply, err = s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(want.Diff(reply.Registration)).To(BeEmpty())
	want.Enabled, want.SystemUser = true, orderSync.SystemUser
	_, err = s.Update(t.Context(), reply, want, "")
	g.Expect(err).NotTo(HaveOccurred(), "another user")
}

// Some versions give tokens to a service only where it may impersonate internal users (D6).
func TestVerdictPointsAtImpersonation(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{Quirks: map[string]any{"serviceNeedsInternalImpersonation": true}})
	b.editOperator(map[string]any{"impersonateAsInternalUserAllowed": true})
	s := b.server(t, nil)
	secret := idserver.DrawSecret()
	reply, err := s.Create(t.Context(), orders, orderSync, secret)
	g.Expect(err).NotTo(HaveOccurred())
	reply.Credential.Secret = secret
	verdict, err := s.Verify(t.Context(), reply.Credential, orderSync)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(verdict.OK).To(BeFalse())
	g.Expect(verdict.Code).To(Equal("unauthorized_client"))
	g.Expect(verdict.Hint).To(ContainSubstring("internalUserImpersonation: Allowed"))
	allowed := orderSync
	allowed.InternalUsers = true
	_, err = s.Update(t.Context(), reply, allowed, "")
	g.Expect(err).NotTo(HaveOccurred())
	verdict, err = s.Verify(t.Context(), reply.Credential, allowed)
	g.Expect(verdict, err).To(Equal(idserver.Verdict{OK: true}))
}

// What the instance says about a refused value stays there.
func TestRefusedValues(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	bad := orderSync
	bad.DisplayName = ""
	_, err := s.Create(t.Context(), orders, bad, idserver.DrawSecret())
	g.Expect(err).To(MatchError(idserver.ErrRejected))
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonInvalid))
	g.Expect(err.Error()).NotTo(ContainSubstring("Constraint"))
	reply, err := s.Create(t.Context(), orders, orderSync, idserver.DrawSecret())
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.Update(t.Context(), reply, bad, "")
	g.Expect(err).To(MatchError(idserver.ErrRejected))
	g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonInvalid))
	_, err = s.Create(t.Context(), orders, orderSync, "")
	g.Expect(err).To(MatchError(ContainSubstring("any other client must have one")))
}

// A client secret is never in a URL, so it cannot be in an access log.
func TestRequestsCarryNoSecretInURLs(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.server(t, nil)
	secret := idserver.DrawSecret()
	reply, err := s.Create(t.Context(), orders, orderSync, secret)
	g.Expect(err).NotTo(HaveOccurred())
	reply.Credential.Secret = secret
	_, err = s.Verify(t.Context(), reply.Credential, orderSync)
	g.Expect(err).NotTo(HaveOccurred())
	log, err := b.Requests(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(log).NotTo(BeEmpty())
	for _, r := range log {
		g.Expect(r.Path).NotTo(ContainSubstring(secret.Reveal()))
		g.Expect(r.Path).NotTo(ContainSubstring(operatorSecret))
	}
}
