package ledger

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

const (
	// SecretType is the type of the Secrets that hold a ledger.
	SecretType corev1.SecretType = "trustedapps.dev/ledger"
	// NamespaceLabel on a ledger is the namespace of its TrustedApplication.
	NamespaceLabel = "trustedapps.dev/namespace"
	// ApplicationAnnotation on a ledger tells people namespace/name of its TrustedApplication.
	ApplicationAnnotation = "trustedapps.dev/trusted-application"

	recordKey = "record"
)

// ErrConflict is the error for a write that was based on an outdated read: somebody else, perhaps a former leader, wrote meanwhile.
// Nothing was written; begin again with Load.
var ErrConflict = errors.New("the stored ledger was changed by somebody else")

// Store keeps ledgers as Secrets in the operator's own namespace, where neither the deletion of an application's namespace nor
// its team reaches them.
type Store struct {
	// Writer writes the Secrets.
	Writer client.Writer
	// Live reads them from the apiserver itself; a cache would be outdated and would hold everybody's secrets.
	Live client.Reader
	// Namespace is the operator's own.
	Namespace string
}

// App says whose ledger is meant.
type App struct {
	Namespace, Name string
	UID             types.UID
}

// Entry is the stored ledger of one application during one run. It is not safe for concurrent use.
type Entry struct {
	store *Store
	app   App
	// uid and version are those of the Secret as it was last read or written; empty where there was none.
	uid     types.UID
	version string
}

// Entry gives access to the ledger of one application. Begin with Load.
func (s *Store) Entry(app App) *Entry { return &Entry{store: s, app: app} }

// SecretName is the name of the Secret that holds the ledger of the application with that UID.
func SecretName(app types.UID) string { return "ta-" + string(app) }

// Load reads the ledger. Where there is none the record is empty and exists is false; one that cannot be read is ErrCorrupt.
func (e *Entry) Load(ctx context.Context) (rec Record, exists bool, err error) {
	e.uid, e.version = "", ""
	var secret corev1.Secret
	err = e.store.Live.Get(ctx, client.ObjectKey{Namespace: e.store.Namespace, Name: SecretName(e.app.UID)}, &secret)
	if apierrors.IsNotFound(err) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, e.failing("reading", err)
	}
	if secret.Type != SecretType {
		return Record{}, false, e.failing("reading", fmt.Errorf("%w: the Secret is not of the type %s", ErrCorrupt, SecretType))
	}
	rec, err = Unmarshal(secret.Data[recordKey])
	if err != nil {
		return Record{}, false, e.failing("reading", err)
	}
	e.uid, e.version = secret.UID, secret.ResourceVersion
	return rec, true, nil
}

// Former reads what the application of the same namespace and name, but with another UID, left: after a restore from a backup. exists is false
// where there is no such ledger, or it is that of another application.
func (e *Entry) Former(ctx context.Context, uid types.UID) (rec Record, exists bool, err error) {
	var secret corev1.Secret
	name := SecretName(uid)
	err = e.store.Live.Get(ctx, client.ObjectKey{Namespace: e.store.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, fmt.Errorf("reading the ledger in the Secret %s/%s: %w", e.store.Namespace, name, err)
	}
	if secret.Type != SecretType || secret.Annotations[ApplicationAnnotation] != e.app.Namespace+"/"+e.app.Name {
		return Record{}, false, nil
	}
	rec, err = Unmarshal(secret.Data[recordKey])
	if err != nil {
		return Record{}, false, fmt.Errorf("reading the ledger in the Secret %s/%s: %w", e.store.Namespace, name, err)
	}
	return rec, true, nil
}

// DropFormer deletes that ledger; nil where there is none.
func (e *Entry) DropFormer(ctx context.Context, uid types.UID) error {
	name := SecretName(uid)
	err := e.store.Writer.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: e.store.Namespace, Name: name}})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting the ledger in the Secret %s/%s: %w", e.store.Namespace, name, err)
	}
	return nil
}

// Save writes the record in the place of the one that was last loaded or saved: ErrConflict where that is not what is stored.
func (e *Entry) Save(ctx context.Context, rec Record) error {
	body, err := Marshal(rec)
	if err != nil {
		return e.failing("writing", err)
	}
	secret := e.secret(body)
	if e.version == "" {
		err = e.store.Writer.Create(ctx, secret)
	} else {
		err = e.store.Writer.Update(ctx, secret)
	}
	if err != nil {
		return e.failing("writing", err)
	}
	e.uid, e.version = secret.UID, secret.ResourceVersion
	return nil
}

// Delete deletes the ledger that was last loaded or saved; nil where there was none or it is gone already.
func (e *Entry) Delete(ctx context.Context) error {
	if e.version == "" {
		return nil
	}
	err := e.store.Writer.Delete(ctx, e.secret(nil), client.Preconditions{UID: &e.uid, ResourceVersion: &e.version})
	if client.IgnoreNotFound(err) != nil {
		return e.failing("deleting", err)
	}
	e.uid, e.version = "", ""
	return nil
}

// secret is the whole object to write.
func (e *Entry) secret(body []byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: e.store.Namespace, Name: SecretName(e.app.UID), UID: e.uid, ResourceVersion: e.version,
			Labels: map[string]string{
				v1alpha1.ManagedByLabel:      v1alpha1.ManagedByValue,
				v1alpha1.ApplicationUIDLabel: string(e.app.UID),
				NamespaceLabel:               e.app.Namespace,
			},
			Annotations: map[string]string{ApplicationAnnotation: e.app.Namespace + "/" + e.app.Name},
		},
		Type: SecretType,
		Data: map[string][]byte{recordKey: body},
	}
}

// failing says which Secret an error is about. An object that exists where none was, or is gone where one was, is an outdated
// read as well.
func (e *Entry) failing(doing string, err error) error {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) && e.version != "" {
		err = fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return fmt.Errorf("%s the ledger in the Secret %s/%s: %w", doing, e.store.Namespace, SecretName(e.app.UID), err)
}
