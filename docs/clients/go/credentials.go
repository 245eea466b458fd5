// Package credentials gets tokens for a service whose Secret is mounted as a directory: it reads the files whenever a token is needed, so that
// a rotation needs no restart, and tries client_secret_next where client_secret is refused, so that none is missed.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TokenSource follows the Secret that is mounted at dir. A token is kept until it expires. ctx carries the HTTP client, see oauth2.HTTPClient.
func TokenSource(ctx context.Context, dir string) oauth2.TokenSource {
	return oauth2.ReuseTokenSource(nil, &mounted{ctx: ctx, dir: dir})
}

// mounted gets a new token for each call.
type mounted struct {
	ctx context.Context //nolint:containedctx // oauth2.TokenSource takes none
	dir string
}

// Token implements oauth2.TokenSource.
func (m *mounted) Token() (*oauth2.Token, error) {
	files, err := read(m.dir)
	if err != nil {
		return nil, err
	}
	secrets := []string{files["client_secret"]}
	if next := files["client_secret_next"]; next != "" { // announced: the server may know it already
		secrets = append(secrets, next)
	}
	for _, secret := range secrets {
		config := clientcredentials.Config{
			ClientID: files["client_id"], ClientSecret: secret, TokenURL: files["token_endpoint"], AuthStyle: oauth2.AuthStyleInParams,
		}
		token, refused := config.Token(m.ctx)
		if refused == nil {
			return token, nil
		}
		err = refused
		if answer, ok := errors.AsType[*oauth2.RetrieveError](refused); !ok || answer.ErrorCode != "invalid_client" {
			break // another secret would not help
		}
	}
	return nil, fmt.Errorf("getting a token: %w", err)
}

// read reads all files of one refresh: the kubelet changes over to the next one by moving the link ..data, so a directory that was found
// through it holds values that belong together.
func read(dir string) (map[string]string, error) {
	if data, err := filepath.EvalSymlinks(filepath.Join(dir, "..data")); err == nil {
		dir = data
	}
	files := map[string]string{}
	for _, name := range []string{"client_id", "client_secret", "client_secret_next", "token_endpoint"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		absent := errors.Is(err, os.ErrNotExist) && name == "client_secret_next"
		if err != nil && !absent {
			return nil, fmt.Errorf("reading the credential: %w", err)
		}
		files[name] = strings.TrimSpace(string(content))
	}
	return files, nil
}
