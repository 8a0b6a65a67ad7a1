package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/activities"
)

// AlertsState is what a SendAlerts carries through continue-as-new.
type AlertsState struct {
	Alerts    []Alert         `json:"alerts,omitempty"` // sorted by key
	Counts    []CountedAlert  `json:"counts,omitempty"`
	Receivers []AlertReceiver `json:"receivers,omitempty"`
	Events    int             `json:"events,omitempty"` // so far
	Off       int             `json:"off,omitempty"`    // looks in a row of workers without alerts in their configuration
	LookedAt  time.Time       `json:"looked_at,omitzero"`
	Unread    []string        `json:"unread,omitempty"`
}

// Alert is something that is wrong.
type Alert struct {
	activities.AlertState
	Since  time.Time `json:"since"`
	Firing bool      `json:"firing"` // it has lasted long enough, and receivers are told
	// ToldAt is when the last event was put into the queues of the receivers.
	ToldAt time.Time `json:"told_at,omitzero"`
	// AcknowledgedAt is when somebody ended its repetition.
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
}

// Key names the alert: its kind, account and what it is about, with slashes.
func (a Alert) Key() string { return alertKey(a.AlertName) }

func alertKey(n activities.AlertName) string {
	return strings.Join(slices.DeleteFunc([]string{n.Kind, n.Account, n.About}, func(part string) bool { return part == "" }), "/")
}

// CountedAlert is a number that is an alert when it grows.
type CountedAlert struct {
	activities.AlertName
	Number Growth `json:"number"`
	Unless Growth `json:"unless,omitzero"`
}

// Growth follows a number. It has grown while the number is above Base.
type Growth struct {
	Base  int64     `json:"base"`
	Last  int64     `json:"last"`
	Grown time.Time `json:"grown,omitzero"` // the last time
}

// follow takes the next value, and reports whether the number has grown within a time.
func (g *Growth) follow(now time.Time, value int64, within time.Duration) bool {
	if value > g.Last {
		g.Grown = now
	}
	g.Last = value
	if value <= g.Base || now.Sub(g.Grown) >= within {
		g.Base = value
	}
	return value > g.Base
}

// AlertReceiver is a receiver and what waits for it, the oldest first.
type AlertReceiver struct {
	Name    string                      `json:"name"`
	Waiting []activities.SendAlertInput `json:"waiting,omitempty"`
	Sent    int                         `json:"sent,omitempty"` // events, so far
	SentAt  time.Time                   `json:"sent_at,omitzero"`
	// Failures are the tries in a row that have failed, and Failure is why the last of them did. Nothing is sent before Retry.
	Failures int       `json:"failures,omitempty"`
	Failure  string    `json:"failure,omitempty"`
	Retry    time.Time `json:"retry,omitzero"`
	// Dropped are events that were not sent, because too many waited.
	Dropped int `json:"dropped,omitempty"`
}

// observe takes what a look has found. first names the chain of runs, for ids that are nobody else's.
func (a *alerts) observe(now time.Time, first string, found activities.FindAlertsOutput) {
	s := &a.state
	s.Off, s.LookedAt, s.Unread = 0, now, found.Unread
	states := append(slices.Clone(found.Alerts), a.count(now, found)...)
	slices.SortStableFunc(states, func(x, y activities.AlertState) int { return cmp.Compare(alertKey(x.AlertName), alertKey(y.AlertName)) })
	a.receivers(now, first, found.Receivers)

	known := s.Alerts
	s.Alerts = nil
	for _, is := range states[:min(len(states), a.policy.MostAlerts)] {
		alert := Alert{AlertState: is, Since: now}
		if i := slices.IndexFunc(known, func(k Alert) bool { return k.AlertName == is.AlertName }); i >= 0 {
			alert = known[i]
			alert.AlertState = is
			known = slices.Delete(slices.Clone(known), i, i+1)
		} else if n := len(s.Alerts); n > 0 && s.Alerts[n-1].AlertName == is.AlertName {
			continue // found twice
		}
		switch {
		case !alert.Firing && now.Sub(alert.Since) >= is.For:
			alert.Firing = true
			a.tell(now, first, &alert, activities.AlertFired)
		case alert.Firing && found.Repeat > 0 && alert.AcknowledgedAt.IsZero() && now.Sub(alert.ToldAt) >= found.Repeat:
			a.tell(now, first, &alert, activities.AlertRepeated)
		}
		s.Alerts = append(s.Alerts, alert)
	}
	for _, gone := range known {
		switch {
		case slices.Contains(found.Unread, gone.Kind):
			s.Alerts = append(s.Alerts, gone)
		case gone.Firing:
			a.tell(now, first, &gone, activities.AlertResolved)
		}
	}
	slices.SortFunc(s.Alerts, func(x, y Alert) int { return cmp.Compare(x.Key(), y.Key()) })
}

