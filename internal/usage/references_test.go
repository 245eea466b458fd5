package usage

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

const secret = "orders-credentials"

func named(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }

func variable(name string, optional *bool) corev1.EnvVar {
	return corev1.EnvVar{Name: "SECRET", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: named(name), Key: "client_secret", Optional: optional},
	}}
}

func volume(name string, optional *bool) corev1.Volume {
	return corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, Optional: optional}}}
}

func projected(name string, optional *bool) corev1.Volume {
	return corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named(secret)}},
		{Secret: &corev1.SecretProjection{LocalObjectReference: named(name), Optional: optional}},
	}}}}
}

func mounting(m ...corev1.VolumeMount) corev1.Container { return corev1.Container{VolumeMounts: m} }

func TestReferences(t *testing.T) {
	whole, part := corev1.VolumeMount{Name: "v"}, corev1.VolumeMount{Name: "v", SubPath: "client_secret"}
	expanded := corev1.VolumeMount{Name: "v", SubPathExpr: "$(NAME)"}
	for name, c := range map[string]struct {
		spec corev1.PodSpec
		want []Reference
	}{
		"nothing": {corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{{Name: "A", Value: secret}, {Name: "B", ValueFrom: &corev1.EnvVarSource{
			ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: named(secret)},
		}}}}}}, nil},
		"another Secret": {corev1.PodSpec{Volumes: []corev1.Volume{volume("other", nil)}, Containers: []corev1.Container{{Env: []corev1.EnvVar{variable("other", nil)}}}}, nil},
		"a volume":       {corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, nil)}, Containers: []corev1.Container{mounting(whole)}}, []Reference{{How: Mounted}}},
		"a projected volume": {
			corev1.PodSpec{Volumes: []corev1.Volume{projected(secret, new(true))}, Containers: []corev1.Container{mounting(whole)}}, []Reference{{Mounted, true}},
		},
		"a volume that nobody mounts": {corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, new(false))}, Containers: []corev1.Container{{}}}, []Reference{{How: Mounted}}},
		"a part of a volume":          {corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, nil)}, Containers: []corev1.Container{mounting(part)}}, []Reference{{How: SubPath}}},
		"a part by expression": {
			corev1.PodSpec{Volumes: []corev1.Volume{projected(secret, nil)}, Containers: []corev1.Container{mounting(expanded)}}, []Reference{{How: SubPath}},
		},
		"whole and in part": {
			corev1.PodSpec{Volumes: []corev1.Volume{volume(secret, nil)}, Containers: []corev1.Container{mounting(part, whole)}},
			[]Reference{{How: Mounted}, {How: SubPath}},
		},
		"a variable":            {corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, nil)}}}}, []Reference{{How: Environment}}},
		"an optional variable":  {corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, new(true))}}}}, []Reference{{Environment, true}}},
		"an init container":     {corev1.PodSpec{InitContainers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, nil)}}}}, []Reference{{How: Environment}}},
		"optional in one place": {corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, new(true)), variable(secret, nil)}}}}, []Reference{{How: Environment}}},
		"required in one place": {corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{variable(secret, nil), variable(secret, new(true))}}}}, []Reference{{How: Environment}}},
		"all variables": {
			corev1.PodSpec{Containers: []corev1.Container{{EnvFrom: []corev1.EnvFromSource{{}, {SecretRef: &corev1.SecretEnvSource{LocalObjectReference: named(secret)}}}}}},
			[]Reference{{How: Environment}},
		},
		"an ephemeral container": {
			corev1.PodSpec{EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Env: []corev1.EnvVar{variable(secret, nil)}}}}},
			[]Reference{{How: Environment}},
		},
		"pulls of images": {corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{named("other"), named(secret)}}, []Reference{{ImagePull, true}}},
		"a driver of volumes": {corev1.PodSpec{Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
			CSI: &corev1.CSIVolumeSource{NodePublishSecretRef: new(named(secret))},
		}}}}, []Reference{{How: VolumeDriver}}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(References(&c.spec, secret)).To(Equal(c.want))
		})
	}
}
