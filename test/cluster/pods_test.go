package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/test/node"
)

// pods is the platform with a real node.
type pods struct{ node *node.Node }

func (p *pods) kubelet() bool { return true }
func (p *pods) host() string  { return node.Address }

func (p *pods) provide(ctx context.Context, image, dir string) error {
	name, _, _ := strings.Cut(image, ":")
	return p.node.ImportImage(ctx, filepath.Join(dir, name+".tar"))
}

func (p *pods) settle(ctx context.Context) error {
	if _, err := deployment(ctx); !apierrors.IsNotFound(err) {
		if err != nil {
			return err
		}
		_, err := kubectl(ctx, "-n", operatorNamespace, "rollout", "status", "deployment/"+release, "--timeout=2m")
		if err != nil {
			return errors.Join(err, p.explain(ctx))
		}
	}
	return poll(ctx, func() error { // replaced Pods go after those that replace them are ready
		var list corev1.PodList
		if err := admin.List(ctx, &list, client.InNamespace(operatorNamespace), client.MatchingLabels(operatorLabels)); err != nil {
			return err
		}
		wanted, err := replicas(ctx)
		if err == nil && len(list.Items) != wanted {
			err = fmt.Errorf("%d Pods of the operator, want %d", len(list.Items), wanted)
		}
		return err
	})
}

// explain tells what became of the operator's Pods.
func (p *pods) explain(ctx context.Context) error {
	described, err := kubectl(ctx, "-n", operatorNamespace, "describe", "pods")
	if err != nil {
		return err
	}
	return errors.New(described)
}

func (p *pods) endLeader(ctx context.Context) error {
	holder, err := leader(ctx)
	if err != nil {
		return err
	}
	pod, _, _ := strings.Cut(holder, "_")
	_, err = kubectl(ctx, "-n", operatorNamespace, "delete", "pod", pod)
	return err
}

func (p *pods) run(ctx context.Context, w workload) (string, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: appNamespace, Name: w.name},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: new(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "workload", Image: workloadImage, ImagePullPolicy: corev1.PullNever,
				Args:           w.args("", fmt.Sprintf(":%d", workloadPort)),
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: healthz()},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	for dir, source := range w.mounts() {
		name := strings.Trim(dir, "/")
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: source})
		mounts := &pod.Spec.Containers[0].VolumeMounts
		*mounts = append(*mounts, corev1.VolumeMount{Name: name, MountPath: dir, ReadOnly: true})
	}
	if err := admin.Create(ctx, pod); err != nil {
		return "", err
	}
	if _, err := kubectl(ctx, "-n", appNamespace, "wait", "--for=condition=Ready", "--timeout=90s", "pod/"+w.name); err != nil {
		described, _ := kubectl(ctx, "-n", appNamespace, "describe", "pod", w.name)
		return "", fmt.Errorf("%w\n%s", err, described)
	}
	if err := admin.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", pod.Status.PodIP, workloadPort), nil
}

func healthz() corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(workloadPort), Scheme: corev1.URISchemeHTTPS}}
}

func (p *pods) stop() error { return p.node.Stop() }

// startPods starts the node.
func startPods(ctx context.Context) (platform, error) {
	n, err := node.Start(ctx, plane, node.Options{Log: platformLog})
	if err != nil {
		return nil, err
	}
	return &pods{node: n}, nil
}
