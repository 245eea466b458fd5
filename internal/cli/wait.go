package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"

	"trustedapps.dev/operator/api/v1alpha1"
)

// waiting is how long a command waits for what it asked for.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) bind(c *cobra.Command) {
	c.Flags().BoolVar(&w.wait, "wait", false, "wait until it is done, and tell the progress")
	c.Flags().DurationVar(&w.timeout, "timeout", 15*time.Minute, "how long to wait")
}

// glance is the time between two looks.
const glance = 500 * time.Millisecond

// await looks at an application until it is as it should be, and tells what changes.
func (e *env) await(ctx context.Context, name string, timeout time.Duration, done func(*v1alpha1.TrustedApplication) bool) error {
	began, last := time.Now(), ""
	err := wait.PollUntilContextTimeout(ctx, glance, timeout, true, func(ctx context.Context) (bool, error) {
		app, err := e.application(ctx, name)
		if err != nil {
			return false, err
		}
		finished := done(app)
		if now := progress(app); now != last {
			last = now
			if _, err := fmt.Fprintf(e.Err, "%5s  %s\n", time.Since(began).Round(time.Second), now); err != nil {
				return false, err
			}
		}
		return finished, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return &timeoutError{message: fmt.Sprintf("%s was not done within %s, and goes on: %s", name, timeout, last)}
	}
	return err
}

// progress is one line on where an application is.
func progress(app *v1alpha1.TrustedApplication) string {
	r := reportOn(app)
	if r.Credential != nil && r.Credential.Phase != "" && r.Ready {
		return fmt.Sprintf("%s, rotation %s", r.state(), r.Credential.Phase)
	}
	if r.Ready {
		return r.state()
	}
	return r.state() + ": " + r.Message
}
