package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

// effects writes down what was done to the outside: writes to Kubernetes and calls of the server. Reads of Kubernetes are none.
type effects struct {
	idserver.Server
	done []string
	// err is the answer of every call of the server, kube that of every write to Kubernetes.
	err, kube error
	verdict   idserver.Verdict
	reply     idserver.Reply
	// refusesScopes: the server registers no scopes.
	refusesScopes bool
	rec           ledger.Record
	exists        bool
	out           plan.Output
	guarded       bool
	// left is the ledger of the former application u0.
	left ledger.Record
	// update is what the server was told last.
	update struct {
		have   idserver.Reply
		want   idserver.Registration
		secret idserver.Secret
	}
}

func (e *effects) note(what string) error {
	e.done = append(e.done, what)
	return e.kube
}

func (e *effects) Load(context.Context) (ledger.Record, bool, error) { return e.rec, e.exists, nil }

func (e *effects) Save(_ context.Context, rec ledger.Record) error {
	e.rec, e.exists = rec, true
	return e.note("save ledger")
}

func (e *effects) Delete(context.Context) error { return e.note("delete ledger") }

func (e *effects) Former(_ context.Context, uid types.UID) (ledger.Record, bool, error) {
	return e.left, uid == "u0", nil
}

func (e *effects) DropFormer(_ context.Context, uid types.UID) error {
	return e.note("drop ledger of " + string(uid))
}

// outputs, finalizer and server are the other sides of effects, whose methods have the same names.
type outputs struct{ *effects }

func (o outputs) Observe(_ context.Context, rec ledger.Record) (plan.Output, error) {
	out := o.out
	if out.Secret == plan.Matches && !slices.Contains(out.Revisions, rec.Revision()) {
		out.Secret = plan.Differs
	}
	return out, nil
}

func (o outputs) Publish(_ context.Context, rec ledger.Record) error {
	o.out = plan.Output{Secret: plan.Matches, Any: true, Revisions: []string{rec.Revision()}}
	return o.note("publish")
}

func (o outputs) Unpublish(_ context.Context, _ ledger.Record, all bool) error {
	return o.note(fmt.Sprintf("unpublish all=%t", all))
}

type finalizer struct{ *effects }

func (f finalizer) Present() bool                { return f.guarded }
func (f finalizer) Add(context.Context) error    { return f.note("add finalizer") }
func (f finalizer) Remove(context.Context) error { return f.note("remove finalizer") }

type server struct{ *effects }

func (s server) ask(what string) error {
	s.done = append(s.done, what)
	return s.err
}

func (s server) Find(_ context.Context, key idserver.Key, _ idserver.Credential) (idserver.Reply, error) {
	return s.reply, s.ask("find " + key.ClientID)
}

func (s server) Create(_ context.Context, _ idserver.Key, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	return s.registered(want), s.ask("create with " + secret.Reveal())
}

func (s server) Update(_ context.Context, have idserver.Reply, want idserver.Registration, secret idserver.Secret) (idserver.Reply, error) {
	s.update.have, s.update.want, s.update.secret = have, want, secret
	return s.registered(want), s.ask("update " + have.Credential.Handle)
}

// registered is the reply about what the server was told, which it registers without what it refuses.
func (s server) registered(want idserver.Registration) idserver.Reply {
	reply := s.reply
	reply.Registration = want
	if s.refusesScopes {
		reply.Registration.Scopes = nil
	}
	return reply
}

func (s server) Claim(_ context.Context, have idserver.Reply, owner idserver.Mark) (idserver.Reply, error) {
	return s.reply, s.ask("claim " + have.Credential.Handle + " for " + owner.UID)
}

func (s server) Delete(_ context.Context, have idserver.Credential) error {
	return s.ask("delete " + have.Handle)
}

func (s server) Verify(_ context.Context, cred idserver.Credential, _ idserver.Registration) (idserver.Verdict, error) {
	return s.verdict, s.ask("verify " + cred.Secret.Reveal())
}

var now = time.Unix(1_700_000_000, 0).UTC()

// executor performs the steps, whatever is observed, and then whatever the plan says of it.
func (e *effects) executor(then func(plan.Desired, plan.Observed) plan.Step, steps ...plan.Step) *Executor {
	drawn := 0
	return &Executor{
		Server: server{e}, Ledger: e, Outputs: outputs{e}, Finalizer: finalizer{e},
		Draw:    func() idserver.Secret { return "drawn" },
		NewID:   func() string { drawn++; return fmt.Sprintf("id-%d", drawn) },
		Now:     func() time.Time { return now },
		Restart: func(_ context.Context, id string) ([]string, error) { return nil, e.note("restart for " + id) },
		Abandon: func(_ context.Context, ids []string) error { return e.note(fmt.Sprint("abandon ", ids)) },
		Next: func(d plan.Desired, o plan.Observed) plan.Step {
			if len(steps) == 0 {
				return then(d, o)
			}
			s := steps[0]
			steps = steps[1:]
			return s
		},
	}
}

func done(plan.Desired, plan.Observed) plan.Step { return plan.Done{} }

// failure ends with what failed, if anything did.
func failure(_ plan.Desired, o plan.Observed) plan.Step {
	if o.Failure != nil {
		return o.Failure
	}
	return plan.Done{}
}

func held(id string) *ledger.Credential {
	return &ledger.Credential{ID: id, Credential: idserver.Credential{Handle: "h-" + id, ClientID: "app", Secret: idserver.Secret("s-" + id)}}
}

func desired(origin idserver.SecretOrigin) plan.Desired {
	return plan.Desired{
		Key:          idserver.Key{ClientID: "app", Owner: idserver.Mark{Cluster: "c", Namespace: "n", Name: "a", UID: "u"}},
		Want:         idserver.Registration{DisplayName: "n/a", Enabled: true, Service: true},
		Target:       "t2",
		Capabilities: idserver.Capabilities{SecretOrigin: origin, Lookup: origin == idserver.ClientChosen},
		ServerReady:  true,
	}
}
