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
)

const (
	// busyRestart is how many applications are made during a restart, at least.
	busyRestart = 20
	// drained is for how long nothing may wait in the operator's queue where a restart is said to be over.
	drained = time.Second
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

// restartBusy measures how long applications take that are made from a restart on, until it has settled.
func (s *stage) restartBusy(ctx context.Context, _ options, r *figures.Report) error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
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
	r.Restart.P99, r.Restart.Samples = figures.Percentile(took, 0.99), len(took)
	return errors.Join(failed, err)
}

// settled waits until a restarted operator has nothing left to look at.
func (s *stage) settled(ctx context.Context) error {
	if err := s.operator.WaitReady(ctx); err != nil {
		return err
	}
	since := time.Now()
	return s.until(ctx, "the restart is over", func() (bool, error) {
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
