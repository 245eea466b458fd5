package memory

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
)

func TestContractWithChosenIDs(t *testing.T) {
	contract.Suite(t, contract.Subject{Name: "in memory", Version: "secrets chosen by clients"}, func(t *testing.T) contract.Harness { return harness(t, NewClientChosen()) })
}

func TestContractWithOverlappingSecrets(t *testing.T) {
	contract.Suite(t, contract.Subject{Name: "in memory", Version: "secrets that overlap"}, func(t *testing.T) contract.Harness { return harness(t, NewOverlapping()) })
}

func TestContractWithIssuedIDs(t *testing.T) {
	contract.Suite(t, contract.Subject{Name: "in memory", Version: "secrets issued by the server"}, func(t *testing.T) contract.Harness { return harness(t, NewServerIssued()) })
}

func harness(t *testing.T, s *Server) contract.Harness {
	t.Helper()
	around := &breakable{Server: s}
	h := contract.Harness{
		Server: around,
		Prefix: "com.example.contract/", SystemUsers: [2]string{"svc.one", "svc.two"},
		Locking:  s.Capabilities().Lookup,
		Break:    around.breakFor,
		Kinds:    []contract.FaultKind{contract.Unreachable, contract.CutBefore, contract.AnswerLost},
		Requests: around.requests,
		Authenticate: func(_ *testing.T, id string, secret idserver.Secret, service bool) bool {
			return authenticates(s, id, secret, service)
		},
		KeyAlgorithm: idserver.KeyAlgorithms[0],
		AuthenticateKey: func(_ *testing.T, cred idserver.Credential, service bool) bool {
			return authenticates(s, cred.ClientID, idserver.Secret(cred.PublicKey), service)
		},
		Look: func(_ *testing.T, id string) (contract.Seen, bool) { return look(s, id) },
		Edit: func(t *testing.T, id string, change contract.Edit) { t.Helper(); edit(t, s, id, change) },
		Remove: func(t *testing.T, id string) {
			t.Helper()
			if !s.RemoveByHand(id) {
				t.Fatalf("%s is not there to be removed", id)
			}
		},
		Refer: func(t *testing.T, id string, referred bool) {
			t.Helper()
			if !s.EditByHand(id, func(r *Stored) { r.Referenced = referred }) {
				t.Fatalf("%s is not there to be referred to", id)
			}
		},
	}
	if s.Capabilities().SystemUsers {
		h.AdminUser = AdminUser
	}
	if s.Capabilities().Lookup { // without it nobody could find what was planted
		h.Plant = func(_ *testing.T, id string, foreign bool) {
			planted := Stored{ClientID: id, Registration: idserver.Registration{DisplayName: id, Enabled: true}}
			if foreign {
				planted.ForeignOwner = "another system"
			}
			s.AddByHand(planted)
		}
	}
	return h
}

func authenticates(s *Server, id string, secret idserver.Secret, service bool) bool {
	for _, r := range s.Registrations() {
		if r.ClientID == id {
			return s.Authenticate(id, secret) && (!service || r.Registration.Service)
		}
	}
	return false
}

func look(s *Server, id string) (contract.Seen, bool) {
	for _, r := range s.Registrations() {
		if r.ClientID == id {
			return contract.Seen{
				DisplayName: r.Registration.DisplayName, Enabled: r.Registration.Enabled, Public: r.Registration.Public,
				HasSecret: r.Secret != "", Unmanaged: r.Notes,
			}, true
		}
	}
	return contract.Seen{}, false
}

func edit(t *testing.T, s *Server, id string, change contract.Edit) {
	t.Helper()
	found := s.EditByHand(id, func(r *Stored) {
		if change.DisplayName != nil {
			r.Registration.DisplayName = *change.DisplayName
		}
		if change.Enabled != nil {
			r.Registration.Enabled = *change.Enabled
		}
		if change.Unmanaged != nil {
			r.Notes = *change.Unmanaged
		}
		if change.Keys != nil {
			r.Registration.Keys = *change.Keys
		}
	})
	if !found {
		t.Fatalf("%s is not there to be edited", id)
	}
}

