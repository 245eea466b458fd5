package domainapi

import (
	"net/http"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// partReply answers one request of a batch.
type partReply struct {
	reply
	contentID string
}

// batchReply answers one part: a single request, or a changeset that succeeded.
type batchReply struct {
	replies     []partReply
	isChangeset bool
}

// batch serves $batch. Changesets are atomic. As OData demands, it stops at the first failed part unless the request
// prefers to continue; the parts after that one get no answer.
func (h *handler) batch(db *database, who token.Caller, op operation) (reply, error) {
	if op.method != http.MethodPost {
		return reply{}, errMethod(op.method)
	}
	if h.Quirks.NoBatch {
		return reply{}, errNotSupported("This instance takes no batches.")
	}
	if err := noTransaction(op); err != nil {
		return reply{}, err
	}
	parts, err := h.parseBatch(op)
	if err != nil {
		return reply{}, err
	}
	goOn := h.Quirks.BatchContinuesOnError || prefersToContinue(op.header) && !h.Quirks.BatchStopsAtFailure
	var out []batchReply
	for _, part := range parts {
		answer, ok := h.performPart(db, who, part)
		out = append(out, answer)
		if !ok && !goOn {
			break
		}
	}
	return writeBatch(out)
}

func prefersToContinue(header http.Header) bool {
	for _, value := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			name, setting, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if strings.TrimPrefix(name, "odata.") == "continue-on-error" && setting != "false" {
				return true
			}
		}
	}
	return false
}

func (h *handler) performPart(db *database, who token.Caller, part batchPart) (batchReply, bool) {
	if part.isChangeset {
		return h.performChangeset(db, who, part.operations)
	}
	op := part.operations[0]
	answer, err := h.performRead(db, who, op)
	if err != nil {
		answer = h.failure(err)
	}
	return batchReply{replies: []partReply{{answer, op.contentID}}}, err == nil
}

func (h *handler) performRead(db *database, who token.Caller, op operation) (reply, error) {
	if op.method != http.MethodGet {
		return reply{}, errNotSupported("A write must be part of a changeset.")
	}
	return h.perform(db, who, op)
}

// performChangeset runs all requests in one transaction. If one fails nothing happened, and the answer is its error
// alone, under its Content-ID.
func (h *handler) performChangeset(db *database, who token.Caller, operations []operation) (batchReply, bool) {
	out := batchReply{isChangeset: true}
	created := map[string]string{}
	failed := ""
	err := db.transaction(func(tx *database) error {
		for _, op := range operations {
			failed = op.contentID
			op.created = created
			answer, err := h.performWrite(tx, who, op)
			if err != nil {
				return err
			}
			created[op.contentID] = answer.entity
			out.replies = append(out.replies, partReply{answer, op.contentID})
		}
		return nil
	})
	if err != nil {
		return batchReply{replies: []partReply{{h.failure(err), failed}}}, false
	}
	return out, true
}

func (h *handler) performWrite(tx *database, who token.Caller, op operation) (reply, error) {
	if op.method == http.MethodGet {
		return reply{}, errNotSupported("A changeset cannot hold a read.")
	}
	if contentID, ok := strings.CutPrefix(op.path, "$"); ok {
		entity := op.created[contentID]
		if entity == "" {
			return reply{}, errBadRequest("The reference '{0}' names nothing that this changeset created.", op.path)
		}
		op.path = entity
	}
	return h.perform(tx, who, op)
}
