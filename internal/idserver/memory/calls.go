package memory

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"trustedapps.dev/operator/internal/idserver"
)

// Capabilities implements idserver.Server.
func (s *Server) Capabilities() idserver.Capabilities { return s.capabilities }

// Find implements idserver.Server. With server-issued ids it is an effect: it replaces the registration access token.
func (s *Server) Find(ctx context.Context, key idserver.Key, have idserver.Credential) (idserver.Reply, error) {
	const op = "looking the registration up"
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, op); err != nil {
		return idserver.Reply{}, err
	}
	i := s.byHandle(have.Handle)
	if s.capabilities.Lookup {
		i = s.byClientID(key.ClientID)
	}
	if i < 0 {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrNotFound, Op: op}
	}
	if s.lacksControl(i, have) {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrControlLost, Op: op}
	}
	return s.answer(i, ""), nil
}

// Create implements idserver.Server.
func (s *Server) Create(ctx context.Context, key idserver.Key, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	const op = "creating the registration"
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, op); err != nil {
		return idserver.Reply{}, err
	}
	if err := s.forbidden(op, want); err != nil {
		return idserver.Reply{}, err
	}
	s.write++
	created := Stored{Handle: s.draw("handle"), Owner: key.Owner, Registration: want.Normalize()}
	if s.capabilities.ChosenID {
		if s.byClientID(key.ClientID) >= 0 {
			return idserver.Reply{}, &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonTaken}
		}
		created.ClientID = key.ClientID
	} else {
		created.ClientID = s.draw("client")
	}
	told := s.changeSecret(&created, secret, "")
	s.held = append(s.held, created)
	return s.answer(len(s.held)-1, told), nil
}

// Update implements idserver.Server. Where have is a full answer of this server, nothing is sent if it is as wanted already, and
// nothing is changed if the registration was since.
func (s *Server) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	const op = "updating the registration"
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, op); err != nil {
		return idserver.Reply{}, err
	}
	read, wasRead := have.Raw.(Stored)
	if wasRead && read.Owner != (idserver.Mark{}) && read.is(want, secret, have.Credential.Secret) {
		have.Credential.Secret = "" // no answer tells one
		return have, nil
	}
	i := s.byHandle(have.Credential.Handle)
	if i < 0 {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrNotFound, Op: op}
	}
	if s.lacksControl(i, have.Credential) {
		if !want.Enabled && !s.held[i].Registration.Enabled { // a token request tells that
			return idserver.Reply{Credential: have.Credential, Registration: want, HasSecret: !want.Secretless()}, nil
		}
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrControlLost, Op: op}
	}
	if s.unmarked(i) {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonTaken}
	}
	if err := s.forbidden(op, want); err != nil {
		return idserver.Reply{}, err
	}
	s.write++
	if wasRead && read.version != s.held[i].version {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonConflict}
	}
	updated := s.held[i]
	updated.version++
	updated.Registration = want.Normalize()
	told := s.changeSecret(&updated, secret, have.Credential.Secret)
	s.held[i] = updated
	return s.answer(i, told), nil
}

// Claim implements idserver.Server.
func (s *Server) Claim(ctx context.Context, have idserver.Reply, owner idserver.Mark) (idserver.Reply, error) {
	const op = "claiming the registration"
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, op); err != nil {
		return idserver.Reply{}, err
	}
	i := s.byHandle(have.Credential.Handle)
	if i < 0 || !s.capabilities.Lookup {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrNotFound, Op: op}
	}
	if s.held[i].Owner == owner && s.held[i].ForeignOwner == "" {
		return s.answer(i, ""), nil
	}
	s.write++
	if read, wasRead := have.Raw.(Stored); wasRead && read.version != s.held[i].version {
		return idserver.Reply{}, &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonConflict}
	}
	s.held[i].Owner, s.held[i].ForeignOwner = owner, ""
	s.held[i].version++
	return s.answer(i, ""), nil
}

// Delete implements idserver.Server.
func (s *Server) Delete(ctx context.Context, have idserver.Credential) error {
	const op = "deleting the registration"
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, op); err != nil {
		return err
	}
	i := s.byHandle(have.Handle)
	if have.Handle == "" && s.capabilities.Lookup {
		i = s.byClientID(have.ClientID)
	}
	if i < 0 {
		return nil
	}
	if s.lacksControl(i, have) {
		return &idserver.Error{Class: idserver.ErrControlLost, Op: op}
	}
	if s.unmarked(i) {
		return &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonTaken}
	}
	s.write++
	if s.held[i].Referenced {
		return &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonReferenced}
	}
	s.held = slices.Delete(s.held, i, i+1)
	return nil
}

