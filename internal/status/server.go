package status

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/plan"
)

// Probe is the outcome of a probe of an IdentityServer.
type Probe struct {
	// Info is what was found out, also before an error.
	Info idserver.Info
	// Capabilities of the server; nil where no connection could be made.
	Capabilities *idserver.Capabilities
	// Reason and Message say what is wrong; empty where nothing is.
	Reason, Message string
	// Terminal: only a person can help.
	Terminal bool
}

// ProbeOf classifies the error of a probe.
func ProbeOf(info idserver.Info, caps idserver.Capabilities, err error) Probe {
	p := Probe{Info: info, Capabilities: &caps}
	if err == nil {
		return p
	}
	p.Message = err.Error()
	switch {
	case errors.Is(err, idserver.ErrUnauthorized):
		p.Reason = v1alpha1.ReasonUnauthorized
	case errors.Is(err, idserver.ErrRejected):
		p.Terminal = true
		p.Reason = v1alpha1.ReasonDiscoveryFailed
		switch idserver.ReasonOf(err) {
		case idserver.ReasonIssuerMismatch:
			p.Reason = v1alpha1.ReasonIssuerMismatch
		case idserver.ReasonUnsupportedVersion:
			p.Reason = v1alpha1.ReasonUnsupportedVersion
		}
	case idserver.ReasonOf(err) == idserver.ReasonDiscoveryFailed: // perhaps something in between answers, so it may pass
		p.Reason = v1alpha1.ReasonDiscoveryFailed
	default:
		p.Reason = v1alpha1.ReasonServerUnavailable
	}
	return p
}

// Server returns the status of an IdentityServer after a probe.
func Server(ids *v1alpha1.IdentityServer, p Probe, now metav1.Time) v1alpha1.IdentityServerStatus {
	s := *ids.Status.DeepCopy()
	s.ObservedGeneration = ids.Generation
	discovered := p.Info.Endpoints.Issuer != ""
	if discovered {
		e := p.Info.Endpoints
		s.Type, s.Version = p.Info.Type, p.Info.Version
		s.Endpoints = &v1alpha1.Endpoints{Issuer: e.Issuer, Token: e.Token, Authorization: e.Authorization, API: e.API}
		s.Warnings = p.Info.Warnings
	}
	s.Warnings = told(slices.Concat(withoutOwn(s.Warnings), annotationWarnings(ids), accessWarnings(ids)))
	if discovered && p.Capabilities != nil && p.Reason == "" {
		s.Capabilities = capabilities(*p.Capabilities, p.Info)
	}

	c := conditions{list: &s.Conditions, generation: ids.Generation, now: now}
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionPaused)
	bad := verdict{metav1.ConditionFalse, p.Reason, p.Message}
	if discovered {
		c.set(v1alpha1.ConditionDiscovered, verdict{metav1.ConditionTrue, v1alpha1.ReasonDiscovered, "the endpoints of the server are known"})
	} else {
		c.set(v1alpha1.ConditionDiscovered, bad)
	}
	if p.Reason == "" {
		c.set(v1alpha1.ConditionAuthorized, verdict{metav1.ConditionTrue, v1alpha1.ReasonAuthorized,
			"the operator's own login works and may manage registrations"})
	} else {
		c.set(v1alpha1.ConditionAuthorized, bad)
	}
	switch {
	case p.Reason == "":
		c.kstatus(plan.Done{}, verdict{metav1.ConditionTrue, v1alpha1.ReasonReady, ready(ids)})
	case p.Terminal:
		c.kstatus(plan.Fail{}, bad)
	default:
		c.kstatus(plan.Wait{}, bad)
	}
	return s
}

// ready tells what a server that is well is good for.
func ready(ids *v1alpha1.IdentityServer) string {
	switch {
	case ids.DeletionTimestamp.IsZero() && len(ids.Spec.Access) == 0:
		return "the server is in order, but spec.access grants nothing to anybody: no application can be registered"
	case ids.DeletionTimestamp.IsZero():
		return "applications can be registered"
	}
	return "the IdentityServer is being deleted; it serves until no TrustedApplication names it any more, then it goes"
}

func capabilities(c idserver.Capabilities, info idserver.Info) *v1alpha1.Capabilities {
	out := &v1alpha1.Capabilities{
		SecretOrigin: v1alpha1.SecretClientChosen, SecretSlots: int32(min(max(c.SecretSlots, 1), 16)), Features: sorted(info.Features),
		Methods: []v1alpha1.CredentialMethod{v1alpha1.MethodClientSecret}, Search: &c.Lookup,
		Strategies: []v1alpha1.RotationStrategy{v1alpha1.RotationAnnounce, v1alpha1.RotationInPlace, v1alpha1.RotationAlternate},
	}
	if info.KeyAlgorithm != "" {
		out.Methods = append(out.Methods, v1alpha1.MethodPrivateKeyJWT)
	}
	if info.KeyAlgorithm != "" || c.SecretSlots > 1 {
		out.Strategies = append(out.Strategies, v1alpha1.RotationOverlap)
	}
	if c.SecretOrigin == idserver.ServerIssued {
		out.SecretOrigin, out.Strategies = v1alpha1.SecretServerIssued, []v1alpha1.RotationStrategy{v1alpha1.RotationReplace}
	}
	return out
}

// sorted returns the set in order, nil where it is empty.
func sorted(set []string) []string {
	if len(set) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(set)))
}
