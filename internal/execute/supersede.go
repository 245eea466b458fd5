package execute

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"trustedapps.dev/operator/internal/idserver"
)

// supersede changes the display name for the moment until it is applied: it is wanted everywhere, and takes nothing away from a client that is
// in use. It returns only errors of Kubernetes.
func (r *run) supersede(ctx context.Context) error {
	if err := r.fence(ctx); err != nil {
		return err
	}
	want := r.desired.Want
	want.DisplayName = otherName(want.DisplayName)
	_, err := r.Server.Update(ctx, *r.observed.Server, want, "")
	if err != nil && !errors.Is(err, idserver.ErrNotFound) {
		r.failure(err)
		return nil
	}
	r.observed.Superseded, r.observed.Looked, r.observed.Server = true, false, nil // what follows is locked by the new version
	return nil
}

// otherName is a name that people recognize, and that no limit of a server forbids where it takes the name itself.
func otherName(name string) string {
	_, last := utf8.DecodeLastRuneInString(name)
	if shorter := strings.TrimSpace(name[:len(name)-last]); shorter != "" {
		return shorter
	}
	return name + "*"
}
