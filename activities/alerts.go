package activities

import (
	"context"
	"time"
)

// Alerting finds out what a person should know, and tells those who are to be told. It has the receivers with their secrets; histories have
// only their names.
type Alerting interface {
	Find(ctx context.Context) (FindAlertsOutput, error)
	Send(ctx context.Context, in SendAlertInput) SendAlertOutput
}

// FindAlertsInput asks for what a person should know now.
type FindAlertsInput struct{}

// FindAlertsOutput is what was found, and who is to be told.
type FindAlertsOutput struct {
	// Off is true if the worker has no alerts in its configuration. Then there is nothing else.
	Off    bool         `json:"off,omitempty"`
	Alerts []AlertState `json:"alerts,omitempty"`
	Counts []AlertCount `json:"counts,omitempty"`
	// Unread are kinds of alerts of which nothing is known now.
	Unread    []string `json:"unread,omitempty"`
	Receivers []string `json:"receivers,omitempty"`
	// Repeat is how often an alert is sent again until somebody acknowledges it; 0 is never.
	Repeat time.Duration `json:"repeat,omitempty"`
}

// AlertName tells alerts apart.
type AlertName struct {
	Kind    string `json:"kind"`
	Account string `json:"account,omitempty"`
	// About is what else tells alerts of the kind apart, such as a stream.
	About string `json:"about,omitempty"`
}

// AlertState is something that is wrong now.
type AlertState struct {
	AlertName
	// Count is how many of it there are, and At a time that belongs to it, such as a deadline; both depend on the kind.
	Count int64      `json:"count,omitempty"`
	At    *time.Time `json:"at,omitempty"`
	// For is how long it must last before anybody is told.
	For time.Duration `json:"for,omitempty"`
}

// AlertCount is a number that may grow. It is an alert for Within after it grew by more than Unless did, where there is an Unless.
type AlertCount struct {
	AlertName
	Value  int64         `json:"value"`
	Unless *int64        `json:"unless,omitempty"` // if this number grows as well, all is well
	Within time.Duration `json:"within"`
	For    time.Duration `json:"for,omitempty"`
}

// AlertEvent is what happened to an alert.
type AlertEvent string

// What happens to alerts.
const (
	AlertFired    AlertEvent = "fired"
	AlertResolved AlertEvent = "resolved"
	AlertRepeated AlertEvent = "repeated" // it still fires, and nobody has acknowledged it
)

// SendAlertInput tells one receiver of one event.
type SendAlertInput struct {
	Receiver string `json:"receiver"`
	// ID names the event. It is the same in every try, so that a receiver can recognize what it has already.
	ID    string     `json:"id"`
	Event AlertEvent `json:"event"`
	// HappenedAt is when the event happened, and Since when the alert began.
	HappenedAt time.Time `json:"happened_at"`
	Since      time.Time `json:"since"`
	AlertState
}

// SendAlertOutput is whether the receiver has it.
type SendAlertOutput struct {
	// Failure is why not, in a few words without any text of the receiver's; empty if it has.
	Failure string `json:"failure,omitempty"`
	// Gone is true if the receiver says that it wants no more.
	Gone bool `json:"gone,omitempty"`
	// After is how long the receiver asks to wait.
	After time.Duration `json:"after,omitempty"`
}

// FindAlerts finds out what a person should know now.
func (a *Activities) FindAlerts(ctx context.Context, _ FindAlertsInput) (FindAlertsOutput, error) {
	if a.Alerting == nil {
		return FindAlertsOutput{Off: true}, nil
	}
	return a.Alerting.Find(ctx)
}

// SendAlert tells a receiver of an event, once. That the receiver does not take it is a result, so that the workflow decides when to try
// again.
func (a *Activities) SendAlert(ctx context.Context, in SendAlertInput) (SendAlertOutput, error) {
	if a.Alerting == nil {
		return SendAlertOutput{Failure: "the worker has no receivers"}, nil
	}
	return a.Alerting.Send(ctx, in), nil
}