// breakable puts faults around the calls of a Server, as the explorer does, and counts them.
type breakable struct {
	*Server

	mu     sync.Mutex
	faults []*contract.Fault
	counts contract.Requests
}

func (b *breakable) breakFor(_ *testing.T, f contract.Fault) (heal func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.Count == 0 {
		f.Count = -1
	}
	b.faults = append(b.faults, &f)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		f.Count = 0
	}
}

func (b *breakable) requests(*testing.T) contract.Requests {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts
	counts.Writes, counts.MaxInFlight = b.Writes(), 1
	return counts
}

// around performs a call with the next fault that is due for it. effect says whether the call changes something at the server.
func (b *breakable) around(ctx context.Context, on contract.Target, effect bool, call func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil { // nothing is sent
		return call()
	}
	switch on {
	case contract.Reads:
		b.counts.Reads++
	case contract.Tokens:
		b.counts.Tokens++
	case contract.Writes: // counted by the server
	}
	kind := b.due(on)
	if kind == "" {
		return call()
	}
	lost := &idserver.Error{Class: idserver.ErrUnavailable, Op: "calling", Cause: errors.New(string(kind))}
	if effect && kind != contract.Unreachable {
		lost.Class = idserver.ErrOutcomeUnknown
	}
	if kind == contract.AnswerLost {
		_ = call() // nobody hears the answer, not even that it is an error
	}
	return lost
}

func (b *breakable) due(on contract.Target) contract.FaultKind {
	for _, f := range b.faults {
		if f.On == on && f.Count != 0 {
			f.Count--
			return f.Kind
		}
	}
	return ""
}

func (b *breakable) Find(ctx context.Context, key idserver.Key, have idserver.Credential) (reply idserver.Reply, err error) {
	err = b.around(ctx, contract.Reads, b.Capabilities().RepliesRotate, func() (err error) {
		reply, err = b.Server.Find(ctx, key, have)
		return err
	})
	return heard(reply, err)
}

func (b *breakable) Create(
	ctx context.Context, key idserver.Key, want idserver.Registration, secret idserver.Secret,
) (reply idserver.Reply, err error) {
	err = b.around(ctx, contract.Writes, true, func() (err error) {
		reply, err = b.Server.Create(ctx, key, want, secret)
		return err
	})
	return heard(reply, err)
}

func (b *breakable) Update(
	ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret,
) (reply idserver.Reply, err error) {
	err = b.around(ctx, contract.Writes, true, func() (err error) {
		reply, err = b.Server.Update(ctx, have, want, secret)
		return err
	})
	return heard(reply, err)
}

func (b *breakable) Delete(ctx context.Context, have idserver.Credential) error {
	return b.around(ctx, contract.Writes, true, func() error { return b.Server.Delete(ctx, have) })
}

func (b *breakable) List(ctx context.Context, cluster string) iter.Seq2[idserver.Reply, error] {
	return func(yield func(idserver.Reply, error) bool) {
		if err := b.around(ctx, contract.Reads, false, func() error { return nil }); err != nil {
			yield(idserver.Reply{}, err)
			return
		}
		b.Server.List(ctx, cluster)(yield)
	}
}

func (b *breakable) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (verdict idserver.Verdict, err error) {
	if want.Public { // nothing is asked
		return b.Server.Verify(ctx, cred, want)
	}
	err = b.around(ctx, contract.Tokens, false, func() (err error) {
		verdict, err = b.Server.Verify(ctx, cred, want)
		return err
	})
	if err != nil {
		return idserver.Verdict{}, err
	}
	return verdict, nil
}

// heard is what the caller gets: nothing of the answer where there is an error.
func heard(reply idserver.Reply, err error) (idserver.Reply, error) {
	if err != nil {
		return idserver.Reply{}, err
	}
	return reply, nil
}
