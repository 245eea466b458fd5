package domainapi

import (
	"errors"
	"net/http"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// write checks that the set can be written and runs f in a transaction.
func (h *handler) write(db *database, e *entity, op operation, f func(tx *database) error) error {
	if e.writer == nil {
		return errNotSupported("The set '{0}' is read-only.", e.set)
	}
	if err := noOptions(op.query); err != nil {
		return err
	}
	return db.transaction(f)
}

func (h *handler) create(db *database, who token.Caller, e *entity, op operation) (reply, error) {
	var created object
	var id string
	err := h.write(db, e, op, func(tx *database) error {
		c, err := h.readChanges(tx, e, op, true)
		if err != nil {
			return err
		}
		if id, err = e.writer.create(tx, c); err != nil {
			return err
		}
		r, _ := e.find(tx, who, id)
		created = h.render(tx, who, e, r, defaultSelection(e), false)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	status := http.StatusCreated
	if h.Quirks.CreateStatus != 0 {
		status = h.Quirks.CreateStatus
	}
	answer, err := h.entityReply(status, e, created)
	if err != nil {
		return reply{}, err
	}
	answer.entity = odataID(e.set, id)
	answer.header.Set("Location", h.root+answer.entity)
	return answer, nil
}

func (h *handler) update(db *database, e *entity, id string, op operation) (reply, error) {
	err := h.write(db, e, op, func(tx *database) error {
		c, err := h.readChanges(tx, e, op, false)
		if err != nil {
			return err
		}
		return e.writer.update(tx, id, c)
	})
	return h.noContent(e, id, err)
}

func (h *handler) remove(db *database, e *entity, id string, op operation) (reply, error) {
	err := h.write(db, e, op, func(tx *database) error { return e.writer.remove(tx, id) })
	return h.noContent(e, id, err)
}

// noContent is the answer to a write without a body.
func (h *handler) noContent(e *entity, id string, err error) (reply, error) {
	if errors.Is(err, model.ErrNotFound) {
		return reply{}, errNoEntity(h.Quirks.NotFoundStatus, e, id)
	}
	if err != nil {
		return reply{}, err
	}
	return newReply(http.StatusNoContent, "", nil), nil
}
