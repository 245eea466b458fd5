// Package usage knows which workloads use a Secret, and how. It reads nothing of them but their metadata, their spec and whether they ended;
// it never reads the Secret.
package usage

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// How says how a Pod gets at a Secret.
type How string

// The ways to get at a Secret.
const (
	// Mounted: a volume that is mounted as a whole. kubelet brings changes into running Pods.
	Mounted How = "Mounted"
	// SubPath: a part of a volume, mounted by subPath or subPathExpr. Running Pods never see a change.
	SubPath How = "SubPath"
	// Environment: environment variables, one by one or all at once. Running Pods never see a change.
	Environment How = "Environment"
	// VolumeDriver: a CSI driver gets it, to mount another volume. Most never ask again.
	VolumeDriver How = "VolumeDriver"
	// ImagePull: kubelet pulls images with it, and reads it each time.
	ImagePull How = "ImagePull"
)

// AtStart says whether it is read only when a Pod starts.
func (h How) AtStart() bool { return h == SubPath || h == Environment || h == VolumeDriver }

// Reference is one way in which a Pod gets at a Secret. Optional: Pods start without the Secret as far as this goes.
type Reference struct {
	How      How
	Optional bool
}

// References are the ways in which a Pod gets at a Secret of its namespace, sorted; none where it does not.
func References(spec *corev1.PodSpec, secret string) []Reference {
	return referencesOf(spec).to(secret)
}

// references are those of one Pod: by Secret and way, whether all of them are optional.
type references map[string]map[How]bool

func (r references) add(secret string, how How, optional *bool) {
	if r[secret] == nil {
		r[secret] = map[How]bool{}
	}
	before, known := r[secret][how]
	r[secret][how] = (before || !known) && optional != nil && *optional
}

func (r references) to(secret string) []Reference {
	var all []Reference
	for _, how := range slices.Sorted(maps.Keys(r[secret])) {
		all = append(all, Reference{How: how, Optional: r[secret][how]})
	}
	return all
}

func referencesOf(spec *corev1.PodSpec) references {
	r := references{}
	always := new(true) // a Pod starts whether or not its pull secrets are there
	for _, pull := range spec.ImagePullSecrets {
		r.add(pull.Name, ImagePull, always)
	}
	containers := slices.Concat(spec.InitContainers, spec.Containers)
	for _, c := range spec.EphemeralContainers {
		containers = append(containers, corev1.Container(c.EphemeralContainerCommon))
	}
	for _, c := range containers {
		r.environment(c)
	}
	for _, v := range spec.Volumes {
		r.volume(v, mounts(containers, v.Name))
	}
	return r
}

func (r references) environment(c corev1.Container) {
	for _, from := range c.EnvFrom {
		if ref := from.SecretRef; ref != nil {
			r.add(ref.Name, Environment, ref.Optional)
		}
	}
	for _, variable := range c.Env {
		if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
			r.add(from.SecretKeyRef.Name, Environment, from.SecretKeyRef.Optional)
		}
	}
}

func (r references) volume(v corev1.Volume, ways []How) {
	for _, how := range ways {
		if v.Secret != nil {
			r.add(v.Secret.SecretName, how, v.Secret.Optional)
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.Secret != nil {
				r.add(source.Secret.Name, how, source.Secret.Optional)
			}
		}
	}
	if v.CSI != nil && v.CSI.NodePublishSecretRef != nil {
		r.add(v.CSI.NodePublishSecretRef.Name, VolumeDriver, nil)
	}
}

// mounts are the ways in which a volume is mounted. One that nobody mounts is made for the Pod all the same.
func mounts(containers []corev1.Container, volume string) []How {
	var ways []How
	for _, c := range containers {
		for _, m := range c.VolumeMounts {
			switch {
			case m.Name != volume:
			case m.SubPath != "" || m.SubPathExpr != "":
				ways = append(ways, SubPath)
			default:
				ways = append(ways, Mounted)
			}
		}
	}
	if len(ways) == 0 {
		return []How{Mounted}
	}
	return ways
}
