package usage

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The kinds that own others.
const (
	deployment = "Deployment"
	replicaSet = "ReplicaSet"
	cronJob    = "CronJob"
	job        = "Job"
	pod        = "Pod"
)

// owner is the top of a workload.
type owner struct{ kind, name string }

// census counts the users of some Secrets of a namespace.
type census struct {
	// users by Secret.
	users map[string]map[owner]*User
	// deployments are the names of those that exist, nil where nobody knows; jobs the owners of Jobs by name.
	deployments map[string]bool
	jobs        map[string]owner
}

// count counts one object. What is going away, or has ended, uses nothing for long.
func (c *census) count(object runtime.Object) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		c.deployments[o.Name] = true
		c.add(&o.ObjectMeta, owner{deployment, o.Name}, &o.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		c.add(&o.ObjectMeta, owner{"StatefulSet", o.Name}, &o.Spec.Template.Spec)
	case *appsv1.DaemonSet:
		c.add(&o.ObjectMeta, owner{"DaemonSet", o.Name}, &o.Spec.Template.Spec)
	case *batchv1.CronJob:
		c.add(&o.ObjectMeta, owner{cronJob, o.Name}, &o.Spec.JobTemplate.Spec.Template.Spec)
	case *batchv1.Job:
		c.jobs[o.Name] = ownerOfJob(o)
		if !ended(o) {
			c.add(&o.ObjectMeta, c.jobs[o.Name], &o.Spec.Template.Spec)
		}
	case *corev1.Pod:
		if o.Status.Phase != corev1.PodSucceeded && o.Status.Phase != corev1.PodFailed {
			c.add(&o.ObjectMeta, c.ownerOfPod(o), &o.Spec)
		}
	}
}

func (c *census) add(object *metav1.ObjectMeta, top owner, spec *corev1.PodSpec) {
	if object.DeletionTimestamp != nil {
		return
	}
	all := referencesOf(spec)
	for secret := range all {
		users, wanted := c.users[secret]
		if !wanted {
			continue
		}
		user, known := users[top]
		if !known {
			user = &User{Kind: top.kind, Name: top.name, Optional: true}
			users[top] = user
		}
		for _, reference := range all.to(secret) {
			user.How = append(user.How, reference.How)
			user.Optional = user.Optional && reference.Optional
		}
		slices.Sort(user.How)
		user.How = slices.Compact(user.How)
		user.NeedsRestart = top.kind != cronJob && slices.ContainsFunc(user.How, How.AtStart)
	}
}

func ended(j *batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
}

func ownerOfJob(j *batchv1.Job) owner {
	if by := metav1.GetControllerOf(j); by != nil && by.Kind == cronJob && valid(by) {
		return owner{cronJob, by.Name}
	}
	return owner{job, j.Name}
}

// ownerOfPod finds the top of a Pod without a look at ReplicaSets: one of a Deployment has its name and the hash that its Pods are labelled with.
func (c *census) ownerOfPod(p *corev1.Pod) owner {
	by := metav1.GetControllerOf(p)
	if by == nil || !valid(by) {
		return owner{pod, p.Name}
	}
	hash := p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	of, hashed := strings.CutSuffix(by.Name, "-"+hash)
	switch top, known := c.jobs[by.Name]; {
	case by.Kind == replicaSet && hash != "" && hashed && (c.deployments == nil || c.deployments[of]):
		return owner{deployment, of}
	case by.Kind == job && known:
		return top
	}
	return owner{by.Kind, by.Name}
}

// valid says whether a reference names what can exist: the API server takes any text.
func valid(by *metav1.OwnerReference) bool {
	return len(validation.IsDNS1123Subdomain(by.Name)) == 0 && len(validation.IsDNS1035Label(strings.ToLower(by.Kind))) == 0
}
