// Command workload is the application in the Pods of the end-to-end suite. It is written as an application team would write it: an
// ordinary OAuth 2.0 library, and what the operator published as mounted files, read anew for each use.
//
//	-credentials DIR  the published Secret: a back end, which gets tokens with the Client Credentials flow
//	-config DIR       the published ConfigMap: a front end. With -credentials it signs users in on the server, else in the browser
//	-service          the application has the Client Credentials flow; a loop then requests tokens all the time
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const patience = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal("workload: ", err)
	}
}

func run(ctx context.Context) error {
	listen := flag.String("listen", ":8443", "The address to serve at, over TLS.")
	certificate := flag.String("tls", "/tls", "The directory with tls.crt and tls.key.")
	authority := flag.String("ca", "/ca/ca.crt", "The file with the CA of the identity server.")
	credentials := flag.String("credentials", "", "The directory of the published Secret.")
	config := flag.String("config", "", "The directory of the published ConfigMap.")
	service := flag.Bool("service", false, "Request tokens with the Client Credentials flow, in a loop too.")
	flag.Parse()
	client, err := trusting(*authority)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	if *service {
		b := &backEnd{dir: *credentials, client: client}
		mux.HandleFunc("GET /customers", b.customers)
		mux.HandleFunc("GET /tokens", b.tokens)
		go b.loop(ctx)
	}
	if *config != "" {
		if err := serveFrontEnd(mux, frontEnd{config: *config, credentials: *credentials, client: client}); err != nil {
			return err
		}
	}
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: patience}
	failed := make(chan error, 1)
	go func() {
		failed <- server.ListenAndServeTLS(filepath.Join(*certificate, "tls.crt"), filepath.Join(*certificate, "tls.key"))
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// trusting is a client that accepts the certificates of one CA.
func trusting(file string) (*http.Client, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("reading the CA: it is no PEM certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport, Timeout: patience}, nil
}

// entries reads mounted files by their names.
func entries(dir string, names ...string) (map[string]string, error) {
	read := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("reading what was published: %w", err)
		}
		if read[name] = string(content); read[name] == "" {
			return nil, fmt.Errorf("reading what was published: %s is empty", name)
		}
	}
	return read, nil
}

// readCustomers reads business data of the instance with somebody's token, and returns how much it got.
func readCustomers(ctx context.Context, client *http.Client, api, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(api, "/")+"/Crm_Customers?$top=2", http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reading customers: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("reading customers: the API answered %s", response.Status)
	}
	var page struct {
		Value []json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil {
		return 0, fmt.Errorf("reading customers: %w", err)
	}
	return len(page.Value), nil
}
