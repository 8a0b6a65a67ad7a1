package gauges

import (
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// sums adds up samples with the same metric and labels, such as those of two exports of an account.
type sums map[key]float64

type key struct {
	metric *telemetry.Metric
	labels [3]string
}

func (s sums) add(m *telemetry.Metric, value float64, labels ...string) { s[keyOf(m, labels)] += value }

func (s sums) latest(m *telemetry.Metric, value float64, labels ...string) {
	at := keyOf(m, labels)
	s[at] = max(s[at], value)
}

func (s sums) earliest(m *telemetry.Metric, value float64, labels ...string) {
	at := keyOf(m, labels)
	if known, ok := s[at]; !ok || value < known {
		s[at] = value
	}
}

func keyOf(m *telemetry.Metric, labels []string) (k key) {
	k.metric = m
	copy(k.labels[:], labels)
	return k
}

func (s sums) samples() (all []telemetry.Sample) {
	for k, value := range s {
		all = append(all, telemetry.NewSample(k.metric, value, k.labels[:len(k.metric.Labels)]...))
	}
	return all
}

// ofWork turns what Temporal says into samples.
func ofWork(c worker.Config, v operate.Vitals) []telemetry.Sample {
	s := sums{}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		s.add(telemetry.Budget, c.Accounts[name].RequestsPerSecond, name)
	}
	for _, schedule := range v.Schedules {
		s.schedule(schedule)
	}
	for _, run := range v.Runs {
		kind := string(run.Kind)
		if run.Waiting != nil {
			s.waits(run.Account, kind, []operate.Wait{*run.Waiting})
		}
		if run.Progress != nil {
			s.run(run.Account, kind, *run.Progress)
			if run.Kind.AsksPlatform() && run.Progress.Account > 0 {
				s[keyOf(telemetry.Budget, []string{run.Account})] = run.Progress.Account // in force now
			}
		}
	}
	if v.Alerts != nil {
		s.alerts(*v.Alerts)
	}
	for _, q := range v.Quotas {
		s.add(telemetry.QuotaLeft, float64(q.Left), q.Account, q.Name)
	}
	return s.samples()
}

func (s sums) schedule(u operate.Upkeep) {
	account, kind := u.Account, string(u.Kind)
	if u.Last != nil {
		s.latest(telemetry.LastRun, seconds(*u.Last), account, kind)
	}
	if u.Next != nil {
		s.latest(telemetry.NextRun, seconds(*u.Next), account, kind)
	}
	if u.Ended != nil {
		s.add(telemetry.LastComplete, flag(u.Ended.State == workflows.StateComplete), account, kind)
	}
	s.add(telemetry.Paused, flag(u.Paused), account, kind)
	s.add(telemetry.Missed, float64(u.Missed), account, kind)
}

func (s sums) alerts(a operate.Alerts) {
	s.add(telemetry.AlertsRunning, flag(a.Running && a.Silent == ""))
	for _, alert := range a.Firing() {
		s.add(telemetry.AlertsFiring, 1, alert.Account, alert.Kind)
	}
	for _, r := range a.Receivers {
		s.add(telemetry.AlertsUndelivered, float64(len(r.Waiting)+r.Dropped), r.Name)
	}
}

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (s sums) run(account, kind string, p operate.Snapshot) {
	if p.Windows > 0 {
		s.add(telemetry.Windows, float64(p.Done), account, kind, "done")
		s.add(telemetry.Windows, float64(p.InFlight), account, kind, "in_flight")
		s.add(telemetry.Windows, float64(max(0, p.Windows-p.Done-p.InFlight)), account, kind, "not_begun")
	}
	for _, b := range p.Blocked {
		s.add(telemetry.Blocked, 1, account, kind, b.Kind)
	}
	s.waits(account, kind, p.Waiting)
	if p.Deadline != nil {
		s.earliest(telemetry.RunDeadline, seconds(*p.Deadline), account, kind)
	}
}

func (s sums) waits(account, kind string, all []operate.Wait) {
	for _, w := range all {
		s.add(telemetry.Waiting, float64(max(1, w.Windows)), account, kind, w.For)
		if w.Until != nil && w.Until.After(time.Now()) {
			s.latest(telemetry.WaitingUntil, seconds(*w.Until), account, kind, w.For)
		}
	}
}
