package explorer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// session is one run of the executor in a world, with a script of perturbations.
type session struct {
	w *World
	// view is the TrustedApplication as it was read at the start of the run.
	view    application
	desired plan.Desired
	script  script
	mistake *Mistake
	// loaded is the version of the ledger that the run builds on.
	loaded int
	// first is the ledger as it was read at first, if it was.
	first ledger.Record
	read  bool
	// step is what the plan said last.
	step plan.Step
	// pending is a ledger that a seeded mistake saves too late.
	pending *ledger.Record
	// points are the calls so far, wrote counts those that changed something.
	points []point
	wrote  int
	// fenced: the ledger was this run's own after everything was read. outrun: a second leader ran since.
	fenced, outrun bool
	// struck: a call of the server failed in this run.
	struck bool
	// log is told every call; nil is silent.
	log func(string)
	// actions is what is left of the budget: it decides which actions are looked for.
	actions int
}

// crash ends a run without a word, broken ends it because an invariant does not hold.
type (
	crash  struct{}
	broken struct{ violation *Violation }
)

// outcome is how a run ended.
type outcome struct {
	end       plan.Step // nil after a crash or an error of Kubernetes
	err       error
	trace     []plan.Step
	points    []point
	wrote     int
	violation *Violation
}

// run performs one run in w, which it changes.
func run(w *World, sc script, mistake *Mistake, log func(string)) outcome {
	return (&session{w: w, script: sc, mistake: mistake, log: log}).run()
}

func (s *session) run() (out outcome) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case crash:
			s.note("the operator is gone")
		case broken:
			out.violation = r.violation
		default:
			panic(r)
		}
		out.points, out.wrote = s.points, s.wrote
	}()
	s.view = s.w.app
	if !s.view.exists {
		return outcome{end: plan.Done{}}
	}
	s.desired = s.w.desired(s.view, s.w.server.Capabilities())
	result, err := s.executor().Run(context.Background(), s.desired)
	if s.pending != nil {
		s.flush()
	}
	if _, done := result.End.(plan.Done); done && err == nil && result.Observed.Inspected(s.desired) {
		s.w.suspect = false
	}
	return outcome{end: result.End, err: err, trace: result.Trace}
}

func (s *session) executor() *execute.Executor {
	var server idserver.Server
	if s.desired.ServerReady {
		server = &serverPort{Server: s.w.server, s: s}
		if s.mistake != nil && s.mistake.server != nil {
			server = s.mistake.server(server)
		}
	}
	return &execute.Executor{
		Server:    server,
		Ledger:    ledgerPort{s},
		Outputs:   outputsPort{s},
		Finalizer: finalizerPort{s},
		Abandon:   s.abandon,
		Lives:     lives,
		Restart:   s.restart,
		Draw:      func() idserver.Secret { return idserver.Secret(s.w.draw("secret")) },
		DrawKey: func(string) (idserver.Secret, string, error) {
			key := s.w.draw("key") // one value stands for both halves
			return idserver.Secret(key), key, nil
		},
		NewID: func() string { return s.w.draw("id") },
		Now:   func() time.Time { return s.w.now() },
		Next: func(d plan.Desired, o plan.Observed) plan.Step {
			next := plan.Next
			if s.mistake != nil && s.mistake.next != nil {
				next = s.mistake.next
			}
			s.step = next(d, o)
			s.require(s.drawable(d, o, s.step))
			return s.step
		},
	}
}

// Errors of the in-memory apiserver.
var (
	errConflict = errors.New("conflict: the object changed meanwhile")
	errLost     = errors.New("the connection to the apiserver was cut")
)

// write is a call that changes something in the apiserver.
func (s *session) write(op string, effect func() error) error {
	switch s.enter(kubeWrite, op) {
	case crashBefore:
		panic(crash{})
	case conflict:
		return errConflict
	case crashAfter:
		_ = s.done(effect())
		panic(crash{})
	case answerLost:
		_ = s.done(effect())
		return errLost
	}
	return s.done(effect())
}

// done checks the world after an effect.
func (s *session) done(err error) error {
	if err != nil {
		s.note(fmt.Sprintf("    %v", err))
		return err
	}
	s.wrote++
	s.require(s.w.check())
	return nil
}

// require ends the run where an invariant does not hold.
func (s *session) require(v *Violation) {
	if v != nil {
		panic(broken{v})
	}
}

// enter lets the script strike before a call.
func (s *session) enter(k callKind, op string) fault {
	at := len(s.points)
	s.note("  " + op)
	f := none
	p := point{kind: k, op: op}
	for _, m := range s.script {
		switch {
		case m.at != at:
		case m.fault != none:
			f = m.fault
			s.note("    " + string(f))
		default:
			s.strike(m.action)
		}
	}
	if s.actions > 0 {
		p.enabled = enabledWithin(s.w, s.actions)
	}
	s.points = append(s.points, p)
	return f
}

// strike lets a person or a second leader act in the middle of the run.
func (s *session) strike(a *action) {
	s.note("    meanwhile: " + a.name)
	a.strike(s.w)
	s.require(s.w.check())
	if !a.leader {
		return
	}
	s.w.overlapped = true
	second := &session{w: s.w, mistake: s.mistake}
	if s.log != nil {
		second.log = func(line string) { s.note("        second leader:" + line) }
	}
	s.require(second.run().violation)
	s.outrun = s.fenced
}

func (s *session) note(line string) {
	if s.log != nil {
		s.log(line)
	}
}

// remember adds a secret to what was told or proven.
func remember(known []idserver.Secret, secret idserver.Secret) []idserver.Secret {
	if secret == "" || slices.Contains(known, secret) {
		return known
	}
	return append(known, secret)
}
