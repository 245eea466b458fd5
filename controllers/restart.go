package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// restartedAt is what kubectl rollout restart writes.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restart restarts the workloads that an application names, each once for a credential: its ID is left on the Pods, so that it is known
// after a crash. What could not be restarted is told and disturbs nothing else.
func (r *TrustedApplicationReconciler) restart(ctx context.Context, app *v1alpha1.TrustedApplication, credential string, now time.Time) ([]string, error) {
	var problems []string
	for _, target := range app.Spec.Credentials.RolloutRestart {
		name := fmt.Sprintf("%s %s", target.Kind, target.Name)
		switch err := r.restartOne(ctx, app.Namespace, target, credential, now); {
		case err == nil:
		case apierrors.IsNotFound(err):
			problems = append(problems, name+" does not exist in this namespace: correct the name")
		case apierrors.IsForbidden(err):
			problems = append(problems, name+" may not be restarted by the operator: its role "+r.Published.role+
				" needs get and patch on it (chart value rbac.rolloutRestart)")
		case apierrors.IsInvalid(err), apierrors.IsBadRequest(err): // an admission webhook says so, too
			problems = append(problems, name+" could not be restarted: "+short(err.Error()))
		default:
			return nil, fmt.Errorf("restarting the %s: %w", name, err)
		}
	}
	return problems, nil
}

// short keeps what others say from taking the room of what we say.
func short(s string) string {
	const most = 128
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

func (r *TrustedApplicationReconciler) restartOne(
	ctx context.Context, namespace string, target v1alpha1.RestartTarget, credential string, now time.Time,
) error {
	workload, template := blank(target.Kind)
	if err := r.Writer.Get(ctx, types.NamespacedName{Namespace: namespace, Name: target.Name}, workload); err != nil {
		return err
	}
	if template.Annotations[v1alpha1.CredentialAnnotation] == credential {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{restartedAt: now.UTC().Format(time.RFC3339), v1alpha1.CredentialAnnotation: credential},
	}}}})
	if err != nil {
		return fmt.Errorf("encoding the patch: %w", err)
	}
	return r.Writer.Patch(ctx, workload, client.RawPatch(types.MergePatchType, patch))
}

// blank is an empty workload of a kind, and the template of its Pods.
func blank(kind v1alpha1.RestartKind) (client.Object, *metav1.ObjectMeta) {
	var template *corev1.PodTemplateSpec
	var workload client.Object
	switch kind {
	case "StatefulSet":
		s := &appsv1.StatefulSet{}
		workload, template = s, &s.Spec.Template
	case "DaemonSet":
		d := &appsv1.DaemonSet{}
		workload, template = d, &d.Spec.Template
	default:
		d := &appsv1.Deployment{}
		workload, template = d, &d.Spec.Template
	}
	return workload, &template.ObjectMeta
}
