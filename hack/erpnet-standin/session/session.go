// Package session is the licence desk of one stand-in instance: sessions open at the first API call of an identity,
// each holds one licence slot, slides for 20 minutes and limits its own requests.
package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// The documented limits of a session.
const (
	// IdleTimeout closes a session this long after its last call.
	IdleTimeout = 20 * time.Minute
	// ServiceLifetime closes a service session this long after it was opened, however busy it is.
	ServiceLifetime = 60 * time.Minute

	DefaultSlots      = 10  // licence slots of an instance
	DefaultRPM        = 600 // requests per minute and session
	DefaultConcurrent = 1   // requests of one session in progress at once
	DefaultQueue      = 5   // requests of one session that may wait for their turn
)

// Errors of Enter.
var (
	// ErrNoLicence says that a session would have to be opened and no licence slot is free.
	ErrNoLicence = errors.New("MaximumLicenseCountExceeded")
	// ErrTooManyRequests says that the session is over its rate or has too many requests waiting (HTTP 429).
	ErrTooManyRequests = errors.New("too many requests in this session")
)

// Subject is the identity that a session belongs to.
type Subject struct {
	Key      string // the sid of a signed-in user, or the identity of a service token
	Login    string // the user it acts as
	ClientID string // the trusted application
	Service  bool   // a service session: limited to ServiceLifetime
}

// Info describes one open session.
type Info struct {
	Key       string    `json:"key"`
	Login     string    `json:"login"`
	ClientID  string    `json:"clientId"`
	Service   bool      `json:"service"`
	OpenedAt  time.Time `json:"openedAt"`
	LastCall  time.Time `json:"lastCall"`
	Requests  int       `json:"requests"`
	InFlight  int       `json:"inFlight"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Manager knows the open sessions of one instance. It is safe for concurrent use.
type Manager struct {
	now                           func() time.Time
	slots, rpm, concurrent, queue int

	mu   sync.Mutex
	open map[string]*entry
}

type entry struct {
	Info
	recent  []time.Time   // calls of the last minute
	turns   chan struct{} // one element per request in progress
	waiting int
}

// New makes a Manager that takes the time from now. A limit of 0 or less stands for its documented default.
func New(now func() time.Time, slots, rpm, concurrent, queue int) *Manager {
	return &Manager{
		now:        now,
		slots:      orDefault(slots, DefaultSlots),
		rpm:        orDefault(rpm, DefaultRPM),
		concurrent: orDefault(concurrent, DefaultConcurrent),
		queue:      orDefault(queue, DefaultQueue),
		open:       map[string]*entry{},
	}
}

func orDefault(limit, fallback int) int {
	if limit <= 0 {
		return fallback
	}
	return limit
}

type noLicenceKey struct{}

// WithoutLicence makes every Enter with the context fail with ErrNoLicence; fault injection uses it.
func WithoutLicence(ctx context.Context) context.Context {
	return context.WithValue(ctx, noLicenceKey{}, true)
}

// Enter admits one request of the subject: it opens a session or reuses the open one, applies the limits and waits
// for the session's turn. The caller calls leave when the request is done. It fails with ErrNoLicence,
// ErrTooManyRequests or, where ctx ends while waiting, with the error of ctx.
func (m *Manager) Enter(ctx context.Context, s Subject) (leave func(), err error) {
	if ctx.Value(noLicenceKey{}) != nil {
		return nil, ErrNoLicence
	}
	e, err := m.admit(s)
	if err != nil {
		return nil, err
	}
	select {
	case e.turns <- struct{}{}:
	case <-ctx.Done():
		m.stopWaiting(e)
		return nil, ctx.Err()
	}
	m.mu.Lock()
	e.waiting--
	e.InFlight++
	m.mu.Unlock()
	return sync.OnceFunc(func() { m.leave(e) }), nil
}

// admit opens or reuses the session and counts the request as waiting.
func (m *Manager) admit(s Subject) (*entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.expire(now)
	e, ok := m.open[s.Key]
	if !ok {
		if len(m.open) >= m.slots {
			return nil, ErrNoLicence
		}
		e = &entry{turns: make(chan struct{}, m.concurrent)}
		e.Info = Info{Key: s.Key, Login: s.Login, ClientID: s.ClientID, Service: s.Service, OpenedAt: now}
		m.open[s.Key] = e
	}
	e.LastCall = now
	e.recent = slices.DeleteFunc(e.recent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(e.recent) >= m.rpm || e.InFlight+e.waiting >= m.concurrent+m.queue {
		return nil, ErrTooManyRequests
	}
	e.recent = append(e.recent, now)
	e.Requests++
	e.waiting++
	return e, nil
}

func (m *Manager) stopWaiting(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.waiting--
}

func (m *Manager) leave(e *entry) {
	m.mu.Lock()
	e.InFlight--
	e.LastCall = m.now()
	m.mu.Unlock()
	<-e.turns
}

// List reports the open sessions in the order in which they were opened.
func (m *Manager) List() []Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(m.now())
	out := make([]Info, 0, len(m.open))
	for _, e := range m.open {
		info := e.Info
		info.ExpiresAt = e.expiresAt()
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b Info) int {
		if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out
}

// End closes the session with this key, if there is one, and frees its slot at once.
func (m *Manager) End(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, key)
}

func (m *Manager) expire(now time.Time) {
	for key, e := range m.open {
		if !now.Before(e.expiresAt()) && e.InFlight+e.waiting == 0 {
			delete(m.open, key)
		}
	}
}

func (e *entry) expiresAt() time.Time {
	idle := e.LastCall.Add(IdleTimeout)
	if end := e.OpenedAt.Add(ServiceLifetime); e.Service && end.Before(idle) {
		return end
	}
	return idle
}
