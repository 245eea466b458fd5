package explorer

import (
	"fmt"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
)

const (
	cluster  = "cluster-1"
	clientID = "com.example.app"
	// issuer is part of every target, as in the real operator.
	issuer        = "https://memory.example"
	configMapName = "config"
)

// kind is the kind of an application.
type kind string

const (
	service     kind = "service"
	hybrid      kind = "hybrid"
	interactive kind = "interactive"
	public      kind = "public"
)

var kinds = []kind{service, hybrid, interactive, public}

// spec is what a user can change.
type spec struct {
	kind       kind
	moreScopes bool
	disabled   bool
	secretName string
	deletion   plan.Deletion
	// strategy is that of the rotation; "" in a world without rotations.
	strategy v1alpha1.RotationStrategy
	// keyed: it signs assertions with a key.
	keyed bool
	// restarts: a workload is restarted for each new credential.
	restarts bool
}

// application is the TrustedApplication in the apiserver.
type application struct {
	// uid counts up with every TrustedApplication of the same name.
	uid                         int
	exists, deleting, finalizer bool
	spec                        spec
	// rotate and revoke are the values of the annotations; 0 for none.
	rotate, revoke int
	// abandon: the annotation says that it may go without the end of its registration.
	abandon bool
}

func (a application) mark() idserver.Mark {
	return idserver.Mark{Cluster: cluster, Namespace: "shop", Name: "app", UID: fmt.Sprintf("uid-%d", a.uid)}
}

func (s spec) interactive() bool { return s.kind != service }

// secretObject and configMapObject are the names of what is to be published; empty where there is to be none.
func (s spec) secretObject() string {
	if s.kind == public {
		return ""
	}
	return s.secretName
}

func (s spec) configMapObject() string {
	if !s.interactive() {
		return ""
	}
	return configMapName
}

func (s spec) registration() idserver.Registration {
	r := idserver.Registration{DisplayName: "shop/app", Enabled: !s.disabled, Public: s.kind == public, Scopes: []string{"read"}}
	r.PrivateKey = s.keyed && !r.Public
	if s.moreScopes {
		r.Scopes = append(r.Scopes, "update")
	}
	if s.interactive() {
		r.RedirectURIs, r.InternalUsers = []string{"https://app.example/callback"}, true
	}
	if s.kind == service || s.kind == hybrid {
		r.Service, r.SystemUser = true, "svc.app"
	}
	return r.Normalize()
}

// desired is what the controller would make of the application.
func (w *World) desired(a application, capabilities idserver.Capabilities) plan.Desired {
	want := a.spec.registration()
	denied := ""
	if w.denied && !a.deleting {
		denied = "no grant covers it: ask for one"
		want.Enabled = want.Enabled && !w.disables
	}
	return plan.Desired{
		Denied:       denied,
		Key:          idserver.Key{ClientID: clientID, Owner: a.mark()},
		Want:         want,
		Target:       want.Hash(issuer),
		Capabilities: capabilities,
		ServerReady:  !w.serverDown,
		ServerWait:   plan.Wait{Reason: "IdentityServerNotReady", Message: "the server is down"},
		Verify:       !w.verificationOff,
		Deleting:     a.deleting,
		Deletion:     a.spec.deletion,
		Abandon:      a.abandon,
		Adoption:     w.adoption,
		Restart:      a.spec.restarts,
		Suspect:      w.suspect,
		Enforce:      true,
		Unlisted:     w.unlisted(a, capabilities),
		Rotation: plan.Rotation{
			Strategy: a.spec.strategy, Grace: w.period(), Announced: w.period(),
			Asked: ledger.Requests{Rotate: request(a.rotate), Revoke: request(a.revoke)},
		},
	}
}

// unlisted is what a sweep and all that was registered since know of the client id: of registrations of others they know nothing.
func (w *World) unlisted(a application, capabilities idserver.Capabilities) bool {
	if a.finalizer || a.deleting || w.serverDown || !capabilities.Lookup || !capabilities.ChosenID || !w.adoption.None() {
		return false
	}
	for _, of := range w.server.Registrations() {
		if of.ClientID == clientID && of.Owner.Cluster == cluster {
			return false
		}
	}
	return true
}

func (s spec) String() string {
	words := []string{string(s.kind), "secret " + s.secretName}
	if s.moreScopes {
		words = append(words, "more scopes")
	}
	if s.strategy != "" {
		words = append(words, string(s.strategy))
	}
	if s.keyed {
		words = append(words, "key")
	}
	if s.disabled {
		words = append(words, "disabled")
	}
	if s.deletion != plan.Delete {
		words = append(words, fmt.Sprintf("deletion %d", s.deletion))
	}
	return strings.Join(words, ", ")
}
