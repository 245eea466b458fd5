// Command token prints an access token of the service whose Secret is mounted at the directory in its argument.
package main

import (
	"context"
	"fmt"
	"os"

	credentials "trustedapps.dev/operator/docs/clients/go"
)

func main() {
	token, err := credentials.TokenSource(context.Background(), os.Args[1]).Token()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, token.AccessToken)
}