// count follows the numbers of a look, and returns those that have grown as what is wrong. A number that is new has not grown.
func (a *alerts) count(now time.Time, found activities.FindAlertsOutput) (grown []activities.AlertState) {
	var counts []CountedAlert
	for _, c := range found.Counts {
		one := CountedAlert{AlertName: c.AlertName, Number: Growth{Base: c.Value, Last: c.Value}}
		if c.Unless != nil {
			one.Unless = Growth{Base: *c.Unless, Last: *c.Unless}
		}
		if i := slices.IndexFunc(a.state.Counts, func(k CountedAlert) bool { return k.AlertName == c.AlertName }); i >= 0 {
			one = a.state.Counts[i]
		}
		more := one.Number.follow(now, c.Value, c.Within)
		if c.Unless != nil && one.Unless.follow(now, *c.Unless, c.Within) {
			more = false
		}
		if more {
			grown = append(grown, activities.AlertState{AlertName: c.AlertName, Count: c.Value - one.Number.Base, For: c.For})
		}
		counts = append(counts, one)
	}
	for _, old := range a.state.Counts {
		if slices.Contains(found.Unread, old.Kind) {
			counts = append(counts, old)
		}
	}
	a.state.Counts = counts
	return grown
}

// receivers makes the receivers those of the configuration. One that is new is told what fires.
func (a *alerts) receivers(now time.Time, first string, names []string) {
	var all []AlertReceiver
	for _, name := range names {
		if i := slices.IndexFunc(a.state.Receivers, func(r AlertReceiver) bool { return r.Name == name }); i >= 0 {
			all = append(all, a.state.Receivers[i])
			continue
		}
		r := AlertReceiver{Name: name}
		for _, alert := range a.state.Alerts {
			if alert.Firing {
				a.enqueue(&r, a.event(now, first, alert, activities.AlertFired))
			}
		}
		all = append(all, r)
	}
	a.state.Receivers = all
}

// tell puts an event into the queues of all receivers. Nobody is reminded of what still waits for him.
func (a *alerts) tell(now time.Time, first string, alert *Alert, event activities.AlertEvent) {
	in := a.event(now, first, *alert, event)
	for i := range a.state.Receivers {
		r := &a.state.Receivers[i]
		waits := slices.ContainsFunc(r.Waiting, func(w activities.SendAlertInput) bool { return w.AlertName == alert.AlertName })
		if event == activities.AlertRepeated && waits {
			continue
		}
		a.enqueue(r, in)
	}
	alert.ToldAt = now
}

func (a *alerts) event(now time.Time, first string, alert Alert, event activities.AlertEvent) activities.SendAlertInput {
	a.state.Events++
	return activities.SendAlertInput{
		ID: fmt.Sprintf("alert_%s_%d", first, a.state.Events), Event: event, HappenedAt: now, Since: alert.Since, AlertState: alert.AlertState,
	}
}

func (a *alerts) enqueue(r *AlertReceiver, in activities.SendAlertInput) {
	if len(r.Waiting) >= a.policy.MostWaiting {
		r.Waiting = r.Waiting[1:]
		r.Dropped++
	}
	r.Waiting = append(slices.Clip(r.Waiting), in)
}

func (a *alerts) acknowledge(now time.Time, in AcknowledgeInput) (out AcknowledgeOutput) {
	for i := range a.state.Alerts {
		alert := &a.state.Alerts[i]
		if alert.Firing && (in.All || slices.Contains(in.Alerts, alert.Key())) {
			if alert.AcknowledgedAt.IsZero() {
				alert.AcknowledgedAt = now
			}
			out.Acknowledged = append(out.Acknowledged, alert.Key())
		}
	}
	for _, key := range in.Alerts {
		if !slices.Contains(out.Acknowledged, key) {
			out.Unknown = append(out.Unknown, key)
		}
	}
	return out
}

func (a *alerts) progress() AlertsProgress {
	return AlertsProgress{Alerts: slices.Clone(a.state.Alerts), Receivers: slices.Clone(a.state.Receivers), LookedAt: a.state.LookedAt, Unread: a.state.Unread}
}
