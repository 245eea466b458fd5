package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"k8s.io/client-go/rest"

	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	// patience is the longest that anything may take.
	patience = 30 * time.Minute
	// pause is between two looks at whether something has come to its end.
	pause = 20 * time.Millisecond
)

// stage is what all is measured on.
type stage struct {
	bed    *bed.Bed
	config *rest.Config // an administrator's, without a throttle
	// workers is how many applications the operator works on at the same time by default, and so the floor.
	workers  int
	operator *bed.Manager
	log      *os.File // of the operator
	// profiles is the address that serves them; "": they are not asked for.
	profiles string
	audit    *audit.Log
	writes   int // of the operator, as far as the audit log was read
	// servers are the instances that run, by the name of their IdentityServer; tooManyRequests and maxInFlight are of those that were closed.
	servers                      map[string]*standin.Instance
	tooManyRequests, maxInFlight int
	spaces                       int    // namespaces that were made
	last                         string // the one of the last convergence
	dir                          string
}

// newStage starts it. It has to be closed, also after an error.
func newStage(ctx context.Context, o options) (*stage, error) {
	s := &stage{servers: map[string]*standin.Instance{}}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return s, fmt.Errorf("making a directory: %w", err)
	}
	s.dir = dir
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return s, fmt.Errorf("making the directory of the figures: %w", err)
	}
	if s.log, err = os.Create(filepath.Join(filepath.Dir(o.out), "bench-operator.log")); err != nil {
		return s, fmt.Errorf("making the operator's log: %w", err)
	}
	log := filepath.Join(dir, "audit.log")
	s.audit = audit.Follow(log, bed.OperatorUser)
	progress("starting the control plane and the stand-in")
	if s.bed, err = bed.Start(ctx, controlplane.Options{AuditLog: log, Durable: true}, io.Discard); err != nil {
		return s, err
	}
	if s.workers, err = defaultWorkers(ctx); err != nil {
		return s, err
	}
	if o.profiles != "" {
		if s.profiles, err = prometheus.FreeAddress(); err != nil {
			return s, err
		}
	}
	unthrottled := *s.bed.Plane.RESTConfig
	unthrottled.QPS = -1
	s.config = &unthrottled
	return s, s.bed.OpenCluster(ctx)
}

func (s *stage) close() error {
	err := s.stop()
	if s.bed != nil {
		err = errors.Join(err, s.bed.Stop())
	}
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

var workersFlag = regexp.MustCompile(`-max-concurrent-reconciles int\n.*\(default ([0-9]+)\)`)

// defaultWorkers asks the operator as it ships how many applications it works on at the same time.
func defaultWorkers(ctx context.Context) (int, error) {
	help, err := exec.CommandContext(ctx, bed.Path("bin/manager"), "--help").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("asking the operator for its flags: %w: %s", err, help)
	}
	found := workersFlag.FindSubmatch(help)
	if found == nil {
		return 0, errors.New("the operator does not tell how many applications it works on at the same time")
	}
	return strconv.Atoi(string(found[1]))
}

// launch starts the operator as it ships, with more flags.
func (s *stage) launch(ctx context.Context, flags ...string) (err error) {
	if s.profiles != "" {
		flags = append(flags, "--pprof-bind-address="+s.profiles)
	}
	s.operator, err = s.bed.Manager(ctx, s.log, flags...)
	return err
}

// start launches the operator and waits until it serves.
func (s *stage) start(ctx context.Context) error {
	if err := s.launch(ctx); err != nil {
		return err
	}
	return s.operator.WaitReady(ctx)
}

func (s *stage) stop() error {
	if s.operator == nil {
		return nil
	}
	err := s.operator.Stop()
	s.operator = nil
	return err
}

// until waits for a condition.
func (s *stage) until(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		ok, err := holds()
		if err != nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
		if ok {
			return nil
		}
		if s.operator != nil && s.operator.Ended() {
			return fmt.Errorf("waiting until %s: the operator ended; its log is %s", what, s.log.Name())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// during waits for a length of time, which is what is measured then.
func during(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
