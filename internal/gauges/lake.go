package gauges

import (
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/schemas"
)

// ofLake turns what the ledger says of accounts into samples.
func ofLake(all []inspect.Freshness) (samples []telemetry.Sample) {
	add := func(m *telemetry.Metric, value float64, labels ...string) {
		samples = append(samples, telemetry.NewSample(m, value, labels...))
	}
	for _, f := range all {
		if f.Watermark != nil {
			add(telemetry.Watermark, seconds(*f.Watermark), f.Account)
		}
		left := time.Duration(0)
		if f.ToGo != nil {
			left = f.ToGo.To.Sub(f.ToGo.From)
		}
		add(telemetry.HistoryLeft, left.Seconds(), f.Account)
		if f.Directory != nil {
			add(telemetry.DirectoryRead, seconds(*f.Directory), f.Account)
		}
		for m, n := range map[*telemetry.Metric]func(schemas.Stream) int{
			telemetry.Gaps:         counts(f.Gaps, func(g inspect.Gap) schemas.Stream { return g.Stream }),
			telemetry.GapsAccepted: counts(f.Accepted, func(g inspect.AcceptedGap) schemas.Stream { return g.Stream }),
			telemetry.Skipped:      counts(f.Skipped, func(s inspect.SkippedWindow) schemas.Stream { return s.Stream }),
			telemetry.Losses:       counts(f.Lost, func(l inspect.Lost) schemas.Stream { return l.Stream }),
		} {
			for _, stream := range gapped {
				add(m, float64(n(stream)), f.Account, string(stream))
			}
		}
		if at := firstDeadline(f.Expiring); !at.IsZero() {
			add(telemetry.Deadline, seconds(at), f.Account)
		}
		if v := f.Verified; v != nil {
			add(telemetry.Verified, seconds(v.At), f.Account)
			add(telemetry.VerifiedWhole, flag(v.Whole), f.Account)
		}
		if a := f.Announced; a != nil {
			add(telemetry.PushChanges, float64(a.Pushed), f.Account, "pushed")
			add(telemetry.PushChanges, float64(a.Late), f.Account, "late")
			add(telemetry.PushChanges, float64(a.Missed), f.Account, "missed")
			add(telemetry.PushCompared, seconds(a.Until), f.Account)
		}
	}
	return samples
}

// gapped are the streams that can have gaps. All have a value, so that an alert sees a gap that is new.
var gapped = []schemas.Stream{schemas.StreamCreated, schemas.StreamChanges, schemas.StreamReports}

// counts returns how many of some things a stream has.
func counts[T any](all []T, of func(T) schemas.Stream) func(schemas.Stream) int {
	return func(stream schemas.Stream) (n int) {
		for _, one := range all {
			if of(one) == stream {
				n++
			}
		}
		return n
	}
}

func firstDeadline(all []inspect.Expiring) (first time.Time) {
	for _, e := range all {
		if first.IsZero() || e.Deadline.Before(first) {
			first = e.Deadline
		}
	}
	return first
}
