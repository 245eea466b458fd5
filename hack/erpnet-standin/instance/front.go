package instance

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// front is the network side of an instance: it can go away and come back at the same address.
type front struct {
	address string
	tls     *tls.Config
	handler http.Handler

	mu     sync.Mutex
	server *http.Server  // nil while the instance is down
	ended  chan struct{} // closed when server accepts nothing any more
}

func newFront(listener net.Listener, ca *CA, root string, handler http.Handler) (*front, error) {
	public, err := url.Parse(root)
	if err != nil || public.Scheme != "https" || public.Host == "" {
		_ = listener.Close()
		return nil, fmt.Errorf("the public URL %q is not an https URL", root)
	}
	certificate, err := ca.issue("127.0.0.1", "localhost", public.Hostname())
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	f := &front{
		address: listener.Addr().String(), handler: handler,
		tls: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	f.serve(listener)
	return f, nil
}

func (f *front) serve(listener net.Listener) {
	server := &http.Server{
		Handler: f.handler, TLSConfig: f.tls.Clone(), ReadHeaderTimeout: 10 * time.Second,
		// Refused handshakes and injected cuts are what clients are tested with, not news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan struct{})
	f.server, f.ended = server, ended
	go func() {
		defer close(ended)
		_ = server.ServeTLS(listener, "", "") // ends with ErrServerClosed when the server is closed
	}()
}

func (f *front) setDown(down bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if down == (f.server == nil) {
		return nil
	}
	if down {
		server := f.server
		f.server = nil
		err := server.Close()
		<-f.ended // until then, connections are accepted, and cut
		return err
	}
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		return fmt.Errorf("coming back at %s: %w", f.address, err)
	}
	f.serve(listener)
	return nil
}
