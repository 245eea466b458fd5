package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/control"
	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

// options are the flags of serve.
type options struct {
	config, readyFile, caDir string
	address, controlAddress  string
	exitWithStdin            bool
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.config, "config", "", "`FILE` with a JSON list of instances to start, each as in POST /instances")
	flags.StringVar(&o.readyFile, "ready-file", "", "`FILE` to write the line of JSON to once everything is being served")
	flags.StringVar(&o.caDir, "ca-dir", "", "`DIR` to keep the certificate authority in between runs (default: a temporary one)")
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "`ADDRESS` that instances listen on; port 0 draws a free port for each")
	flags.StringVar(&o.controlAddress, "control-address", "127.0.0.1:0",
		"`ADDRESS` of the control endpoint; it asks for no credential, keep it on loopback")
	flags.BoolVar(&o.exitWithStdin, "exit-with-stdin", false, "stop when standard input ends, so that a killed parent leaves nothing running")
}

// ready is the line that tells a parent where everything is.
type ready struct {
	Control   string            `json:"control"`
	CAFile    string            `json:"caFile"`
	Instances []control.Summary `json:"instances"`
}

// serve starts everything, says so, and stops when ctx ends.
func (o *options) serve(ctx context.Context, stdout io.Writer) (err error) {
	specs, err := o.specs()
	if err != nil {
		return err
	}
	if err := o.forgetReadyFile(); err != nil {
		return err
	}
	if o.caDir == "" {
		if o.caDir, err = os.MkdirTemp("", "erpnet-standin-"); err != nil {
			return fmt.Errorf("making a place for the CA: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.caDir)) }()
	}
	ca, err := instance.LoadCA(o.caDir)
	if err != nil {
		return err
	}
	fleet := control.NewFleet(ca, o.address)
	defer func() { err = errors.Join(err, fleet.StopAll()) }()
	for _, spec := range specs {
		if _, err := fleet.Start(spec); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", o.controlAddress)
	if err != nil {
		return fmt.Errorf("listening for control: %w", err)
	}
	server := &http.Server{Handler: control.Handler(fleet, ca.PEM), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := o.announce(fleet, "http://"+listener.Addr().String(), stdout); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("serving control: %w", err)
	}
}

func (o *options) specs() ([]instance.Spec, error) {
	if o.config == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(o.config)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var specs []instance.Spec
	if err := decoder.Decode(&specs); err != nil {
		return nil, fmt.Errorf("reading %s: %w", o.config, err)
	}
	return specs, nil
}

// forgetReadyFile removes what an earlier run left, so that a parent does not read it.
func (o *options) forgetReadyFile() error {
	if o.readyFile == "" {
		return nil
	}
	if err := os.Remove(o.readyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the old ready file: %w", err)
	}
	return nil
}

// announce writes the line to the ready file, in one piece, and then prints it.
func (o *options) announce(fleet *control.Fleet, url string, stdout io.Writer) error {
	caFile, err := filepath.Abs(filepath.Join(o.caDir, "ca.pem"))
	if err != nil {
		return fmt.Errorf("naming the CA's file: %w", err)
	}
	line := ready{Control: url, CAFile: caFile, Instances: []control.Summary{}}
	for _, i := range fleet.List() {
		line.Instances = append(line.Instances, control.SummaryOf(i))
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encoding the ready line: %w", err)
	}
	raw = append(raw, '\n')
	if err := o.writeReadyFile(raw); err != nil {
		return err
	}
	if _, err := stdout.Write(raw); err != nil {
		return fmt.Errorf("printing the ready line: %w", err)
	}
	return nil
}

func (o *options) writeReadyFile(raw []byte) error {
	if o.readyFile == "" {
		return nil
	}
	temporary := o.readyFile + ".tmp"
	if err := os.WriteFile(temporary, raw, 0o600); err != nil {
		return fmt.Errorf("writing the ready file: %w", err)
	}
	if err := os.Rename(temporary, o.readyFile); err != nil {
		return fmt.Errorf("writing the ready file: %w", err)
	}
	return nil
}
