package rotation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The kubelet looks at a mounted Secret about once a minute and a half at the latest.
const latestRefresh = 90 * time.Second

// mount is a Secret volume as the kubelet keeps it: each refresh is a directory of its own, and the link ..data changes from one to the next
// at once.
type mount struct {
	dir    string
	reader client.Reader
	key    client.ObjectKey
	// latest is the longest time from one look at the Secret to the next.
	latest  time.Duration
	random  *rand.Rand
	written int
	version string
}

func newMount(dir string, reader client.Reader, key client.ObjectKey, latest time.Duration, seed uint64) *mount {
	return &mount{dir: dir, reader: reader, key: key, latest: latest, random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a seed makes it repeatable
}

// keep refreshes the files until ctx ends.
func (m *mount) keep(ctx context.Context) error {
	for {
		timer := time.NewTimer(m.latest/3 + time.Duration(m.random.Float64()*float64(m.latest)*2/3))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if err := m.refresh(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// refresh brings the files to what the Secret holds.
func (m *mount) refresh(ctx context.Context) error {
	var secret corev1.Secret
	if err := m.reader.Get(ctx, m.key, &secret); err != nil {
		return fmt.Errorf("reading the Secret to mount: %w", err)
	}
	if secret.ResourceVersion == m.version {
		return nil
	}
	m.written++
	name := "..refresh-" + strconv.Itoa(m.written)
	if err := os.Mkdir(filepath.Join(m.dir, name), 0o700); err != nil {
		return fmt.Errorf("making a refresh: %w", err)
	}
	for key, value := range secret.Data {
		if err := os.WriteFile(filepath.Join(m.dir, name, key), value, 0o600); err != nil {
			return fmt.Errorf("writing a refresh: %w", err)
		}
	}
	link := filepath.Join(m.dir, "..data_tmp")
	if err := errors.Join(os.Symlink(name, link), os.Rename(link, filepath.Join(m.dir, "..data"))); err != nil {
		return fmt.Errorf("changing over to a refresh: %w", err)
	}
	m.version = secret.ResourceVersion
	return nil
}

// files are the values of one refresh, all of the same.
func (m *mount) files() (map[string]string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(m.dir, "..data"))
	if err != nil {
		return nil, fmt.Errorf("finding the files: %w", err)
	}
	values := map[string]string{}
	for _, key := range []string{"client_id", "client_secret", "client_secret_next", "token_endpoint"} {
		value, err := os.ReadFile(filepath.Join(dir, key))
		switch {
		case errors.Is(err, os.ErrNotExist) && key == "client_secret_next":
		case err != nil:
			return nil, fmt.Errorf("reading the files: %w", err)
		default:
			values[key] = string(value)
		}
	}
	return values, nil
}
