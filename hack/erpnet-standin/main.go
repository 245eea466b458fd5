// Command erpnet-standin serves stand-in ERP.net instances for tests, demos and dev clusters.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `erpnet-standin serves stand-in ERP.net instances: identity server, Domain API and the small tools of one or
more instances, over TLS with a certificate authority of its own. It is made for tests, demos and dev clusters; it
keeps everything in memory and must not guard anything real.

Usage:
  erpnet-standin serve [flags]

On start it prints one line of JSON to standard output:
  {"control":"http://127.0.0.1:P","caFile":"DIR/ca.pem","instances":[{"name":..,"url":..,"domainApi":..,"identity":..}]}
Clients trust caFile. Instances are added, inspected and broken on purpose through the control address; README.md
describes its paths. It stops on SIGTERM or SIGINT.

Flags of serve:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "erpnet-standin:", err)
		os.Exit(1)
	}
}

// run is the whole command; it ends when ctx does, or with an error.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("erpnet-standin", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	o.register(flags)
	if len(args) == 0 || args[0] != "serve" {
		flags.Usage()
		if len(args) > 0 && (args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
			return nil
		}
		return errors.New(`the only command is "serve"`)
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.exitWithStdin {
		ended, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cancel()
		}()
		ctx = ended
	}
	return o.serve(ctx, stdout)
}
