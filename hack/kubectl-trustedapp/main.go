// Command kubectl-trustedapp is the plugin of kubectl for TrustedApplications: kubectl trustedapp status NAME.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"trustedapps.dev/operator/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
