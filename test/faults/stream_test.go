package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// streams are the watches of one process. They can be held back, so that the process goes on with what it has seen.
type streams struct {
	mu sync.Mutex
	// moved is told whenever there is something to deliver.
	moved *sync.Cond
	// frozen: nothing is delivered. merging: of what is, only the last event of each object.
	frozen, merging bool
	// begins holds the lists that watches begin with, by watch. older is what they are to begin with instead, until thawed.
	begins, older map[string][]byte
}

func newStreams(older map[string][]byte) *streams {
	s := &streams{begins: map[string][]byte{}, older: older, frozen: older != nil}
	s.moved = sync.NewCond(&s.mu)
	return s
}

func (s *streams) freeze(merging bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen, s.merging = true, merging
}

// thaw delivers what was held back, and says whether the watches were.
func (s *streams) thaw() (were bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	were, s.frozen, s.older = s.frozen, false, nil
	s.moved.Broadcast()
	return were
}

// began are the lists that the watches began with.
func (s *streams) began() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.begins)
}

func isWatch(r *http.Request) bool {
	watch := r.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// initialEnd is in the event that ends the list that a watch begins with.
const initialEnd = `"k8s.io/initial-events-end":"true"`

// watch opens a stream of lines: events in JSON.
func (s *streams) watch(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "as=PartialObjectMetadata") {
		r.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
	}
	query := r.URL.Query()
	key := r.URL.Path + "?" + query.Get("labelSelector") + "&" + query.Get("fieldSelector")
	s.mu.Lock()
	older, lists := s.older[key], query.Get("sendInitialEvents") == "true"
	s.mu.Unlock()
	if older != nil && lists {
		return s.begin(next, r, older), nil
	}
	response, err := next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	pump := newPump(s, response.Body)
	if lists {
		pump.list = func(lines []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.begins[key] = lines
		}
	}
	response.Body = pump.run()
	return response, nil
}

// begin answers a watch with an older list, and goes on from there when the streams are thawed.
func (s *streams) begin(next http.RoundTripper, r *http.Request, older []byte) *http.Response {
	reader, writer := io.Pipe()
	stop := make(chan struct{})
	go func() { // the condition knows nothing of contexts
		select {
		case <-r.Context().Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			s.moved.Broadcast()
		case <-stop:
		}
	}()
	go func() {
		defer close(stop)
		if _, err := writer.Write(older); err != nil {
			return
		}
		s.mu.Lock()
		for s.frozen && r.Context().Err() == nil {
			s.moved.Wait()
		}
		s.mu.Unlock()
		query := r.URL.Query()
		query.Del("sendInitialEvents")
		query.Del("resourceVersionMatch")
		query.Set("resourceVersion", lastVersion(older))
		r.URL.RawQuery = query.Encode()
		response, err := next.RoundTrip(r)
		if err == nil {
			_, err = io.Copy(writer, response.Body)
			_ = response.Body.Close()
		}
		_ = writer.CloseWithError(err)
	}()
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: reader, ContentLength: -1,
	}
}

// event is what the harness reads of one.
type event struct {
	Type   string `json:"type"`
	Object struct {
		Metadata struct {
			Namespace       string `json:"namespace"`
			Name            string `json:"name"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	} `json:"object"`
}

func parseEvent(line []byte) event {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		panic("an event of a watch is not JSON: " + err.Error())
	}
	return e
}

func lastVersion(lines []byte) string {
	all := bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
	return parseEvent(all[len(all)-1]).Object.Metadata.ResourceVersion
}

// merge leaves the last of the events of each object, as a process sees it that lists them again.
func merge(lines [][]byte) [][]byte {
	type life struct {
		existed bool
		last    event
		line    []byte
	}
	lives := map[string]*life{}
	var order []string
	for _, line := range lines {
		e := parseEvent(line)
		name := e.Object.Metadata.Namespace + "/" + e.Object.Metadata.Name // a bookmark has none, and only the last of them counts
		l := lives[name]
		if l == nil {
			l = &life{existed: e.Type != "ADDED"}
			lives[name] = l
		}
		l.last, l.line = e, line
		order = append(slices.DeleteFunc(order, func(n string) bool { return n == name }), name)
	}
	var out [][]byte
	for _, name := range order {
		l := lives[name]
		switch {
		case l.last.Type == "DELETED" && !l.existed:
			continue
		case l.last.Type == "ADDED" && l.existed:
			l.line = bytes.Replace(l.line, []byte(`"ADDED"`), []byte(`"MODIFIED"`), 1)
		case l.last.Type == "MODIFIED" && !l.existed:
			l.line = bytes.Replace(l.line, []byte(`"MODIFIED"`), []byte(`"ADDED"`), 1)
		}
		out = append(out, l.line)
	}
	return out
}

// pump delivers one stream.
type pump struct {
	streams *streams
	body    io.ReadCloser
	// list gets the lines that the watch began with; nil: nobody is interested.
	list func([]byte)
	// waiting are the lines that arrived, end the error after the last of them. Guarded by streams.mu.
	waiting [][]byte
	end     error
}

func newPump(s *streams, body io.ReadCloser) *pump { return &pump{streams: s, body: body} }

// run delivers until either end closes.
func (p *pump) run() io.ReadCloser {
	reader, writer := io.Pipe()
	go p.receive()
	go p.deliver(writer)
	return delivery{reader, p.body}
}

// delivery is what the client reads of a pump.
type delivery struct {
	*io.PipeReader
	body io.Closer
}

// Close ends both sides.
func (d delivery) Close() error {
	_ = d.PipeReader.Close()
	return d.body.Close()
}

func (p *pump) receive() {
	lines := bufio.NewReader(p.body)
	var list []byte
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 && p.list != nil {
			list = append(list, line...)
			if bytes.Contains(line, []byte(initialEnd)) {
				p.list(list)
				p.list = nil
			}
		}
		p.streams.mu.Lock()
		if err == nil && len(bytes.TrimSpace(line)) > 0 { // a stream that breaks off in an event did not bring it
			p.waiting = append(p.waiting, line)
		}
		p.end = err
		p.streams.moved.Broadcast()
		p.streams.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *pump) deliver(writer *io.PipeWriter) {
	s := p.streams
	for {
		s.mu.Lock()
		for p.end == nil && (s.frozen || len(p.waiting) == 0) {
			s.moved.Wait()
		}
		lines, end := p.waiting, p.end
		p.waiting = nil
		if s.merging {
			lines = merge(lines)
		}
		s.mu.Unlock()
		for _, line := range lines {
			if _, err := writer.Write(line); err != nil {
				return
			}
		}
		if end != nil {
			_ = writer.CloseWithError(end)
			return
		}
	}
}
