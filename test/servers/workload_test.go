package servers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"trustedapps.dev/operator/api/v1alpha1"
)

// workload asks for tokens all the time, with its Secret as it was published up to two seconds ago.
type workload struct {
	stop    func()
	ended   chan struct{}
	granted int
	refused []string
}

func (s *subject) workload(ctx context.Context, app *v1alpha1.TrustedApplication) *workload {
	GinkgoHelper()
	busy, stop := context.WithCancel(ctx)
	w := &workload{stop: stop, ended: make(chan struct{})}
	read, since := published(ctx, app), time.Now()
	app = app.DeepCopy() // the caller goes on to use it
	go func() {
		defer close(w.ended)
		defer GinkgoRecover()
		for busy.Err() == nil {
			switch status, refusal := s.answer(ctx, read); {
			case status == http.StatusOK:
				w.granted++
			case status >= http.StatusInternalServerError: // Hydra's tables in memory lock each other out at times; clients try again
				GinkgoWriter.Printf("HTTP %d %s\n", status, refusal)
			default:
				w.refused = append(w.refused, fmt.Sprintf("%s, read %s ago: HTTP %d %s", read.Data[v1alpha1.KeyClientID], time.Since(since), status, refusal))
			}
			if time.Since(since) > 2*time.Second {
				read, since = published(ctx, app), time.Now()
			}
		}
	}()
	DeferCleanup(func() { stop(); <-w.ended })
	return w
}

// wasNeverRefused ends it.
func (w *workload) wasNeverRefused() {
	GinkgoHelper()
	w.stop()
	<-w.ended
	Expect(w.refused).To(BeEmpty(), "%d tokens were granted", w.granted)
	Expect(w.granted).To(BeNumerically(">", 10))
}
