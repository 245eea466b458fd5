package plan

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

func TestFailure(t *testing.T) {
	fail := func(class error, reason string) error {
		return &idserver.Error{Class: class, Op: "creating the registration", Reason: reason, RetryAfter: 7 * time.Second}
	}
	for name, c := range map[string]struct {
		err  error
		want Step
	}{
		"taken":                {fail(idserver.ErrRejected, idserver.ReasonTaken), Wait{Reason: "Progressing"}},
		"changed meanwhile":    {fail(idserver.ErrRejected, idserver.ReasonConflict), Wait{Reason: "Progressing"}},
		"invalid":              {fail(idserver.ErrRejected, idserver.ReasonInvalid), Fail{Reason: "Invalid"}},
		"an administrator":     {fail(idserver.ErrRejected, idserver.ReasonAdministrator), Fail{Reason: "AccessDenied"}},
		"referenced":           {fail(idserver.ErrRejected, idserver.ReasonReferenced), Fail{Reason: "Invalid"}},
		"rejected, no reason":  {fail(idserver.ErrRejected, ""), Fail{Reason: "Invalid"}},
		"control lost":         {fail(idserver.ErrControlLost, ""), Wait{Reason: "ControlLost"}},
		"unauthorized":         {fail(idserver.ErrUnauthorized, ""), Wait{Reason: "Unauthorized", After: 7 * time.Second}},
		"outcome unknown":      {fail(idserver.ErrOutcomeUnknown, ""), Wait{Reason: "OutcomeUnknown", After: 7 * time.Second}},
		"unavailable":          {fail(idserver.ErrUnavailable, ""), Wait{Reason: "ServerUnavailable", After: 7 * time.Second}},
		"wrapped":              {fmt.Errorf("looking: %w", fail(idserver.ErrUnavailable, "")), Wait{Reason: "ServerUnavailable", After: 7 * time.Second}},
		"not found, by itself": {idserver.ErrNotFound, Wait{Reason: "ServerUnavailable"}},
		"of no class":          {context.DeadlineExceeded, Wait{Reason: "ServerUnavailable"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Failure(c.err)
			message := ""
			switch g := got.(type) {
			case Wait:
				message, g.Message = g.Message, ""
				got = g
			case Fail:
				message, g.Message = g.Message, ""
				got = g
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%#v, want %#v", got, c.want)
			}
			if !strings.Contains(message, c.err.Error()) {
				t.Errorf("the message %q does not tell the error", message)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	w, ok := Refused(idserver.Verdict{Code: "invalid_client", Hint: "the client is disabled"}).(Wait)
	if !ok || w.Reason != "VerificationFailed" || !strings.Contains(w.Message, "invalid_client: the client is disabled") {
		t.Errorf("%#v", w)
	}
}

func TestIsEnd(t *testing.T) {
	for step, want := range map[Step]bool{Done{}: true, Wait{}: true, Fail{}: true, Publish{}: false, Stage{}: false} {
		if IsEnd(step) != want {
			t.Errorf("%#v", step)
		}
	}
}
