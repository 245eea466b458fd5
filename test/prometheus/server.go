// Package prometheus runs a real Prometheus on loopback that scrapes the operator, and reads the shipped dashboard. The binary comes from
// `make bin/prometheus`.
package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second
	stopLimit  = 15 * time.Second
)

// Options say what to run.
type Options struct {
	// Binary is the path of prometheus.
	Binary string
	// Target is the address whose /metrics is scraped, every Interval.
	Target   string
	Interval time.Duration
	// Rules is the path of a rules file; empty: none.
	Rules string
}

// Server is a running Prometheus. Stop must be called.
type Server struct {
	url    string
	dir    string
	cmd    *exec.Cmd
	client *http.Client
	output lockedBuffer
	exited chan struct{}
}

// Start starts Prometheus and returns once it answers queries. ctx bounds the start alone.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{client: &http.Client{Timeout: 10 * time.Second}, exited: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "prometheus-"); err != nil {
		return nil, fmt.Errorf("making the directory of Prometheus: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	s.url = "http://" + address
	config, err := s.writeConfig(o)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(o.Binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(s.dir, "data"), //nolint:noctx // Stop ends it
		"--web.listen-address="+address, "--log.level=warn")
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir} // no proxy, which must not come between parts on loopback
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return nil, fmt.Errorf("starting Prometheus: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // its end is told by exited, its reason by its output
		close(s.exited)
	}()
	return s, s.waitReady(ctx)
}

func (s *Server) writeConfig(o Options) (path string, err error) {
	interval := o.Interval.String()
	config := map[string]any{
		"global": map[string]any{"scrape_interval": interval, "evaluation_interval": interval, "scrape_timeout": interval},
		"scrape_configs": []any{map[string]any{
			"job_name": "trustedapp-operator", "static_configs": []any{map[string]any{"targets": []string{o.Target}, "labels": map[string]string{"pod": "operator"}}},
		}},
	}
	if o.Rules != "" {
		config["rule_files"] = []string{o.Rules}
	}
	content, err := json.Marshal(config) // JSON is YAML
	if err != nil {
		return "", fmt.Errorf("writing the configuration of Prometheus: %w", err)
	}
	path = filepath.Join(s.dir, "prometheus.yml")
	return path, os.WriteFile(path, content, 0o600)
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := s.get(ctx, "/-/ready", nil); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("starting Prometheus: it ended:\n%s", s.output.String())
		case <-ctx.Done():
			return fmt.Errorf("waiting for Prometheus: %w; its output:\n%s", ctx.Err(), s.output.String())
		case <-tick.C:
		}
	}
}

// Stop ends Prometheus and removes its data.
func (s *Server) Stop() error {
	var errs []error
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-s.exited:
		case <-time.After(stopLimit):
			errs = append(errs, s.cmd.Process.Kill(), errors.New("stopping Prometheus: it ignored SIGTERM and was killed"))
			<-s.exited
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// Series is one series of an answer; times are in seconds.
type Series struct {
	Labels map[string]string
	Times  []float64
	Values []float64
}

// Query evaluates an expression now.
func (s *Server) Query(ctx context.Context, expr string) ([]Series, error) {
	return s.query(ctx, "/api/v1/query", url.Values{"query": {expr}})
}

// QueryRange evaluates an expression at each step between two times.
func (s *Server) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	return s.query(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', 3, 64)},
	})
}

func (s *Server) query(ctx context.Context, path string, parameters url.Values) ([]Series, error) {
	body, err := s.get(ctx, path, parameters)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  *sample
				Values []sample
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the answer of Prometheus: %w", err)
	}
	all := make([]Series, 0, len(answer.Data.Result))
	for _, r := range answer.Data.Result {
		series := Series{Labels: r.Metric}
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		for _, v := range r.Values {
			series.Times, series.Values = append(series.Times, v.time), append(series.Values, v.value)
		}
		all = append(all, series)
	}
	return all, nil
}

// sample is a time and a value: [1700000000.123, "4"].
type sample struct{ time, value float64 }

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(raw []byte) (err error) {
	var text string
	if err := json.Unmarshal(raw, &[]any{&s.time, &text}); err != nil {
		return err
	}
	s.value, err = strconv.ParseFloat(text, 64)
	return err
}

// Rule is an alert as Prometheus sees it.
type Rule struct {
	Name, State, Health, LastError string
}

// Rules are the alerts of the rules file.
func (s *Server) Rules(ctx context.Context) ([]Rule, error) {
	body, err := s.get(ctx, "/api/v1/rules", nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct{ Groups []struct{ Rules []Rule } }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the rules of Prometheus: %w", err)
	}
	var all []Rule
	for _, g := range answer.Data.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

func (s *Server) get(ctx context.Context, path string, parameters url.Values) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path+"?"+parameters.Encode(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking Prometheus for %s: HTTP %d: %s", path, response.StatusCode, body)
	}
	return body, nil
}

// FreeAddress is an address of loopback with a port that was free a moment ago.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// lockedBuffer keeps what Prometheus writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all of it.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
