package erpnet_test

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/test/standin"
)

func TestEveryRequestIsObservedByWhatItIsFor(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	var mu sync.Mutex
	calls := map[idserver.Operation][]int{}
	config := b.config()
	config.Observe = func(c idserver.Call) {
		mu.Lock()
		defer mu.Unlock()
		g.Expect(c.Duration).To(BeNumerically(">", 0))
		calls[c.Operation] = append(calls[c.Operation], c.Status)
	}
	s, err := erpnet.New(config)
	must(t, err)
	_, err = s.Probe(t.Context())
	must(t, err)
	secret := idserver.DrawSecret()
	reply, err := s.Create(t.Context(), orders, orderSync, secret)
	must(t, err)
	found, err := s.Find(t.Context(), orders, idserver.Credential{})
	must(t, err)
	renamed := orderSync
	renamed.DisplayName = "Renamed"
	_, err = s.Update(t.Context(), found, renamed, "")
	must(t, err)
	cred := reply.Credential
	cred.Secret = secret
	_, err = s.Verify(t.Context(), cred, orderSync)
	must(t, err)
	for _, err := range s.List(t.Context(), orders.Owner.Cluster) {
		must(t, err)
	}
	must(t, s.Delete(t.Context(), cred))
	g.Expect(slices.Sorted(maps.Keys(calls))).To(Equal([]idserver.Operation{
		idserver.OperationCreate, idserver.OperationDelete, idserver.OperationDiscover, idserver.OperationFind, idserver.OperationFindUser,
		idserver.OperationList, idserver.OperationLogin, idserver.OperationUpdate, idserver.OperationVerify,
	}))
	g.Expect(calls[idserver.OperationCreate]).To(Equal([]int{http.StatusCreated}))
	g.Expect(calls[idserver.OperationLogin]).To(Equal([]int{http.StatusOK}))

	_, err = b.AddFault(t.Context(), standin.Fault{Method: http.MethodGet, Path: appsPath, Status: http.StatusServiceUnavailable, Count: 1})
	must(t, err)
	clear(calls)
	_, err = s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).To(HaveOccurred())
	g.Expect(calls).To(Equal(map[idserver.Operation][]int{idserver.OperationFind: {http.StatusServiceUnavailable}}))
	must(t, b.SetDown(t.Context(), true))
	clear(calls)
	_, err = s.Find(t.Context(), orders, idserver.Credential{})
	g.Expect(err).To(HaveOccurred())
	g.Expect(calls).To(Equal(map[idserver.Operation][]int{idserver.OperationFind: {0}}), "no answer")
	must(t, b.SetDown(t.Context(), false))
}
