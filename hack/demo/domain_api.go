package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// domainAPI is the business API of the instance, called with somebody's access token.
type domainAPI struct {
	client *http.Client
	root   string
	token  string
}

// customer is a row of Crm_Customers.
type customer struct {
	Link   string            `json:"@odata.id"`
	Number string            `json:"Number"`
	Name   map[string]string `json:"Name"`
	Active bool              `json:"Active"`
}

// refusedError is an answer that is none of 2xx.
type refusedError struct {
	status  int
	message string
}

// Error implements error.
func (r refusedError) Error() string { return fmt.Sprintf("HTTP %d: %s", r.status, r.message) }

// customers reads some.
func (a domainAPI) customers(ctx context.Context) ([]customer, error) {
	var page struct {
		Value []customer `json:"value"`
	}
	if err := a.call(ctx, http.MethodGet, "Crm_Customers?$top=3", nil, &page); err != nil {
		return nil, fmt.Errorf("reading customers: %w", err)
	}
	if len(page.Value) == 0 {
		return nil, fmt.Errorf("reading customers: there are none")
	}
	return page.Value, nil
}

// setActive writes to one.
func (a domainAPI) setActive(ctx context.Context, c customer, active bool) error {
	if err := a.call(ctx, http.MethodPatch, c.Link, map[string]bool{"Active": active}, nil); err != nil {
		return fmt.Errorf("changing a customer: %w", err)
	}
	return nil
}

// call sends a request; link is relative to the root, or absolute.
func (a domainAPI) call(ctx context.Context, method, link string, body, into any) error {
	root, err := url.Parse(strings.TrimSuffix(a.root, "/") + "/")
	if err != nil {
		return fmt.Errorf("reading the URL of the API: %w", err)
	}
	target, err := root.Parse(link)
	if err != nil {
		return fmt.Errorf("reading a link of the API: %w", err)
	}
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return fmt.Errorf("encoding a request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), &sent)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("calling the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	told, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the API's answer: %w", err)
	}
	if response.StatusCode >= 300 {
		return refusedError{response.StatusCode, apiMessage(told)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(told, into)
}

// apiMessage finds the message of an error answer.
func apiMessage(body []byte) string {
	var told struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &told) != nil {
		return "no explanation"
	}
	return told.Error.Message
}
