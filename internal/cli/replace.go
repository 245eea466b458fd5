package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"trustedapps.dev/operator/api/v1alpha1"
)

// replacement is how a credential is replaced.
type replacement struct {
	waiting
	as format
	// annotation asks for it.
	annotation string
	// question is asked before; nobody is asked where it is "".
	question string
}

func (r *replacement) bind(c *cobra.Command) {
	r.waiting.bind(c)
	r.as.bind(c)
}

// request is what was asked for, and what became of it. Its JSON is stable.
type request struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Annotation and Value are what asked for it.
	Annotation string `json:"annotation"`
	Value      string `json:"value"`
	Secret     string `json:"secret,omitempty"`
	// Paused: nothing happens until that ends.
	Paused bool `json:"paused,omitempty"`
	// Done: the new credential is published, and was waited for.
	Done          bool     `json:"done"`
	UsedBy        []user   `json:"usedBy,omitempty"`
	UsedByMore    int      `json:"usedByMore,omitempty"`
	UsedByUnknown []string `json:"usedByUnknown,omitempty"`
}

// replace asks for a new credential, and tells who picks it up and who must be restarted: before a question, as it may decide the answer. Where
// nobody is asked, nothing comes before the request itself: it may be urgent.
func (e *env) replace(ctx context.Context, name string, r replacement) error {
	app, err := e.application(ctx, name)
	if err != nil {
		return err
	}
	if err := replaceable(app); err != nil {
		return err
	}
	var who users
	if r.question != "" {
		who = e.users(ctx, app)
		if err := e.tellUsers(app, who); err != nil {
			return err
		}
		if err := e.confirm(false, r.question); err != nil {
			return err
		}
	}
	did := request{Namespace: app.Namespace, Name: app.Name, Annotation: r.annotation, Value: time.Now().UTC().Format(time.RFC3339Nano)}
	did.Paused = meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionPaused)
	if err := e.annotate(ctx, app, r.annotation, did.Value); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e.Err, "asked for a new credential of %s/%s\n", app.Namespace, app.Name); err != nil {
		return err
	}
	if r.question == "" {
		who = e.users(ctx, app)
		if err := e.tellUsers(app, who); err != nil {
			return err
		}
	}
	if app.Status.Binding != nil {
		did.Secret = app.Status.Binding.Name
	}
	did.UsedBy, did.UsedByMore, did.UsedByUnknown = who.all, who.more, who.unknown
	waited := e.follow(ctx, r, &did)
	if err := e.tellRestarts(did, who); err != nil {
		return err
	}
	as := r.as
	if err := as.print(e.Out, did, func() error { return nil }); err != nil {
		return err
	}
	return waited
}

func replaceable(app *v1alpha1.TrustedApplication) error {
	switch {
	case app.Spec.ClientType == v1alpha1.ClientTypePublic:
		return fmt.Errorf("%s is a Public client: it has no credential that could be replaced", app.Name)
	case !app.DeletionTimestamp.IsZero():
		return fmt.Errorf("%s is being deleted", app.Name)
	}
	return nil
}

// follow waits for the new credential, if that was asked for.
func (e *env) follow(ctx context.Context, r replacement, did *request) error {
	if did.Paused {
		_, err := fmt.Fprintln(e.Err, "it is paused: nothing happens until that ends")
		return err
	}
	if !r.wait {
		return nil
	}
	err := e.await(ctx, did.Name, r.timeout, did.answered)
	did.Done = err == nil
	return err
}

// answered says whether the credential that was asked for is published and used.
func (d request) answered(app *v1alpha1.TrustedApplication) bool {
	r := app.Status.Rotation
	if r == nil {
		return false
	}
	handled := r.HandledRotate
	if d.Annotation == v1alpha1.RevokeAnnotation {
		handled = r.HandledRevoke
	}
	return handled == d.Value && (r.Phase == v1alpha1.RotationIdle || r.Phase == v1alpha1.RotationGrace) &&
		meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

// tellUsers tells who uses the Secret whose content is replaced.
func (e *env) tellUsers(app *v1alpha1.TrustedApplication, who users) error {
	if app.Status.Binding == nil {
		return nil
	}
	lines := who.lines()
	if len(lines) == 0 {
		lines = []string{"no workload of this namespace"}
	}
	text := fmt.Sprintf("the Secret %s is used by\n", app.Status.Binding.Name)
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprint(e.Err, text)
	return err
}

// tellRestarts tells how to restart those that go on with the former credential.
func (e *env) tellRestarts(did request, who users) error {
	lines := who.restarts(did.Namespace)
	if len(lines) == 0 {
		return nil
	}
	text := "once the new credential is published (kubectl trustedapp status " + did.Name + " tells), restart what reads it only at its start:\n"
	if did.Done {
		text = "the new credential is published: restart what reads it only at its start:\n"
	}
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprint(e.Err, text)
	return err
}
