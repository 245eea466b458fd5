package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/usage"
)

// user is a workload that uses a published Secret. Its JSON is stable.
type user struct {
	Kind     string               `json:"kind"`
	Name     string               `json:"name"`
	Uses     []v1alpha1.SecretUse `json:"uses"`
	Optional bool                 `json:"optional,omitempty"`
	// Follows says how a new content gets to it.
	Follows follows `json:"follows,omitempty"`
	// Restart is the command that restarts it, where somebody must and one does.
	Restart string `json:"restart,omitempty"`
}

// follows is how a workload comes to a new content of the Secret.
type follows string

const (
	byItself   follows = "ByItself"   // kubelet brings it into the running Pods, or it is read each time
	byOperator follows = "ByOperator" // spec.credentials.rolloutRestart names it
	atNextRun  follows = "AtNextRun"  // a CronJob's next Pods read it
	byRestart  follows = "ByRestart"  // somebody must restart it
)

// users are all that is known of who uses the Secret of an application.
type users struct {
	all  []user
	more int
	// unknown says what could not be looked at.
	unknown []string
	// going: the Secret goes with the application.
	going bool
}

// users finds who uses the published Secret of an application, with the rights of the user. What these do not show is taken from the status, where
// the operator looks itself, and is said not to be known where it does not. Nothing that goes wrong here keeps a command from what it is for.
func (e *env) users(ctx context.Context, app *v1alpha1.TrustedApplication) users {
	if app.Status.Binding == nil || app.Spec.ClientType == v1alpha1.ClientTypePublic {
		return users{}
	}
	k, err := e.client()
	var found usage.Found
	if err == nil {
		found, err = usage.Of(ctx, k, app.Namespace, app.Status.Binding.Name)
	}
	if err != nil {
		u := usersIn(app)
		u.unknown = []string{"who uses the Secret " + app.Status.Binding.Name + " is not known: " + firstLine(err.Error())}
		return u
	}
	return usersOf(app, found)
}

// usersIn are those that the status names.
func usersIn(app *v1alpha1.TrustedApplication) users {
	u := users{going: !app.DeletionTimestamp.IsZero()}
	for _, named := range app.Status.UsedBy {
		u.all = append(u.all, userOf(app, usage.User{Kind: named.Kind, Name: named.Name, NeedsRestart: needsRestart(named)}, named.Uses))
	}
	return u
}

func needsRestart(named v1alpha1.SecretUser) bool {
	return named.Kind != "CronJob" && slices.ContainsFunc(named.Uses, func(u v1alpha1.SecretUse) bool { return usage.How(u).AtStart() })
}

// usersOf are those that were found.
func usersOf(app *v1alpha1.TrustedApplication, found usage.Found) users {
	u := users{more: found.More, going: !app.DeletionTimestamp.IsZero()}
	uses := desired.UsedBy(found)
	for i, f := range found.Users {
		u.all = append(u.all, userOf(app, f, uses[i].Uses))
	}
	if len(found.Unknown) == 0 {
		return u
	}
	for _, other := range usersIn(app).all {
		if hidden(other.Kind, found.Unknown) && !slices.ContainsFunc(u.all, func(k user) bool { return k.Kind == other.Kind && k.Name == other.Name }) {
			u.all = append(u.all, other)
		}
	}
	u.unknown = []string{fmt.Sprintf("whether %s use the Secret %s is not known: you may not list them in the namespace %s",
		strings.Join(found.Unknown, ", "), app.Status.Binding.Name, app.Namespace)}
	return u
}

// hidden says whether workloads of a kind are among the resources that could not be looked at: deployments.apps are those of kind Deployment.
func hidden(kind string, unknown []string) bool {
	return slices.ContainsFunc(unknown, func(resource string) bool {
		plural, _, _ := strings.Cut(resource, ".")
		return plural == strings.ToLower(kind)+"s"
	})
}

func userOf(app *v1alpha1.TrustedApplication, found usage.User, uses []v1alpha1.SecretUse) user {
	u := user{Kind: found.Kind, Name: found.Name, Uses: uses, Optional: found.Optional, Follows: byItself}
	switch {
	case desired.Restarted(app, found):
		u.Follows = byOperator
	case found.NeedsRestart:
		u.Follows = byRestart
		if desired.Restartable(found) {
			u.Restart = "kubectl rollout restart " + strings.ToLower(u.Kind) + "/" + u.Name + " -n " + app.Namespace
		}
	case u.Kind == "CronJob":
		u.Follows = atNextRun
	}
	return u
}

// line is a user for people.
func (u user) line(going bool) string {
	about := fmt.Sprintf("%s %s (%s)", u.Kind, u.Name, joined(u.Uses, ", "))
	switch {
	case going && u.Optional:
		return about + ": goes on without the Secret"
	case going:
		return about + ": its next Pods do not start once the Secret is gone"
	}
	return about + ": " + map[follows]string{
		byItself:   "picks a new credential up by itself",
		byOperator: "the operator restarts it for a new credential (spec.credentials.rolloutRestart)",
		atNextRun:  "its next run has the new credential",
		byRestart:  "needs a restart for a new credential",
	}[u.Follows]
}

// lines are the users for people, and what is not known of them.
func (u users) lines() []string {
	var lines []string
	for _, one := range u.all {
		lines = append(lines, one.line(u.going))
	}
	if u.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", u.more))
	}
	return append(lines, u.unknown...)
}

// restarts says how to restart those that need it: a command for those that kubectl can restart, a sentence for others.
func (u users) restarts(namespace string) []string {
	var targets, others []string
	for _, one := range u.all {
		switch {
		case one.Follows != byRestart:
		case one.Restart != "":
			targets = append(targets, strings.ToLower(one.Kind)+"/"+one.Name)
		default:
			others = append(others, one.Kind+" "+one.Name)
		}
	}
	var lines []string
	if len(targets) > 0 {
		lines = append(lines, "kubectl rollout restart "+strings.Join(targets, " ")+" -n "+namespace)
	}
	if len(others) > 0 {
		lines = append(lines, "delete, and create again: "+strings.Join(others, ", "))
	}
	return lines
}

// branches are the users in the tree of an application that publishes a Secret.
func (u users) branches(c *credential) []branch {
	switch lines := u.lines(); {
	case c == nil || c.Secret == "":
		return nil
	case len(lines) == 0:
		return []branch{leaf("used by", "no workload of this namespace")}
	default:
		return leaves("used by", lines)
	}
}
