//go:build record

package workflows_test

import (
	"sync"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// alertScene is what a SendAlerts finds, look after look, and which events the receiver does not take at first.
type alertScene struct {
	policy workflows.AlertPolicy

	mu    sync.Mutex
	looks int
	sent  map[string]int // tries, by id
}

func newAlertScene(change func(*workflows.AlertPolicy)) *alertScene {
	s := &alertScene{policy: workflows.NewAlertPolicy(), sent: map[string]int{}}
	s.policy.Every, s.policy.FirstWait, s.policy.LongestWait, s.policy.OffLooks = 300*time.Millisecond, 300*time.Millisecond, time.Second, 2
	change(&s.policy)
	return s
}

// find has an alert that lasts three looks, a number that grows, and one that fires until the end. After eight looks, nobody wants alerts.
func (s *alertScene) find() activities.FindAlertsOutput {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.looks > 8 {
		return activities.FindAlertsOutput{Off: true}
	}
	out := activities.FindAlertsOutput{Receivers: []string{"ops", "team"}, Repeat: 600 * time.Millisecond}
	out.Alerts = append(out.Alerts, activities.AlertState{AlertName: activities.AlertName{Kind: "stale", Account: "acme"}})
	if s.looks <= 3 {
		out.Alerts = append(out.Alerts, activities.AlertState{AlertName: activities.AlertName{Kind: "blocked", Account: "acme", About: "export Denied"}, Count: 2})
	}
	gaps := activities.AlertCount{AlertName: activities.AlertName{Kind: "gaps-grew", Account: "acme", About: "created"}, Value: int64(s.looks / 4), Within: time.Hour}
	if s.looks == 6 {
		out.Unread = []string{"gaps-grew"}
		return out
	}
	out.Counts = append(out.Counts, gaps)
	return out
}

// send lets the first two tries of each event to ops fail.
func (s *alertScene) send(in activities.SendAlertInput) (out activities.SendAlertOutput) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[in.Receiver+in.ID]++
	if in.Receiver == "ops" && s.sent[in.Receiver+in.ID] <= 2 {
		out.Failure = "it answers 503"
	}
	return out
}

func alertScenes() map[string]scene {
	acknowledged := func(r *recorder, id string) error {
		if err := r.called("FindAlerts", 2); err != nil {
			return err
		}
		return r.order(id, workflows.AcknowledgeUpdate, workflows.AcknowledgeInput{All: true})
	}
	return map[string]scene{
		"alerts":           {world: &world{}, alerts: newAlertScene(func(*workflows.AlertPolicy) {}), act: acknowledged},
		"alerts-continues": {world: &world{}, alerts: newAlertScene(func(p *workflows.AlertPolicy) { p.LooksPerRun = 4 })},
		"alerts-fails":     {world: failing("SendAlert", 1, 3, kindError(activities.Unavailable)), alerts: newAlertScene(func(*workflows.AlertPolicy) {})},
	}
}
