package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
	_ "time/tzdata" // the image holds no time zones

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/schedule"
)

// The defaults of a rotation that only an annotation asks for; the schema has the same.
const (
	defaultGrace    = time.Hour
	defaultAnnounce = 5 * time.Minute
	// maxDefaultJitter limits the jitter where the spec does not name one.
	maxDefaultJitter = 24 * time.Hour
)

// maxRequest is the longest value of an annotation that is noted as it is.
const maxRequest = 64

// rotation says when and how the credential of the application is replaced.
func rotation(app *v1alpha1.TrustedApplication, c idserver.Capabilities) plan.Rotation {
	spec := v1alpha1.RotationSpec{}
	if c := app.Spec.Credentials; c != nil && c.Rotation != nil {
		spec = *c.Rotation
	}
	r := plan.Rotation{
		Strategy:  strategy(app, c),
		Grace:     length(spec.GracePeriod, defaultGrace),
		Announced: length(spec.AnnouncePeriod, defaultAnnounce),
		Asked: ledger.Requests{
			Rotate: Request(app.Annotations[v1alpha1.RotateAnnotation]), Revoke: Request(app.Annotations[v1alpha1.RevokeAnnotation]),
		},
	}
	if spec.Interval == nil {
		return r
	}
	s := schedule.Schedule{Interval: spec.Interval.Duration, Seed: string(app.UID)}
	s.Jitter = length(spec.Jitter, min(s.Interval/10, maxDefaultJitter))
	if w := spec.Window; w != nil {
		var err error
		if s.Window, err = schedule.ParseWindow(w.Schedule, w.TimeZone, w.Duration.Duration); err != nil {
			r.Invalid = "spec.credentials.rotation.window." + err.Error() + "; nothing is rotated on schedule, all else was done: correct it"
			return r
		}
	}
	r.Next = s.Next
	return r
}

func length(d *metav1.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Duration
}

// Request is the value of an annotation in the form in which it is noted: a long one by its hash.
func Request(value string) string {
	if len(value) <= maxRequest {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:16])
}
