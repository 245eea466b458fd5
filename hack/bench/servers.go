package main

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// server is the name of the IdentityServer that most is measured at.
const server = "acme"

// limits say how much is asked of a server. The zero value is what ships, at an instance that enforces what ERP.net does: one request at a time, 600
// a minute.
type limits struct {
	// unbounded: neither the instance nor the operator counts requests by the minute.
	unbounded bool
	// alone: each call is a request of its own.
	alone bool
}

const (
	// enforcedRate is that of ERP.net, as the stand-in enforces it; unboundedRate the most that the operator can be told.
	enforcedRate, unboundedRate = 600, 100_000
)

func (l limits) spec() *v1alpha1.ERPNetLimits {
	var spec v1alpha1.ERPNetLimits
	if l.unbounded {
		spec.RequestsPerMinute = unboundedRate
	}
	if l.alone {
		spec.BatchSize = 1
	}
	if spec == (v1alpha1.ERPNetLimits{}) {
		return nil
	}
	return &spec
}

// open starts an instance and makes its IdentityServer.
func (s *stage) open(ctx context.Context, name string, l limits) error {
	spec := bed.Spec(name)
	if !l.unbounded {
		spec.RequestsPerMinute = enforcedRate
	}
	instance, err := s.bed.Servers.NewInstance(ctx, spec)
	if err != nil {
		return err
	}
	s.servers[name] = instance
	if err := s.bed.Admin.Create(ctx, bed.Credentials(name)); err != nil {
		return fmt.Errorf("making the Secret for %s: %w", name, err)
	}
	ids := s.bed.Server(instance)
	ids.Spec.ERPNet.Limits = l.spec()
	if err := s.bed.Admin.Create(ctx, ids); err != nil {
		return fmt.Errorf("making the IdentityServer %s: %w", name, err)
	}
	if kept := ids.Spec.ERPNet.Limits; (kept == nil) != (l.spec() == nil) {
		return fmt.Errorf("the API server did not keep the limits of the IdentityServer %s", name)
	}
	return nil
}

// serverReady waits until the operator has probed a server.
func (s *stage) serverReady(ctx context.Context, name string) error {
	return s.until(ctx, "the server "+name+" is Ready", func() (bool, error) {
		var ids v1alpha1.IdentityServer
		err := s.bed.Admin.Get(ctx, client.ObjectKey{Name: name}, &ids)
		return meta.IsStatusConditionTrue(ids.Status.Conditions, v1alpha1.ConditionReady), err
	})
}

// closeServers ends all instances, without the operator, and keeps in mind what they counted.
func (s *stage) closeServers(ctx context.Context) error {
	for name, instance := range s.servers {
		if err := s.account(ctx, instance); err != nil {
			return err
		}
		if err := instance.Close(ctx); err != nil {
			return err
		}
		ids := &v1alpha1.IdentityServer{}
		ids.Name = name
		if err := s.bed.Admin.Patch(ctx, ids, withoutFinalizers); err != nil {
			return fmt.Errorf("releasing the IdentityServer %s: %w", name, err)
		}
		if err := s.bed.Admin.Delete(ctx, ids); err != nil {
			return fmt.Errorf("deleting the IdentityServer %s: %w", name, err)
		}
		delete(s.servers, name)
	}
	return nil
}

// withoutFinalizers lets an object go that nobody works on.
var withoutFinalizers = client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))

// account keeps in mind whether an instance had to refuse the operator.
func (s *stage) account(ctx context.Context, instance *standin.Instance) error {
	counts, err := instance.Counts(ctx)
	s.tooManyRequests += counts.Rejected429
	s.maxInFlight = max(s.maxInFlight, counts.MaxInFlight)
	return err
}
