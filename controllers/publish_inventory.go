package controllers

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/roster"
)

const (
	// inventoryLife is how long a published inventory stays: it is for who asked for it, now.
	inventoryLife = time.Hour
	// inventoryPage is the size of one page; a ConfigMap holds 1 MiB.
	inventoryPage = 900_000
	// maxProblem is the longest problem of a status.
	maxProblem = 1024
)

// publishInventory lists all registrations of a server that was just found well, where an administrator asks for that, and publishes them in the
// operator's own namespace. Whoever may write an IdentityServer may ask. What cannot be done is told, and done again only when asked again.
func (r *IdentityServerReconciler) publishInventory(
	ctx context.Context, ids *v1alpha1.IdentityServer, server idserver.Server, next *v1alpha1.IdentityServerStatus,
) error {
	asked := desired.Request(ids.Annotations[v1alpha1.InventoryAnnotation])
	if asked == "" || next.Inventory != nil && next.Inventory.HandledRequest == asked {
		return nil
	}
	answer := &v1alpha1.PublishedInventory{HandledRequest: asked}
	problem := func(text string) error {
		answer.Problem = text
		if len(text) > maxProblem {
			answer.Problem = text[:maxProblem]
		}
		next.Inventory = answer
		return nil
	}
	surveyor, ok := server.(idserver.Surveyor)
	if !ok {
		return problem("this server shows nobody the registrations of others, so there is no list of them")
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	now := time.Now().UTC().Truncate(time.Second)
	entries, err := r.survey(ctx, ids.Name, surveyor)
	if err != nil {
		return problem("the registrations could not be listed: " + err.Error() + "; ask again, by import or by another value of the annotation")
	}
	total := len(entries)
	head := roster.Document{Server: serverOf(ids.Name, server.Capabilities()), Time: now, Expires: now.Add(inventoryLife)}
	pages, omitted, err := roster.Paged(head, entries, inventoryPage, v1alpha1.MaxInventoryPages)
	if err != nil {
		return problem(err.Error())
	}
	answer.ConfigMaps, err = r.publishPages(ctx, ids, pages, head.Expires)
	switch {
	case apierrors.IsAlreadyExists(err), apierrors.IsForbidden(err), apierrors.IsInvalid(err): // a person has to mend that
		return problem("the list could not be published: " + err.Error() + "; mend that, then ask again, by import or by another value of the annotation")
	case err != nil:
		return err
	}
	answer.Namespace, answer.Registrations, answer.Omitted = r.Namespace, counted(total-omitted), counted(omitted)
	answer.Time, answer.Expires = new(metav1.NewTime(head.Time)), new(metav1.NewTime(head.Expires))
	next.Inventory = answer
	log.FromContext(ctx).Info("published the list of registrations", "registrations", total, "configMaps", len(pages))
	return nil
}

func counted(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// survey lists all registrations of a server.
func (r *IdentityServerReconciler) survey(ctx context.Context, name string, server idserver.Surveyor) ([]roster.Entry, error) {
	var apps v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &apps, client.MatchingFields{serverIndex: name}); err != nil {
		return nil, err
	}
	known := map[types.UID]bool{}
	for i := range apps.Items {
		known[apps.Items[i].UID] = true
	}
	var entries []roster.Entry
	for shown, err := range server.Survey(ctx) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, roster.Of(shown, r.Cluster, func(m idserver.Mark) bool { return known[types.UID(m.UID)] }))
	}
	return entries, nil
}

// serverOf is what readers of the list have to know of the server.
func serverOf(name string, c idserver.Capabilities) roster.Server {
	return roster.Server{Name: name, SystemUsers: c.SystemUsers, UserGroups: c.UserGroups, ReferenceTokens: c.ReferenceTokens}
}

// publishPages writes the ConfigMaps of a list in the place of those of a former one. They go with the IdentityServer, too.
func (r *IdentityServerReconciler) publishPages(
	ctx context.Context, ids *v1alpha1.IdentityServer, pages [][]byte, expires time.Time,
) (names []string, err error) {
	former, err := r.inventories(ctx, ids.Name)
	if err != nil {
		return nil, err
	}
	for i := range former {
		if err := r.deleteInventory(ctx, &former[i]); err != nil {
			return nil, err
		}
	}
	for i, page := range pages {
		configMap := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: r.Namespace, Name: "inventory-" + ids.Name + "-" + strconv.Itoa(i+1),
				Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.InventoryLabel: ids.Name},
				Annotations: map[string]string{v1alpha1.ExpiresAnnotation: expires.Format(time.RFC3339)},
				OwnerReferences: []metav1.OwnerReference{{
					APIVersion: v1alpha1.GroupVersion.String(), Kind: "IdentityServer", Name: ids.Name, UID: ids.UID,
				}},
			},
			Data: map[string]string{roster.Key: string(page)},
		}
		if err := r.Writer.Create(ctx, configMap); err != nil {
			return nil, err
		}
		names = append(names, configMap.Name)
	}
	return names, nil
}

// inventories are the ConfigMaps with a list of a server, without what is in them.
func (r *IdentityServerReconciler) inventories(ctx context.Context, server string) ([]metav1.PartialObjectMetadata, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	err := r.Live.List(ctx, &list, client.InNamespace(r.Namespace),
		client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.InventoryLabel: server})
	if err != nil {
		return nil, fmt.Errorf("looking for published lists of registrations: %w", err)
	}
	return list.Items, nil
}

func (r *IdentityServerReconciler) deleteInventory(ctx context.Context, configMap *metav1.PartialObjectMetadata) error {
	configMap.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	err := r.Writer.Delete(ctx, configMap, client.Preconditions{UID: &configMap.UID})
	return client.IgnoreNotFound(err)
}

// expireInventory deletes the ConfigMaps of a server whose time is over, and returns the time until there is another one to delete; 0: there is
// none. It holds up nothing: what it cannot do now it tries the next time.
func (r *IdentityServerReconciler) expireInventory(ctx context.Context, ids *v1alpha1.IdentityServer) (due time.Duration) {
	published, err := r.inventories(ctx, ids.Name)
	for i := range published {
		expires, unreadable := time.Parse(time.RFC3339, published[i].Annotations[v1alpha1.ExpiresAnnotation])
		if left := time.Until(expires); unreadable == nil && left > 0 {
			due = sooner(due, left)
			continue
		}
		if failed := r.deleteInventory(ctx, &published[i]); failed != nil {
			err = failed
		}
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "a published list of registrations could not be looked for or deleted; the next probe tries again")
	}
	return due
}

// untilExpiry is the time until a published inventory has to be deleted; 0 where there is none.
func untilExpiry(i *v1alpha1.PublishedInventory) time.Duration {
	if i == nil || i.Expires == nil {
		return 0
	}
	return max(time.Until(i.Expires.Time), time.Millisecond)
}

// sooner is the shortest of the times that are not 0.
func sooner(times ...time.Duration) (least time.Duration) {
	for _, t := range times {
		if t > 0 && (least == 0 || t < least) {
			least = t
		}
	}
	return least
}
