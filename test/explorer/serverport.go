package explorer

import (
	"context"
	"slices"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/memory"
)

// serverPort puts faults around the calls of the server in memory and remembers what the invariants need.
type serverPort struct {
	*memory.Server
	s *session
}

func (p *serverPort) Find(ctx context.Context, key idserver.Key, have idserver.Credential) (idserver.Reply, error) {
	if err := p.s.ask(serverRead, "find registration", nil); err != nil {
		return idserver.Reply{}, err
	}
	return p.Server.Find(ctx, key, have)
}

func (p *serverPort) Create(ctx context.Context, key idserver.Key, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	var reply idserver.Reply
	before := p.Writes()
	err := p.s.ask(serverWrite, "create registration", func() (err error) {
		reply, err = p.Server.Create(ctx, key, want, secret)
		if err == nil {
			p.learn(reply, secret, p.Writes() > before)
		}
		return err
	})
	p.s.flush()
	return reply, err
}

func (p *serverPort) Update(ctx context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	var reply idserver.Reply
	before := p.Writes()
	err := p.s.ask(serverWrite, "update registration", func() (err error) {
		reply, err = p.Server.Update(ctx, have, want, secret)
		if err == nil {
			p.learn(reply, secret, p.Writes() > before)
		}
		return err
	})
	p.s.flush()
	return reply, err
}

func (p *serverPort) Claim(ctx context.Context, have idserver.Reply, owner idserver.Mark) (idserver.Reply, error) {
	var reply idserver.Reply
	err := p.s.ask(serverWrite, "claim registration", func() (err error) {
		reply, err = p.Server.Claim(ctx, have, owner)
		if err == nil { // what was left is ours again
			p.s.w.untouchable = slices.DeleteFunc(p.s.w.untouchable, func(r memory.Stored) bool {
				return p.s.w.endsOrphans && r.Handle == reply.Credential.Handle
			})
		}
		return err
	})
	return reply, err
}

// learn remembers that the server was told something. Where it holds what is wanted already, nothing is sent, and a change by hand
// since it was looked up goes unnoticed; and what a replaced leader tells helps nobody.
func (p *serverPort) learn(reply idserver.Reply, secret idserver.Secret, sent bool) {
	w := p.s.w
	if sent {
		w.late = p.s.outrun
	}
	if sent && !w.overlapped {
		w.removed = slices.DeleteFunc(w.removed, func(r string) bool { return r == reply.Credential.ClientID })
	}
	w.told = remember(remember(w.told, secret), reply.Credential.Secret)
	for _, k := range reply.Registration.Keys {
		w.told = remember(w.told, idserver.Secret(k))
	}
	if w.overlapped && (w.ledger == nil || w.app.mark() != p.s.view.mark()) {
		w.leave(reply.Credential.Handle) // a leader that was replaced cannot be stopped at the server
	}
}

func (p *serverPort) Delete(ctx context.Context, have idserver.Credential) error {
	return p.s.ask(serverDelete, "delete registration", func() error { return p.Server.Delete(ctx, have) }, have.Handle)
}

func (p *serverPort) Verify(ctx context.Context, cred idserver.Credential, want idserver.Registration) (idserver.Verdict, error) {
	if err := p.s.ask(serverRead, "verify credential", nil); err != nil {
		return idserver.Verdict{}, err
	}
	verdict, err := p.Server.Verify(ctx, cred, want)
	if err == nil && verdict.OK {
		p.s.w.proven = remember(p.s.w.proven, cred.Proof())
	}
	return verdict, err
}

// ask performs a call of the server. effect is nil for a question, which has none.
func (s *session) ask(k callKind, op string, effect func() error, handle ...string) error {
	failed := func(class error, reason string) error {
		s.struck = true
		return &idserver.Error{Class: class, Op: op, Reason: reason, Message: "as scripted"}
	}
	f := s.enter(k, op)
	switch f {
	case crashBefore:
		panic(crash{})
	case unavailable:
		return failed(idserver.ErrUnavailable, "")
	case unauthorized:
		return failed(idserver.ErrUnauthorized, "")
	case rejected:
		return failed(idserver.ErrRejected, idserver.ReasonInvalid)
	case unknownUndone:
		return failed(idserver.ErrOutcomeUnknown, "")
	case referenced:
		if !slices.Contains(s.w.refused, handle[0]) {
			s.w.refused = append(s.w.refused, handle[0])
		}
		return failed(idserver.ErrRejected, idserver.ReasonReferenced)
	}
	if effect == nil {
		return nil
	}
	before := s.w.server.Writes()
	err := effect()
	if s.w.server.Writes() != before {
		s.wrote++
	}
	if err != nil {
		s.struck = true
		s.note("    " + err.Error())
	}
	s.require(s.w.check())
	switch f {
	case crashAfter:
		panic(crash{})
	case answerLost:
		return failed(idserver.ErrOutcomeUnknown, "")
	}
	return err
}
