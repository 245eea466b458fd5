package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"trustedapps.dev/operator/hack/bench/figures"
	"trustedapps.dev/operator/test/bed"
)

const (
	// busyRestart is how many applications are made during a restart, at least.
	busyRestart = 20
	// drained is for how long nothing may wait in the operator's queue where a restart is said to be over.
	drained = time.Second
	// queueLook is the time between two looks at the queue: the metrics count all applications each time, and would be most of what is measured.
	queueLook = 250 * time.Millisecond
	// What is asked for where registrations are read, see the stand-in's counters.
	readRegistrations, readInBatch = "GET Systems_Security_TrustedApplications", "POST $batch"
)

// restart measures one while nobody does anything.
func (s *stage) restart(ctx context.Context, o options, r *figures.Report) error {
	if err := s.stop(); err != nil {
		return err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	took := time.Since(began) - still
	after, err := s.usage(ctx)
	if err != nil {
		return err
	}
	cost := after.since(before)
	r.Restart = figures.RestartCost{
		Seconds: figures.Seconds(took), ServerCalls: cost.calls(), KubeWrites: cost.kubeWrites, Calls: cost.server.Requests,
		Reads: cost.server.Requests[readRegistrations] + cost.server.Requests[readInBatch],
		Pages: (o.n + figures.PageSize - 1) / figures.PageSize,
	}
	r.RSSRestarted, err = s.settledMemory(ctx)
	return err
}

// restartBusy measures how long applications take that are made from a restart on, until it has settled: that of the only process, and that of
// one while another waits to lead, as the chart runs them.
func (s *stage) restartBusy(ctx context.Context, _ options, r *figures.Report) error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
	took, err := s.untilSettled(ctx)
	if err != nil {
		return err
	}
	r.Restart.P99, r.Restart.Samples = figures.Percentile(took, 0.99), len(took)
	if err := s.stop(); err != nil {
		return err
	}
	leader, err := s.bed.Manager(ctx, s.log, elected)
	if err != nil {
		return err
	}
	stopped := make(chan error, 1)
	took, err = s.handover(ctx, leader, stopped)
	if err := errors.Join(err, <-stopped); err != nil {
		return err
	}
	r.Restart.HandoverP99, r.Restart.HandoverSamples = figures.Percentile(took, 0.99), len(took)
	if err := s.stop(); err != nil {
		return err
	}
	return s.start(ctx) // as it is measured from here on: alone
}

// elected makes a process wait until it leads.
const elected = "--leader-elect"

// handover measures how long applications take that are made from the end of a leader on, which another process waits for. What comes of the
// end is sent to stopped.
func (s *stage) handover(ctx context.Context, leader *bed.Manager, stopped chan<- error) ([]time.Duration, error) {
	s.operator = leader
	if err := s.settled(ctx); err != nil {
		stopped <- leader.Stop()
		return nil, err
	}
	err := s.launch(ctx, elected)
	if err == nil {
		err = s.operator.WaitReady(ctx)
	}
	go func() { stopped <- leader.Stop() }()
	if err != nil {
		return nil, err
	}
	return s.untilSettled(ctx)
}

// untilSettled makes applications, one a second, until the operator that starts to work now has nothing left to look at, and measures them.
func (s *stage) untilSettled(ctx context.Context) ([]time.Duration, error) {
	settled := make(chan error, 1)
	go func() { settled <- s.settled(ctx) }()
	var over bool
	var failed error
	took, err := s.stream(ctx, server, time.Second, func(made int) bool {
		select {
		case failed = <-settled:
			over = true
		default:
		}
		return failed != nil || over && made >= busyRestart
	})
	return took, errors.Join(failed, err)
}

// settled waits until a restarted operator has nothing left to look at.
func (s *stage) settled(ctx context.Context) error {
	if err := s.operator.WaitReady(ctx); err != nil {
		return err
	}
	since, looked := time.Now(), time.Now()
	return s.until(ctx, "the restart is over", func() (bool, error) {
		if time.Since(looked) < queueLook {
			return false, nil
		}
		looked = time.Now()
		waiting, err := s.queued(ctx)
		if waiting > 0 {
			since = time.Now()
		}
		return time.Since(since) > drained, err
	})
}

var queueDepth = regexp.MustCompile(`(?m)^workqueue_depth\{[^}]*name="trustedapplication"[^}]*\} ([0-9.e+]+)$`)

// queued is how many applications the operator has not begun to look at; one at least before it has a queue.
func (s *stage) queued(ctx context.Context) (n float64, err error) {
	metrics, err := get(ctx, "http://"+s.operator.Metrics+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("reading the operator's metrics: %w", err)
	}
	all := queueDepth.FindAllSubmatch(metrics, -1)
	if len(all) == 0 {
		return 1, nil
	}
	for _, found := range all {
		depth, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("reading the length of the operator's queue: %w", err)
		}
		n += depth
	}
	return n, nil
}

// get reads what is at an address.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return body, errors.Join(err, response.Body.Close())
}
