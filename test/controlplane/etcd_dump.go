package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// pageSize of EtcdDump, in keys: small enough for any answer's size limit.
const pageSize = 200

type rangeRequest struct {
	Key      []byte `json:"key"`
	RangeEnd []byte `json:"range_end"`
	Limit    int    `json:"limit,string"`
}

type rangeReply struct {
	More bool `json:"more"`
	KVs  []struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	} `json:"kvs"`
}

// SecretsPrefix is the prefix of the keys under which the API server keeps Secrets in etcd.
const SecretsPrefix = "/registry/secrets/"

// EtcdDump returns every key of etcd with its value as it is stored (no encryption at rest): a test that looks for leaked
// secrets reads it and leaves out the keys that begin with SecretsPrefix. It talks to etcd's JSON gateway.
func (cp *ControlPlane) EtcdDump(ctx context.Context) (map[string][]byte, error) {
	client := &http.Client{Transport: &http.Transport{}} // past any proxy of the environment
	defer client.CloseIdleConnections()
	dump := map[string][]byte{}
	for from := []byte{0}; ; {
		page, err := cp.etcdRange(ctx, client, from)
		if err != nil {
			return nil, fmt.Errorf("reading etcd: %w", err)
		}
		for _, kv := range page.KVs {
			dump[string(kv.Key)] = kv.Value
			from = append(bytes.Clone(kv.Key), 0) // the next key after this one
		}
		if !page.More {
			return dump, nil
		}
	}
}

func (cp *ControlPlane) etcdRange(ctx context.Context, client *http.Client, from []byte) (*rangeReply, error) {
	// A range end of one zero byte means: to the last key.
	body, err := json.Marshal(rangeRequest{Key: from, RangeEnd: []byte{0}, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cp.etcdURL+"/v3/kv/range", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("etcd answered %s", res.Status)
	}
	reply := &rangeReply{}
	return reply, json.NewDecoder(res.Body).Decode(reply)
}
