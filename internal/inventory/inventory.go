// Package inventory is what one list of a server's registrations says about all of its applications: which may have been changed at the
// server, and which registrations belong to none. It only raises suspicion; what is done about an application is decided in its own run, after
// a look at the registration itself.
package inventory

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/internal/idserver"
)

// App is what an application should have at the server.
type App struct {
	UID types.UID
	// ClientIDs are those that its registrations may have; more than one where two take turns.
	ClientIDs []string
	Want      idserver.Registration
	// Drifted: its status says that something differs, which may be over.
	Drifted bool
	// Awaited: its own run has yet to tell the server what it says now, and tells the whole of it.
	Awaited bool
}

// Book holds what the sweeps of this process found. Its zero value is ready; all methods are safe for concurrent use.
type Book struct {
	mu      sync.Mutex
	servers map[string]*page
	// sweeps counts all of them.
	sweeps int
}

// page is one server.
type page struct {
	// versions are those of the registrations, by handle, as the last sweep saw them.
	versions map[string]string
	// suspects are the sweeps that raised a suspicion nobody has looked into.
	suspects map[types.UID]int
	// orphans are the handles that the last sweep found to belong to nobody.
	orphans map[string]bool
	owned   int
	// listed are the client ids that the last sweep saw, and those that were asked for since the one before it.
	listed map[string]bool
	// asked are the client ids that were asked for since the last sweep.
	asked map[string]bool
	// blind: there is no list of the registrations.
	blind bool
}

// Enter notes the outcome of a sweep and returns the applications to look at.
func (b *Book) Enter(server string, found []idserver.Reply, apps []App) []types.UID {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.servers == nil {
		b.servers = map[string]*page{}
	}
	b.sweeps++
	former := b.servers[server]
	now := &page{
		versions: map[string]string{}, suspects: map[types.UID]int{}, orphans: map[string]bool{}, owned: len(found),
		listed: map[string]bool{}, asked: map[string]bool{},
	}
	if former != nil {
		now.orphans = former.orphans
		maps.Copy(now.listed, former.asked) // it may have been registered after the list was read
	}
	byOwner := map[string][]idserver.Reply{}
	changed := map[string]bool{}
	for _, r := range found {
		byOwner[r.Owner.UID] = append(byOwner[r.Owner.UID], r)
		now.listed[r.Credential.ClientID] = true
		now.versions[r.Credential.Handle] = r.Version
		if former != nil && former.versions[r.Credential.Handle] != r.Version {
			changed[r.Owner.UID] = true // perhaps by ourselves; a secret that somebody reset shows in nothing else
		}
	}
	var suspects []types.UID
	for _, app := range apps {
		uid := string(app.UID)
		unheeded := former != nil && former.suspects[app.UID] > 0
		if app.Awaited {
			for _, r := range byOwner[uid] {
				delete(now.versions, r.Credential.Handle) // what is done to it until its run ends is seen by the next sweep
			}
		}
		if unheeded || !app.Awaited && (app.Drifted || changed[uid] || differs(app, byOwner[uid])) {
			now.suspects[app.UID] = b.sweeps
			suspects = append(suspects, app.UID)
		}
	}
	b.servers[server] = now
	return suspects
}

// Doubt notes a sweep of a server that has no list of its registrations: all of the applications are to be looked at.
func (b *Book) Doubt(server string, apps []types.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.servers == nil {
		b.servers = map[string]*page{}
	}
	b.sweeps++
	now := &page{suspects: map[types.UID]int{}, blind: true}
	for _, uid := range apps {
		now.suspects[uid] = b.sweeps
	}
	b.servers[server] = now
}

// differs says whether none of an application's registrations is as it should be.
func differs(app App, have []idserver.Reply) bool {
	return !slices.ContainsFunc(have, func(r idserver.Reply) bool {
		return slices.Contains(app.ClientIDs, r.Credential.ClientID) && len(app.Want.Diff(r.Registration)) == 0
	})
}

// Suspect is the number of the sweep which found that an application's registration may have been changed; 0 where none did.
func (b *Book) Suspect(server string, uid types.UID) (sweep int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.servers[server]; p != nil {
		sweep = p.suspects[uid]
	}
	return sweep
}

// Clear notes that the suspicion of a sweep was looked into. One that was raised since stays.
func (b *Book) Clear(server string, uid types.UID, sweep int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.servers[server]; p != nil && p.suspects[uid] == sweep {
		delete(p.suspects, uid)
	}
}

// Unlisted says whether no registration of this cluster with a client id is known, by a sweep or because it was asked for before: who is told so
// registers it. false where there was no sweep.
func (b *Book) Unlisted(server, clientID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.servers[server]
	if p == nil || p.blind || p.listed[clientID] || p.asked[clientID] {
		return false
	}
	p.asked[clientID] = true
	return true
}

// Orphans notes which registrations belong to nobody, and returns those of them that the sweep before found so, too. A registration
// is made after its application, but may be listed before the cache knows that.
func (b *Book) Orphans(server string, orphans []idserver.Reply) (confirmed []idserver.Reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.servers[server]
	if p == nil {
		return nil
	}
	now := map[string]bool{}
	for _, o := range orphans {
		now[o.Credential.Handle] = true
		if p.orphans[o.Credential.Handle] {
			confirmed = append(confirmed, o)
		}
	}
	p.orphans = now
	return confirmed
}

// Owned is the number of registrations of this cluster that the last sweep found, by server.
func (b *Book) Owned() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	owned := make(map[string]int, len(b.servers))
	for name, p := range b.servers {
		if !p.blind {
			owned[name] = p.owned
		}
	}
	return owned
}

// Forget drops a server that is gone.
func (b *Book) Forget(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.servers, server)
}

// Unknown are the registrations whose owner is none of the applications, by client id.
func Unknown(found []idserver.Reply, known map[types.UID]bool) []idserver.Reply {
	unknown := slices.DeleteFunc(slices.Clone(found), func(r idserver.Reply) bool { return known[types.UID(r.Owner.UID)] })
	slices.SortFunc(unknown, func(a, b idserver.Reply) int { return strings.Compare(a.Credential.ClientID, b.Credential.ClientID) })
	return unknown
}
