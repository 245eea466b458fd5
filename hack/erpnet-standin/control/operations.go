package control

import (
	"net/http"
	"time"

	"trustedapps.dev/operator/hack/erpnet-standin/instance"
)

func summary(i *instance.Instance, _ *http.Request) (any, error) { return SummaryOf(i), nil }

func counters(i *instance.Instance, _ *http.Request) (any, error) { return i.Counters.Counts(), nil }

func resetCounters(i *instance.Instance, _ *http.Request) (any, error) {
	i.Counters.Reset()
	return nil, nil
}

func requests(i *instance.Instance, _ *http.Request) (any, error) { return i.Counters.Log(), nil }

func sessions(i *instance.Instance, _ *http.Request) (any, error) { return i.Sessions.List(), nil }

func endSession(i *instance.Instance, r *http.Request) (any, error) {
	i.Sessions.End(r.PathValue("key"))
	return nil, nil
}

func addFault(i *instance.Instance, r *http.Request) (any, error) {
	var fault instance.Fault
	if err := read(r, &fault); err != nil {
		return nil, err
	}
	id, err := i.Faults.Add(fault)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

func faults(i *instance.Instance, _ *http.Request) (any, error) { return i.Faults.List(), nil }

// removeFaults removes the fault of the path, or all of them where the path names none.
func removeFaults(i *instance.Instance, r *http.Request) (any, error) {
	id := r.PathValue("id")
	if found := i.Faults.Remove(id); !found && id != "" {
		return nil, notFound("fault")
	}
	return nil, nil
}

// advanceClock moves the instance's time forward and tells the new time.
func advanceClock(i *instance.Instance, r *http.Request) (any, error) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(body.Advance)
	if err != nil {
		return nil, err
	}
	i.Clock.Advance(d)
	return map[string]time.Time{"now": i.Clock.Now()}, nil
}

func rotateKeys(i *instance.Instance, _ *http.Request) (any, error) { return nil, i.Keys.Rotate() }

func setDown(i *instance.Instance, r *http.Request) (any, error) {
	var body struct {
		Down bool `json:"down"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	return nil, i.SetDown(body.Down)
}

func setVersion(i *instance.Instance, r *http.Request) (any, error) {
	var body struct {
		Version string `json:"version"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if err := i.SetVersion(body.Version); err != nil {
		return nil, err
	}
	return SummaryOf(i), nil
}
