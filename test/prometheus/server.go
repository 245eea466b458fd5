// Package prometheus runs a real Prometheus on loopback that scrapes the operator, and reads the shipped dashboard. The binary comes from
// `make bin/prometheus`.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"trustedapps.dev/operator/test/process"
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
	output process.Buffer
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
	if err := s.waitReady(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) writeConfig(o Options) (path string, err error) {
	interval := o.Interval.String()
	target := map[string]any{"targets": []string{o.Target}, "labels": map[string]string{"pod": "operator"}}
	config := map[string]any{
		"global":         map[string]any{"scrape_interval": interval, "evaluation_interval": interval, "scrape_timeout": interval},
		"scrape_configs": []any{map[string]any{"job_name": "trustedapp-operator", "static_configs": []any{target}}},
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

// FreeAddress is an address of loopback with a port that was free a moment ago.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
