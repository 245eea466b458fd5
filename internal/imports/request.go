package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/roster"
)

// pollInterval is the time between two looks at the answer.
const pollInterval = time.Second

// List asks the operator for the registrations of a server and waits for the answer, with the rights of who asks: to patch the IdentityServer, and
// to read ConfigMaps in the operator's namespace. It waits as long as ctx lets it.
func List(ctx context.Context, c client.Client, server string) (roster.Document, error) {
	request, err := Request(ctx, c, server)
	if err != nil {
		return roster.Document{}, err
	}
	return Await(ctx, c, server, request)
}

// Request asks for the list of a server, and returns what the answer is known by.
func Request(ctx context.Context, c client.Client, server string) (request string, err error) {
	request = time.Now().UTC().Format(time.RFC3339Nano)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.InventoryAnnotation: request}}})
	if err != nil {
		return "", fmt.Errorf("writing the request: %w", err)
	}
	ids := &v1alpha1.IdentityServer{}
	ids.Name = server
	if err := c.Patch(ctx, ids, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return "", fmt.Errorf("asking for the list of registrations: %w", err)
	}
	return request, nil
}

// Await waits for the answer to a request, and reads it.
func Await(ctx context.Context, c client.Client, server, request string) (roster.Document, error) {
	var ids v1alpha1.IdentityServer
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKey{Name: server}, &ids)
		return err == nil && ids.Status.Inventory != nil && ids.Status.Inventory.HandledRequest == request, err
	})
	switch {
	case wait.Interrupted(err):
		return roster.Document{}, fmt.Errorf("waiting for the list of registrations: the operator did not answer in time%s", unready(&ids))
	case err != nil:
		return roster.Document{}, fmt.Errorf("waiting for the list of registrations: %w", err)
	case ids.Status.Inventory.Problem != "":
		return roster.Document{}, errors.New(ids.Status.Inventory.Problem)
	}
	var pages [][]byte
	for _, name := range ids.Status.Inventory.ConfigMaps {
		var page corev1.ConfigMap
		if err := c.Get(ctx, client.ObjectKey{Namespace: ids.Status.Inventory.Namespace, Name: name}, &page); err != nil {
			return roster.Document{}, fmt.Errorf("reading the list of registrations: %w", err)
		}
		pages = append(pages, []byte(page.Data[roster.Key]))
	}
	return roster.Read(pages)
}

// unready says what the operator may be waiting for itself.
func unready(ids *v1alpha1.IdentityServer) string {
	ready := meta.FindStatusCondition(ids.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return "; is it running?"
	case ready.Status != "True":
		return ": the IdentityServer " + ids.Name + " is not ready (" + ready.Reason + "): " + ready.Message
	}
	return "; is it running?"
}
