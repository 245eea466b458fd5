package erpnet_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/contract"
	"trustedapps.dev/operator/internal/idserver/erpnet"
	"trustedapps.dev/operator/test/standin"
)

// TestContractInBatches runs the contract with every call in a batch of its own, so that each fault and each answer is that of a part.
func TestContractInBatches(t *testing.T) {
	b := newBed(t, standin.Spec{Version: "26.3.100.4"})
	b.batched = true
	contract.Suite(t, contract.Subject{Name: "ERP.net stand-in", Version: "in batches"}, b.harness)
}

// unpack sends what is in a batch as requests of their own, and makes a batch of the answers. What cuts one cuts the batch.
type unpack struct{ next http.RoundTripper }

func (u unpack) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		return u.next.RoundTrip(r)
	}
	defer func() { _ = r.Body.Close() }()
	var answers bytes.Buffer
	outer := multipart.NewWriter(&answers)
	for reader := partsOf(r.Header.Get("Content-Type"), r.Body); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if inner := part.Header.Get("Content-Type"); strings.HasPrefix(inner, "multipart/") {
			if part, err = partsOf(inner, part).NextRawPart(); err != nil {
				return nil, err
			}
		}
		if err := u.perform(r, part, outer); err != nil {
			return nil, err
		}
	}
	if err := outer.Close(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"multipart/mixed; boundary=" + outer.Boundary()}}, Body: io.NopCloser(&answers),
	}, nil
}

func partsOf(contentType string, body io.Reader) *multipart.Reader {
	_, parameters, _ := mime.ParseMediaType(contentType)
	return multipart.NewReader(body, parameters["boundary"])
}

func (u unpack) perform(batch *http.Request, part *multipart.Part, to *multipart.Writer) error {
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(part)))
	if err != nil {
		return err
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	address, err := url.Parse(request.RequestURI)
	if err != nil {
		return err
	}
	alone, err := http.NewRequestWithContext(batch.Context(), request.Method, address.String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	alone.Header = request.Header.Clone()
	alone.Header.Set("Authorization", batch.Header.Get("Authorization"))
	answer, err := u.next.RoundTrip(alone)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	w, err := to.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n", answer.StatusCode, http.StatusText(answer.StatusCode))
	if err := answer.Header.Write(w); err != nil {
		return err
	}
	fmt.Fprint(w, "\r\n")
	_, err = io.Copy(w, io.LimitReader(answer.Body, 17<<20)) // more than is read of any answer
	return err
}

// many calls something as often at the same time.
func many(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

func key(i int) idserver.Key {
	k := orders
	k.ClientID = fmt.Sprintf("com.example.batch/%d", i)
	k.Owner.Name, k.Owner.UID = fmt.Sprintf("app-%d", i), fmt.Sprintf("u-%d", i)
	return k
}

// An instance that takes 600 requests a minute and one at a time never refuses one, whoever registers and however many.
func TestManyRegistrationsStayWithinTheLimits(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{RequestsPerMinute: erpnet.DefaultRequestsPerMinute})
	s, err := erpnet.New(b.config())
	must(t, err)
	_, err = s.Probe(t.Context())
	must(t, err)
	must(t, b.ResetCounts(t.Context()))
	const apps = 300
	secrets := make([]idserver.Secret, apps)
	for i, err := range many(apps, func(i int) error {
		secrets[i] = idserver.DrawSecret()
		_, err := s.Create(t.Context(), key(i), orderSync, secrets[i])
		return err
	}) {
		g.Expect(err).NotTo(HaveOccurred(), "%d", i)
	}
	counts, err := b.Counts(t.Context())
	must(t, err)
	g.Expect(counts.Writes).To(Equal(apps))
	g.Expect(counts.MaxInFlight).To(Equal(1))
	g.Expect(counts.Rejected429).To(BeZero())
	g.Expect(counts.DomainAPI).To(BeNumerically("<=", 2*apps/erpnet.DefaultBatchSize+4), "the users and the registrations")
	for i := 0; i < apps; i += 30 {
		found, err := s.Find(t.Context(), key(i), idserver.Credential{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found.Owner).To(Equal(key(i).Owner))
		found.Credential.Secret = secrets[i]
		verdict, err := s.Verify(t.Context(), found.Credential, orderSync)
		g.Expect(verdict, err).To(Equal(idserver.Verdict{OK: true}), "each has the secret of its own")
	}
}

// prepared is an instance with a probed server, of which nothing is counted yet.
func (b *bed) prepared(t *testing.T) *erpnet.Server {
	t.Helper()
	s := b.server(t, nil)
	_, err := s.Probe(t.Context())
	must(t, err)
	_, err = s.Create(t.Context(), orders, orderSync, idserver.DrawSecret()) // from now on the system user is known
	must(t, err)
	must(t, b.ResetCounts(t.Context()))
	return s
}

// One that is refused does not take others with it: on an instance that goes on after a failure, and on one that does not.
func TestEachHasItsOwnFailure(t *testing.T) {
	for name, quirks := range map[string]map[string]any{"goes on": {}, "stops": {"batchStopsAtFailure": true}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := newBed(t, standin.Spec{Quirks: quirks})
			s := b.prepared(t)
			taken := standin.Application{ApplicationURI: key(3).ClientID, Name: "By hand", IsEnabled: true, ClientType: "Confidential"}
			_, err := b.AddApplication(t.Context(), taken)
			must(t, err)
			create := func(i int) error {
				_, err := s.Create(t.Context(), key(i), orderSync, idserver.DrawSecret())
				return err
			}
			unknown := 0
			for i, err := range together(t, s, 20, 20, create) {
				switch {
				case i == 3 && err != nil && idserver.ReasonOf(err) == "" || i != 3 && err != nil:
					g.Expect(err).To(MatchError(idserver.ErrOutcomeUnknown), "%d", i)
					g.Expect(name).To(Equal("stops"))
					unknown++
				case i == 3:
					g.Expect(err).To(MatchError(idserver.ErrRejected))
					g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken))
				}
			}
			if name == "goes on" {
				g.Expect(unknown).To(BeZero())
			}
			for i := range 20 { // who does not know looks, and tries again
				_, err := s.Find(t.Context(), key(i), idserver.Credential{})
				if err != nil {
					g.Expect(err).To(MatchError(idserver.ErrNotFound))
					g.Expect(create(i)).To(Succeed(), "%d", i)
				}
			}
			apps, err := b.Applications(t.Context())
			must(t, err)
			g.Expect(apps).To(HaveLen(20 + 2)) // with the operator and the first
		})
	}
}

