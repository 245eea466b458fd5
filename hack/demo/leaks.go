package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/test/controlplane"
)

// tokenPattern is what a signed token begins with.
var tokenPattern = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.eyJ`)

// searchForSecrets looks for every secret of the demo, and for tokens, in everything that the operator wrote: its log, and all
// that the cluster stores - events, status, ConfigMaps - but Secrets. In Secrets, those of the given owners must be found, else the
// search itself is broken.
func (t *tour) searchForSecrets(ctx context.Context, owners []string) error {
	places, err := t.world.plane.EtcdDump(ctx)
	if err != nil {
		return err
	}
	var inSecrets []byte
	for key, value := range places {
		if strings.HasPrefix(key, controlplane.SecretsPrefix) {
			inSecrets = append(inSecrets, value...)
			delete(places, key)
		}
	}
	secrets := t.secrets()
	for _, owner := range owners {
		if !contains(inSecrets, secrets[owner]) {
			return fmt.Errorf("the secret of %s is not in any Secret: the search does not work", owner)
		}
	}
	stored := len(places)
	if places[operatorLog], err = os.ReadFile(operatorLog); err != nil {
		return fmt.Errorf("reading the operator's log: %w", err)
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		for owner, secret := range secrets {
			if contains(places[place], secret) {
				return fmt.Errorf("the secret of %s is in %s", owner, place)
			}
		}
		if tokenPattern.Match(places[place]) {
			return fmt.Errorf("a token is in %s", place)
		}
	}
	t.holds("%d secrets, no trace of them in the operator's log and in %d stored objects beside Secrets", len(secrets), stored)
	return nil
}

// Owners of secrets beside the applications. The cluster must not have anna's password anywhere.
const (
	operatorsName = "the operator"
	annasName     = "the user anna"
)

// secrets are all that this demo knows, by owner.
func (t *tour) secrets() map[string]idserver.Secret {
	all := maps.Clone(t.world.published)
	all[operatorsName] = t.world.operatorSecret
	all[annasName] = t.world.annasPassword
	return all
}

// contains looks for a secret as it is, and as base64.
func contains(text []byte, secret idserver.Secret) bool {
	plain := []byte(secret.Reveal())
	return bytes.Contains(text, plain) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString(plain)))
}
