package usage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Most is how many users of a Secret are named: what a status has room for.
const Most = 32

// User is a workload that uses a Secret.
type User struct {
	// Kind and Name of the top of it: a Deployment and not its Pods, a CronJob and not its Jobs.
	Kind, Name string
	// How it gets at the Secret, sorted.
	How []How
	// Optional: its Pods start without the Secret.
	Optional bool
	// NeedsRestart: what runs of it goes on with the former content. A CronJob reads the new one by itself, at its next run.
	NeedsRestart bool
}

// Found is who uses a Secret.
type Found struct {
	// Users are sorted by kind and name. At most Most are named, those that need a restart before others; More is the number of the rest.
	Users []User
	More  int
	// Unknown are the resources that the reader may not list, such as jobs.batch, sorted: whether they use the Secret is not known.
	Unknown []string
}

// Of finds who uses a Secret, with the rights of the reader.
func Of(ctx context.Context, reader client.Reader, namespace, secret string) (Found, error) {
	all, err := In(ctx, reader, namespace, secret)
	return all[secret], err
}

const deployments = "deployments.apps"

// listed are what is looked at, owners before what they own.
var listed = []struct {
	resource string
	list     func() client.ObjectList
}{
	{deployments, func() client.ObjectList { return &appsv1.DeploymentList{} }},
	{"statefulsets.apps", func() client.ObjectList { return &appsv1.StatefulSetList{} }},
	{"daemonsets.apps", func() client.ObjectList { return &appsv1.DaemonSetList{} }},
	{"cronjobs.batch", func() client.ObjectList { return &batchv1.CronJobList{} }},
	{"jobs.batch", func() client.ObjectList { return &batchv1.JobList{} }},
	{"pods", func() client.ObjectList { return &corev1.PodList{} }},
}

// In finds who uses each of some Secrets of a namespace, in one look at it.
func In(ctx context.Context, reader client.Reader, namespace string, secrets ...string) (map[string]Found, error) {
	c := &census{users: map[string]map[owner]*User{}, deployments: map[string]bool{}, jobs: map[string]owner{}}
	for _, secret := range secrets {
		c.users[secret] = map[owner]*User{}
	}
	var unknown []string
	for _, of := range listed {
		err := pages(ctx, reader, namespace, of.list, c.count)
		switch {
		case apierrors.IsForbidden(err):
			unknown = append(unknown, of.resource)
			if of.resource == deployments {
				c.deployments = nil
			}
		case err != nil:
			return nil, fmt.Errorf("listing %s in the namespace %s: %w", of.resource, namespace, err)
		}
	}
	slices.Sort(unknown)
	all := map[string]Found{}
	for secret, users := range c.users {
		found := Found{Unknown: unknown}
		for _, u := range users {
			found.Users = append(found.Users, *u)
		}
		found.bound()
		all[secret] = found
	}
	return all, nil
}

// bound sorts the users, and leaves out those beyond the bound.
func (f *Found) bound() {
	slices.SortFunc(f.Users, func(a, b User) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	if len(f.Users) > Most {
		f.Users, f.More = f.Users[:Most], len(f.Users)-Most
	}
	slices.SortFunc(f.Users, func(a, b User) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

func rank(u User) int {
	if u.NeedsRestart {
		return 0
	}
	return 1
}

// page is how many objects are read at once.
const page = 500

// pages lists all objects of a kind, page by page.
func pages(ctx context.Context, reader client.Reader, namespace string, empty func() client.ObjectList, each func(runtime.Object)) error {
	next := ""
	for {
		list := empty()
		options := []client.ListOption{client.InNamespace(namespace), client.Limit(page)}
		if next != "" {
			options = append(options, client.Continue(next))
		}
		if err := reader.List(ctx, list, options...); err != nil {
			return err
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			each(o)
			return nil
		})
		if next = list.GetContinue(); err != nil || next == "" {
			return err
		}
	}
}