// List implements idserver.Server.
func (s *Server) List(ctx context.Context, cluster string) iter.Seq2[idserver.Reply, error] {
	const op = "listing the registrations"
	return func(yield func(idserver.Reply, error) bool) {
		if !s.capabilities.Lookup {
			yield(idserver.Reply{}, &idserver.Error{Class: idserver.ErrRejected, Op: op, Message: "the server has no list"})
			return
		}
		if err := begin(ctx, op); err != nil {
			yield(idserver.Reply{}, err)
			return
		}
		for _, r := range s.Registrations() {
			if cluster != "" && r.Owner.Cluster == cluster && !yield(s.reply(r, ""), nil) {
				return
			}
		}
	}
}

// Verify implements idserver.Server.
func (s *Server) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(ctx, "verifying the credential"); err != nil {
		return idserver.Verdict{}, err
	}
	if want.Public {
		return idserver.Verdict{OK: true}, nil
	}
	i := s.byClientID(cred.ClientID)
	proof := cred.Secret
	if cred.Key != "" {
		proof = idserver.Secret(cred.PublicKey)
	}
	if i < 0 || !s.held[i].accepts(proof) {
		return idserver.Verdict{Code: "invalid_client"}, nil
	}
	if want.Service && !s.held[i].Registration.Service {
		return idserver.Verdict{Code: "unauthorized_client"}, nil
	}
	return idserver.Verdict{OK: true}, nil
}

// forbidden refuses a service that acts as an administrator without that this is allowed.
func (s *Server) forbidden(op string, want idserver.Registration) error {
	if s.capabilities.SystemUsers && want.Service && want.Enabled && want.SystemUser == AdminUser && !want.AdminUser {
		return &idserver.Error{Class: idserver.ErrRejected, Op: op, Reason: idserver.ReasonAdministrator}
	}
	return nil
}

// begin refuses a call whose context has ended, before it has an effect.
func begin(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return &idserver.Error{Class: idserver.ErrUnavailable, Op: op, Cause: ctx.Err()}
}

// unmarked says whether nobody may change the registration but a person; without lookup, the handle is proof enough.
func (s *Server) unmarked(i int) bool {
	return s.capabilities.Lookup && s.held[i].Owner == (idserver.Mark{})
}

func (s *Server) lacksControl(i int, have idserver.Credential) bool {
	return s.capabilities.RepliesRotate && s.held[i].Control != have.Control
}

// changeSecret brings the secret of r in line with its client type. It returns the secret where the answer has to tell it.
func (s *Server) changeSecret(r *Stored, chosen, former idserver.Secret) idserver.Secret {
	switch {
	case r.Registration.Secretless():
		r.Secret, r.Former = "", nil
	case s.capabilities.SecretOrigin == idserver.ClientChosen:
		switch {
		case chosen == "":
		case former == "" || s.capabilities.SecretSlots == 1:
			r.Secret, r.Former = chosen, nil
		case chosen != r.Secret && !slices.Contains(r.Former, chosen):
			r.Secret, r.Former = chosen, append(slices.Clone(r.Former), r.Secret)
		}
	case r.Secret == "":
		r.Secret = idserver.Secret(s.draw("secret"))
		return r.Secret
	}
	return ""
}

// answer is the reply about the registration at i, with the effect that answering has.
func (s *Server) answer(i int, told idserver.Secret) idserver.Reply {
	if s.capabilities.RepliesRotate {
		s.held[i].Control = idserver.Secret(s.draw("control"))
	}
	return s.reply(s.held[i], told)
}

func (s *Server) reply(r Stored, told idserver.Secret) idserver.Reply {
	reply := idserver.Reply{
		Credential:   idserver.Credential{Handle: r.Handle, ClientID: r.ClientID, Secret: told, Control: r.Control},
		Registration: r.Registration.Normalize(),
		HasSecret:    r.Secret != "",
	}
	reply.Registration.AdminUser = s.capabilities.SystemUsers && r.Registration.SystemUser == AdminUser
	if s.capabilities.Lookup {
		reply.Owner, reply.ForeignOwner = r.Owner, r.ForeignOwner
		reply.Version, reply.Raw = strconv.Itoa(r.version), r.copy()
	}
	return reply
}

// is says whether an update to want would change nothing.
func (r Stored) is(want idserver.Registration, secret, former idserver.Secret) bool {
	held := r.Registration
	held.AdminUser = held.SystemUser == AdminUser
	switch {
	case len(want.Diff(held)) > 0:
		return false
	case want.Secretless():
		return r.Secret == "" && len(r.Former) == 0
	case former != "":
		return secret == r.Secret || slices.Contains(r.Former, secret)
	}
	return secret == "" || secret == r.Secret && len(r.Former) == 0
}
