package output

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"trustedapps.dev/operator/api/v1alpha1"
)

// CombinedType is the type of a Secret with a file for each instance of a set. It is no service binding, and Kubernetes knows nothing of it.
const CombinedType corev1.SecretType = "trustedapps.dev/combined"

// Set is what a set says about its combined Secret.
type Set struct {
	// Namespace, Name and UID are those of the TrustedApplicationSet.
	Namespace, Name string
	UID             types.UID
	// SecretName is the name of the Secret; empty where there is to be none.
	SecretName string
}

// Source is what is published for one instance, known from its metadata.
type Source struct {
	// Server is the name of the IdentityServer, and Secret that of the published Secret.
	Server, Secret string
	// Owner is the UID of the TrustedApplication, and Version the resourceVersion of the Secret.
	Owner   types.UID
	Version string
}

// Combination is all that is known of a combined Secret before anything is asked for.
type Combination struct {
	Set     Set
	Sources []Source
	// Seen is the metadata of the Secrets of the set, in their place or not any more.
	Seen   []metav1.PartialObjectMetadata
	Memory Memory
}

// Memory is what a look knows for the next one. It may be lost.
type Memory struct {
	// Intact is the resourceVersion of the Secret that was found or left as it should be.
	Intact string
	// Unfit is what did not fit into a Secret, and Size how large it was.
	Unfit string
	Size  int
}

// Combined is how a combined Secret is.
type Combined struct {
	// Name is that of the Secret that there is, and Servers are the names of those that have a file in it.
	Name    string
	Servers []string
	// Taken: the name is that of somebody else's Secret. Size is that of the content that does not fit into a Secret, in bytes; 0 where it fits.
	Taken bool
	Size  int
	// Wrote: it was written just now.
	Wrote  bool
	Memory Memory
}

// Look says how a combined Secret is as far as metadata tells it. rests: there is nothing to do.
func (c Combination) Look() (now Combined, rests bool) {
	now.Memory = c.Memory
	from := versions(c.Sources)
	settled := len(from) == 0 || c.Set.SecretName == "" // nothing to write
	for i := range c.Seen {
		have := &c.Seen[i]
		if have.Name != c.Set.SecretName {
			if now.Name == "" {
				now.Name, now.Servers = have.Name, servers(have)
			}
			continue
		}
		now.Name, now.Servers = have.Name, servers(have)
		settled = intact(have, c.Memory.Intact) && maps.Equal(madeFrom(have), from)
	}
	former := slices.ContainsFunc(c.Seen, func(s metav1.PartialObjectMetadata) bool { return s.Name != c.Set.SecretName })
	return now, settled && !former
}

// File is the key of an instance in the combined Secret, which names its file in a volume. Names of servers are valid ones.
func File(server string) string { return server + v1alpha1.CombinedSuffix }

// content is the file of an instance: what its Secret holds, as JSON.
func content(secret *corev1.Secret) ([]byte, error) {
	entries := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		entries[key] = string(value)
	}
	return json.Marshal(entries) // sorted by key
}

// render makes the combined Secret of files by server, of which each was made from a version.
func (s Set) render(files map[string][]byte, from map[string]string) *corev1.Secret {
	yes := true
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: s.SecretName,
			// The label with the UID of an application is not there: no application owns it.
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.SetLabel: s.Name},
			Annotations: map[string]string{v1alpha1.CombinedFromAnnotation: listed(from)},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrustedApplicationSet", Name: s.Name, UID: s.UID,
				Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Type: CombinedType, Data: make(map[string][]byte, len(files)),
	}
	for server, file := range files {
		secret.Data[File(server)] = file
	}
	return secret
}

// nameCost is how often etcd stores the name of a file, with what belongs to it: as the key, in the annotation, and in the managed fields.
const nameCost, nameExtra = 3, 20

// size is how much of corev1.MaxSecretSize files take. The API server bounds their content, and etcd the object with all names; this is more than
// the first, so that both hold.
func size(files map[string][]byte) (n int) {
	for server, file := range files {
		n += len(file) + nameCost*(len(server)+nameExtra)
	}
	return n
}

// versions are those of sources, by server.
func versions(sources []Source) map[string]string {
	all := make(map[string]string, len(sources))
	for _, s := range sources {
		all[s.Server] = s.Version
	}
	return all
}

// listed is the text of versions by server in CombinedFromAnnotation.
func listed(from map[string]string) string {
	pairs := make([]string, 0, len(from))
	for _, server := range slices.Sorted(maps.Keys(from)) {
		pairs = append(pairs, server+"="+from[server])
	}
	return strings.Join(pairs, ",")
}

// madeFrom reads it; what cannot be read is from no version.
func madeFrom(combined metav1.Object) map[string]string {
	from := map[string]string{}
	for pair := range strings.SplitSeq(combined.GetAnnotations()[v1alpha1.CombinedFromAnnotation], ",") {
		if server, version, ok := strings.Cut(pair, "="); ok {
			from[server] = version
		}
	}
	return from
}

// servers are the names of those that have a file in a combined Secret, sorted.
func servers(combined metav1.Object) []string { return slices.Sorted(maps.Keys(madeFrom(combined))) }

// intact says whether nobody else wrote a combined Secret since it was as it should be: it has the version that is remembered or, where none is after
// a restart, its managed fields say so.
func intact(combined metav1.Object, remembered string) bool {
	if remembered != "" {
		return combined.GetResourceVersion() == remembered
	}
	return lastWriter(Writers(combined)) == v1alpha1.ManagedByValue
}

// lastWriter is the field manager that changed an object last; "" where that is not certain.
func lastWriter(entries []metav1.ManagedFieldsEntry) (manager string) {
	var last time.Time
	for _, entry := range entries {
		switch {
		case entry.Time == nil:
			return ""
		case entry.Time.After(last):
			manager, last = entry.Manager, entry.Time.Time
		case entry.Time.Time.Equal(last) && entry.Manager != manager:
			manager = ""
		}
	}
	return manager
}

// Writers are the managed fields of a combined Secret without the fields. Who takes a file away is no manager of anything: the operator does not
// manage that file any more, and is no writer then.
func Writers(combined metav1.Object) []metav1.ManagedFieldsEntry {
	entries := slices.Clone(combined.GetManagedFields())
	for i := range entries {
		e := &entries[i]
		if e.FieldsV1 != nil && e.Manager == v1alpha1.ManagedByValue && !slices.Equal(managed(e.FieldsV1), servers(combined)) {
			e.Manager = ""
		}
		e.FieldsV1 = nil
	}
	return entries
}

// managed are the servers whose files are among managed fields, sorted.
func managed(fields *metav1.FieldsV1) []string {
	var of struct {
		Data map[string]struct{} `json:"f:data"`
	}
	if err := json.Unmarshal(fields.GetRawBytes(), &of); err != nil {
		return nil
	}
	var files []string
	for key := range of.Data {
		if file, ok := strings.CutPrefix(key, "f:"); ok { // else it is the map itself
			files = append(files, strings.TrimSuffix(file, v1alpha1.CombinedSuffix))
		}
	}
	slices.Sort(files)
	return files
}
