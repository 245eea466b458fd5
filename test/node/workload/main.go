// Command workload is the program in the Pods of the specs of test/node.
//
//	workload serve           log the file /secret/word; serve /word (that file, now) and /pods (asks the API server), ready at once
//	workload get URL         print what a URL answers
//	workload read FILE       print a file
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	word    = "/secret/word"
	account = "/var/run/secrets/kubernetes.io/serviceaccount"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serve()
	case len(args) == 2 && args[0] == "get":
		return get(args[1])
	case len(args) == 2 && args[0] == "read":
		content, err := os.ReadFile(args[1])
		fmt.Print(string(content))
		return err
	}
	return errors.New("usage: workload serve | get URL | read FILE")
}

func serve() error {
	content, err := os.ReadFile(word)
	log.Printf("word at the start: %s %v", content, err)
	http.HandleFunc("/word", func(w http.ResponseWriter, _ *http.Request) { answer(w)(os.ReadFile(word)) })
	http.HandleFunc("/pods", func(w http.ResponseWriter, _ *http.Request) { answer(w)(pods()) })
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

func answer(w http.ResponseWriter) func([]byte, error) {
	return func(content []byte, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(content)
	}
}

func get(url string) error {
	req, err := request(url)
	if err != nil {
		return err
	}
	content, err := send(http.DefaultTransport, req)
	fmt.Print(string(content))
	return err
}

// pods asks the API server for the Pods of the own namespace, as every client in a cluster does.
func pods() ([]byte, error) {
	token, err := os.ReadFile(filepath.Join(account, "token"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(account, "ca.crt"))
	if err != nil {
		return nil, err
	}
	namespace, err := os.ReadFile(filepath.Join(account, "namespace"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	url := fmt.Sprintf("https://%s:%s/api/v1/namespaces/%s/pods",
		os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"), namespace)
	req, err := request(url)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return send(transport, req)
}

func request(url string) (*http.Request, error) {
	return http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
}

func send(transport http.RoundTripper, req *http.Request) ([]byte, error) {
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, content)
	}
	return content, err
}
