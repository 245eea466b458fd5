package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// began is a run of the command.
type began struct {
	ready ready
	done  <-chan error
	stop  context.CancelFunc
}

func (b began) end() error {
	b.stop()
	return <-b.done
}

func begin(t *testing.T, stdin io.Reader, args ...string) began {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"serve"}, args...), stdin, in, io.Discard)
		done <- errors.Join(err, in.Close())
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the command ended early: %v", <-done)
	}
	t.Cleanup(cancel)
	b := began{done: done, stop: cancel}
	if err := json.Unmarshal([]byte(line), &b.ready); err != nil {
		t.Fatal(err)
	}
	return b
}

// version asks an instance for its version, trusting only the CA of the ready line.
func version(t *testing.T, r ready) string {
	t.Helper()
	raw, err := os.ReadFile(r.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	body, err := fetch(t, &http.Client{Transport: transport}, r.Instances[0].URL+"/tools/ver")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func fetch(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), errors.Join(err, resp.Body.Close())
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	config, readyFile := filepath.Join(dir, "instances.json"), filepath.Join(dir, "ready.json")
	if err := os.WriteFile(config, []byte(`[{"name":"acme","version":"26.3.100.4"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	caDir := filepath.Join(dir, "ca")
	var caFiles []string
	for range 2 {
		b := begin(t, nil, "--config", config, "--ready-file", readyFile, "--ca-dir", caDir)
		if got := version(t, b.ready); got != "26.3.100.4" {
			t.Errorf("version %q", got)
		}
		raw, err := os.ReadFile(readyFile)
		if err != nil || !strings.Contains(string(raw), b.ready.Control) {
			t.Errorf("ready file %q, error %v", raw, err)
		}
		ca, err := fetch(t, http.DefaultClient, b.ready.Control+"/ca.pem")
		if err != nil {
			t.Fatal(err)
		}
		caFiles = append(caFiles, ca)
		if err := b.end(); err != nil {
			t.Errorf("ending: %v", err)
		}
		if _, err := fetch(t, http.DefaultClient, b.ready.Control+"/ca.pem"); err == nil {
			t.Error("the control endpoint outlived the command")
		}
	}
	if caFiles[0] != caFiles[1] || caFiles[0] == "" {
		t.Error("the CA should be kept between runs")
	}
}

func TestServeEndsWithStandardInput(t *testing.T) {
	stdin, parent := io.Pipe()
	b := begin(t, stdin, "--exit-with-stdin")
	if _, err := os.Stat(b.ready.CAFile); err != nil {
		t.Fatal(err)
	}
	if err := parent.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-b.done; err != nil {
		t.Errorf("ending: %v", err)
	}
	if _, err := os.Stat(b.ready.CAFile); !os.IsNotExist(err) {
		t.Errorf("the temporary CA should be gone: %v", err)
	}
}

func TestWrongUse(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`[{"name":"acme","quirk":{}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(stale, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"serve", "--ready-file", stale, "--control-address", "nonsense"}, nil, io.Discard, io.Discard); err == nil {
		t.Error("a nonsensical address should be refused")
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the ready file of an earlier run should be gone: %v", err)
	}
	for _, args := range [][]string{
		nil, {"start"}, {"serve", "--unknown"}, {"serve", "extra"}, {"serve", "--config", broken},
		{"serve", "--config", "missing.json"}, {"serve", "--address", "nonsense", "--config", broken},
	} {
		if err := run(t.Context(), args, nil, io.Discard, io.Discard); err == nil {
			t.Errorf("%v should be refused", args)
		}
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"--help"}, nil, io.Discard, &help); err != nil || !strings.Contains(help.String(), "-control-address") {
		t.Errorf("help: %v: %s", err, help.String())
	}
}
