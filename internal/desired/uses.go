package desired

import (
	"fmt"
	"slices"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/usage"
)

// UsedBy is what a status says of the users of a Secret; nil where there is none.
func UsedBy(found usage.Found) []v1alpha1.SecretUser {
	var users []v1alpha1.SecretUser
	for _, u := range found.Users {
		user := v1alpha1.SecretUser{Kind: u.Kind, Name: u.Name}
		for _, how := range u.How {
			user.Uses = append(user.Uses, v1alpha1.SecretUse(how))
		}
		users = append(users, user)
	}
	return users
}

// StillInUse tells, while an application is being deleted, who uses its Secret; "" where nobody is known to.
func StillInUse(secret string, found usage.Found) string {
	if len(found.Users) == 0 {
		return ""
	}
	return fmt.Sprintf("the Secret %s goes with this application and is still used by %s: delete them or give them another one, as their next Pods do "+
		"not start without it, unless optional", secret, named(found.Users, found.More))
}

// RestartNeeded tells who goes on with the former credential after a rotation, and is not restarted by the operator; "" where nobody is known to.
func RestartNeeded(app *v1alpha1.TrustedApplication, secret string, found usage.Found) string {
	var stuck []usage.User
	remedy := "restart"
	for _, u := range found.Users {
		if !u.NeedsRestart || Restarted(app, u) {
			continue
		}
		stuck = append(stuck, u)
		if Restartable(u) {
			remedy = "restart, or name in spec.credentials.rolloutRestart,"
		}
	}
	if len(stuck) == 0 {
		return ""
	}
	more := 0
	if len(stuck) == len(found.Users) { // those left out come after all that need a restart
		more = found.More
	}
	return fmt.Sprintf("%s after each rotation what reads the Secret %s only when it starts: %s", remedy, secret, named(stuck, more))
}

// UseWarnings are about the users of the Secret of an application.
func UseWarnings(app *v1alpha1.TrustedApplication, secret string, found usage.Found) []string {
	var out []string
	warn := func(text string) {
		if text != "" {
			out = append(out, usePrefix+text)
		}
	}
	if app.DeletionTimestamp.IsZero() {
		warn(RestartNeeded(app, secret, found))
	} else {
		warn(StillInUse(secret, found))
	}
	if len(found.Unknown) > 0 {
		warn(fmt.Sprintf("whether %s use the Secret %s is not known: the operator needs list on them in this namespace (chart value inUseDetection.enabled)",
			strings.Join(found.Unknown, ", "), secret))
	}
	return out
}

// FormerUseWarnings are those of a status.
func FormerUseWarnings(app *v1alpha1.TrustedApplication) []string {
	return slices.DeleteFunc(slices.Clone(app.Status.Warnings), func(w string) bool { return !strings.HasPrefix(w, usePrefix) })
}

// Restarted says whether the operator restarts a workload for each new credential, as spec.credentials.rolloutRestart asks.
func Restarted(app *v1alpha1.TrustedApplication, u usage.User) bool {
	return app.Spec.Credentials != nil && slices.ContainsFunc(app.Spec.Credentials.RolloutRestart, func(t v1alpha1.RestartTarget) bool {
		return string(t.Kind) == u.Kind && t.Name == u.Name
	})
}

// Restartable says whether spec.credentials.rolloutRestart can name it.
func Restartable(u usage.User) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet"}, u.Kind)
}

// maxNamed is the room for names in a warning, in bytes: the rest of it fits into its bound beside them.
const maxNamed = 120

// named names users as far as there is room, and counts the rest.
func named(users []usage.User, more int) string {
	var names []string
	size := 0
	for i, u := range users {
		var how []string
		for _, h := range u.How {
			how = append(how, string(h))
		}
		if u.Optional {
			how = append(how, "optional")
		}
		name := fmt.Sprintf("%s %s (%s)", u.Kind, u.Name, strings.Join(how, ", "))
		if size += len(name); i > 0 && size > maxNamed {
			return fmt.Sprintf("%s and %d more, see status.usedBy", strings.Join(names, ", "), len(users)-i+more)
		}
		names = append(names, name)
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
