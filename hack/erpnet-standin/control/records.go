package control

import (
	"net/http"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

func applications(i *instance.Instance, _ *http.Request) (any, error) {
	return i.Store.Applications(), nil
}

func application(i *instance.Instance, r *http.Request) (any, error) {
	app, ok := i.Store.Application(r.PathValue("id"))
	if !ok {
		return nil, notFound("application")
	}
	return app, nil
}

func createApplication(i *instance.Instance, r *http.Request) (any, error) {
	var spec instance.ApplicationSpec
	if err := read(r, &spec); err != nil {
		return nil, err
	}
	app, err := spec.Resolve(i.Store)
	if err != nil {
		return nil, err
	}
	return i.Store.CreateApplication(app)
}

// editApplication is an administrator's change by hand: past the Domain API and its rules.
func editApplication(i *instance.Instance, r *http.Request) (any, error) {
	raw, err := readAll(r)
	if err != nil {
		return nil, err
	}
	before, ok := i.Store.Application(r.PathValue("id"))
	if !ok {
		return nil, notFound("application")
	}
	spec := instance.ApplicationSpec{TrustedApplication: before}
	if err := spec.Merge(raw); err != nil {
		return nil, err
	}
	after, err := spec.Resolve(i.Store)
	if err != nil {
		return nil, err
	}
	return i.Store.UpdateApplication(before.ID, &before.ObjectVersion, func(app *model.TrustedApplication) error {
		*app = after
		return nil
	})
}

func deleteApplication(i *instance.Instance, r *http.Request) (any, error) {
	return nil, i.Store.DeleteApplication(r.PathValue("id"))
}

func setReferenced(i *instance.Instance, r *http.Request) (any, error) {
	var body struct {
		Referenced bool `json:"referenced"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if _, ok := i.Store.Application(r.PathValue("id")); !ok {
		return nil, notFound("application")
	}
	i.Store.SetReferenced(r.PathValue("id"), body.Referenced)
	return nil, nil
}

// users lists the users without their passwords.
func users(i *instance.Instance, _ *http.Request) (any, error) {
	out := []model.User{}
	for _, u := range i.Store.Users() {
		u.Password = ""
		out = append(out, u)
	}
	return out, nil
}

// putUser stores a user under its id, or the id of the user with the same login, or a new one.
func putUser(i *instance.Instance, r *http.Request) (any, error) {
	var spec instance.UserSpec
	if err := read(r, &spec); err != nil {
		return nil, err
	}
	if known, ok := i.Store.UserByLogin(spec.Login); ok && spec.ID == "" {
		spec.ID = known.ID
	}
	stored := i.Store.PutUser(spec.User)
	stored.Password = ""
	return stored, nil
}