// An instance that takes no batches gets single requests.
func TestAnInstanceWithoutBatches(t *testing.T) {
	page := func(status int) *standin.Fault {
		return &standin.Fault{Status: status, Body: contract.Page, ContentType: "text/html", Method: http.MethodPost, Path: "/api/domain/odata/$batch"}
	}
	for name, c := range map[string]struct {
		quirks map[string]any
		fault  *standin.Fault
	}{
		"not supported": {quirks: map[string]any{"noBatch": true}},
		"flat error":    {quirks: map[string]any{"noBatch": true, "errorShape": "flat"}},
		"no such path":  {fault: page(http.StatusNotFound)},
		"no such verb":  {fault: page(http.StatusMethodNotAllowed)},
		"not such type": {fault: page(http.StatusUnsupportedMediaType)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := newBed(t, standin.Spec{Quirks: c.quirks})
			s := b.prepared(t)
			if c.fault != nil {
				_, err := b.AddFault(t.Context(), *c.fault)
				must(t, err)
			}
			for round := range 2 {
				errs := together(t, s, 10, 10, func(i int) error {
					_, err := s.Create(t.Context(), key(10*round+i), orderSync, idserver.DrawSecret())
					return err
				})
				for i, err := range errs {
					g.Expect(err).NotTo(HaveOccurred(), "%d", i)
				}
			}
			counts, err := b.Counts(t.Context())
			must(t, err)
			g.Expect(counts.Requests["POST $batch"]).To(Equal(1), "it is not tried again soon")
			g.Expect(counts.Requests["POST Systems_Security_TrustedApplications"]).To(Equal(20))
		})
	}
}

// What is lost with a batch is not known of any change in it, and nothing of it is told of a look-up.
func TestALostBatch(t *testing.T) {
	for _, drop := range []string{standin.DropBefore, standin.DropAfter} {
		t.Run(drop, func(t *testing.T) {
			g := NewWithT(t)
			b := newBed(t, standin.Spec{})
			s := b.prepared(t)
			_, err := b.AddFault(t.Context(), standin.Fault{Drop: drop, Method: http.MethodPost, Path: "/api/domain/odata/$batch", Count: 1})
			must(t, err)
			errs := together(t, s, 20, 20, func(i int) error {
				if i%2 == 0 {
					_, err := s.Find(t.Context(), key(i), idserver.Credential{})
					return err
				}
				_, err := s.Create(t.Context(), key(i), orderSync, idserver.DrawSecret())
				return err
			})
			for i, err := range errs {
				if i%2 == 0 {
					g.Expect(err).To(MatchError(idserver.ErrUnavailable), "%d", i)
				} else {
					g.Expect(err).To(MatchError(idserver.ErrOutcomeUnknown), "%d", i)
				}
			}
			for i := 1; i < 20; i += 2 {
				_, err := s.Create(t.Context(), key(i), orderSync, idserver.DrawSecret())
				if drop == standin.DropAfter {
					g.Expect(idserver.ReasonOf(err)).To(Equal(idserver.ReasonTaken), "%d: %v", i, err)
				}
			}
			apps, err := b.Applications(t.Context())
			must(t, err)
			g.Expect(apps).To(HaveLen(10 + 2))
		})
	}
}

