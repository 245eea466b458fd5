// Package control is the plain HTTP endpoint by which tests and people steer stand-in instances. It listens apart
// from the instances, asks for no credential and belongs on loopback.
package control

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

// errTaken says that an instance with this name runs already.
var errTaken = errors.New("an instance of this name is running")

// Fleet is all instances of the process. It is safe for concurrent use.
type Fleet struct {
	ca      *instance.CA
	address string

	mu        sync.Mutex
	instances map[string]*instance.Instance
}

// NewFleet makes an empty fleet, whose instances listen on address unless they name another one.
func NewFleet(ca *instance.CA, address string) *Fleet {
	return &Fleet{ca: ca, address: address, instances: map[string]*instance.Instance{}}
}

// Start adds an instance.
func (f *Fleet) Start(spec instance.Spec) (*instance.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.instances[spec.Name]; ok {
		return nil, fmt.Errorf("%q: %w", spec.Name, errTaken)
	}
	i, err := instance.Start(spec, f.ca, f.address)
	if err != nil {
		return nil, err
	}
	f.instances[spec.Name] = i
	return i, nil
}

// Find tells the instance of this name.
func (f *Fleet) Find(name string) (*instance.Instance, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[name]
	return i, ok
}

// List tells all instances, ordered by name.
func (f *Fleet) List() []*instance.Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*instance.Instance, 0, len(f.instances))
	for _, name := range slices.Sorted(maps.Keys(f.instances)) {
		out = append(out, f.instances[name])
	}
	return out
}

// Stop ends the instance of this name and tells whether there was one.
func (f *Fleet) Stop(name string) (bool, error) {
	f.mu.Lock()
	i, ok := f.instances[name]
	delete(f.instances, name)
	f.mu.Unlock()
	if !ok {
		return false, nil
	}
	i.Faults.Remove("")
	return true, i.Stop()
}

// StopAll ends all instances.
func (f *Fleet) StopAll() error {
	var errs []error
	for _, i := range f.List() {
		_, err := f.Stop(i.Name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