// A token that the instance does not take any more is replaced once, for all who wait.
func TestABatchWithAStaleToken(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.prepared(t)
	_, err := b.AddFault(t.Context(), standin.Fault{Status: http.StatusUnauthorized, Method: http.MethodPost, Path: "/api/domain/odata/$batch", Count: 1})
	must(t, err)
	errs := together(t, s, 20, 20, func(i int) error {
		_, err := s.Create(t.Context(), key(i), orderSync, idserver.DrawSecret())
		return err
	})
	for i, err := range errs {
		g.Expect(err).NotTo(HaveOccurred(), "%d", i)
	}
	counts, err := b.Counts(t.Context())
	must(t, err)
	g.Expect(counts.Token).To(Equal(1))
}

// One who gives up does not take the others of a batch along.
func TestWhoGivesUpLeavesTheOthers(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.prepared(t)
	_, err := b.AddFault(t.Context(), standin.Fault{ID: "slow", LatencyMs: 500, Method: http.MethodPost, Path: "/api/domain/odata/$batch"})
	must(t, err)
	impatient, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	go func() {
		defer giveUp()
		for t.Context().Err() == nil { // until the batch is under way
			if faults, err := b.Faults(t.Context()); err != nil || len(faults) == 1 && faults[0].Hits > 0 {
				return
			}
		}
	}()
	errs := together(t, s, 20, 20, func(i int) error {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = impatient
		}
		_, err := s.Create(ctx, key(i), orderSync, idserver.DrawSecret())
		return err
	})
	for i, err := range errs {
		if i%2 == 1 {
			g.Expect(err).NotTo(HaveOccurred(), "%d", i)
		} else {
			g.Expect(err).To(MatchError(idserver.ErrOutcomeUnknown), "%d", i)
		}
	}
}

// together is many, where nothing is sent before waiting calls wait, so that these are one batch.
func together(t *testing.T, s *erpnet.Server, n, waiting int, do func(i int) error) []error {
	t.Helper()
	release, err := erpnet.Hold(t.Context(), s)
	must(t, err)
	go func() {
		for erpnet.Waiting(s) < waiting && t.Context().Err() == nil {
			runtime.Gosched()
		}
		release()
	}()
	return many(n, do)
}

// A probe in the middle of other calls is no reason to give batches up: it asks for more than the OData service.
func TestAProbeAmongOtherCalls(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.prepared(t)
	for round := range 2 {
		for i, err := range together(t, s, 20, 19, func(i int) error { // the probe waits for its turn elsewhere
			if i == 10 {
				_, err := s.Probe(t.Context())
				return err
			}
			_, err := s.Create(t.Context(), key(20*round+i), orderSync, idserver.DrawSecret())
			return err
		}) {
			g.Expect(err).NotTo(HaveOccurred(), "%d", i)
		}
	}
	counts, err := b.Counts(t.Context())
	must(t, err)
	g.Expect(counts.Requests["POST Systems_Security_TrustedApplications"]).To(BeNumerically("<", 10), "batches go on: %v", counts.Requests)
}

// Look-ups, changes and deletions go together, and no batch is given up for any of them.
func TestEveryKindOfCallInABatch(t *testing.T) {
	g := NewWithT(t)
	b := newBed(t, standin.Spec{})
	s := b.prepared(t)
	const apps = 12
	replies := make([]idserver.Reply, apps)
	for i := range apps {
		_, err := s.Create(t.Context(), key(i), orderSync, idserver.DrawSecret())
		g.Expect(err).NotTo(HaveOccurred())
		replies[i], err = s.Find(t.Context(), key(i), idserver.Credential{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	must(t, b.ResetCounts(t.Context()))
	renamed := orderSync
	renamed.DisplayName = "Renamed"
	for range 2 { // the second time some are gone, or as they should be
		for i, err := range together(t, s, apps, apps, func(i int) error {
			switch i % 3 {
			case 0:
				_, err := s.Find(t.Context(), key(i), idserver.Credential{})
				return err
			case 1:
				_, err := s.Update(t.Context(), replies[i], renamed, "")
				if err == nil {
					replies[i], err = s.Find(t.Context(), key(i), idserver.Credential{})
				}
				return err
			}
			return s.Delete(t.Context(), replies[i].Credential)
		}) {
			g.Expect(err).NotTo(HaveOccurred(), "%d", i)
		}
	}
	all, err := b.Applications(t.Context())
	must(t, err)
	g.Expect(all).To(HaveLen(2*apps/3 + 2))
	counts, err := b.Counts(t.Context())
	must(t, err)
	g.Expect(counts.Requests["POST $batch"]).To(BeNumerically(">=", 2))
	g.Expect(counts.DomainAPI).To(BeNumerically("<", 3*apps), "batches go on: %v", counts.Requests)
}
