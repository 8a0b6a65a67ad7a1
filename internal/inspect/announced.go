package inspect

import (
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Announced is how many changes of an account were announced by its platform, as its syncs counted it.
type Announced struct {
	// Since is the time from which announcements are expected. Until is the time up to which syncs were compared with them; a sync is
	// compared by a later one.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Pushed, Late and Missed are the sums of all days, as in AnnouncedDay.
	Pushed int64 `json:"pushed"`
	Late   int64 `json:"late"`
	Missed int64 `json:"missed"`
	// Days are the last days that have changes, oldest first.
	Days []AnnouncedDay `json:"days"`
}

// AnnouncedDay are the counts of one day in UTC.
type AnnouncedDay = ledger.PushDay

// announcedDays is how many days before Until are shown.
const announcedDays = 31

// AnnouncedOf reads what the current records of an account say of its announcements. It returns nil if none were ever expected.
func AnnouncedOf(records []ledger.Record) *Announced {
	var a *Announced
	days := map[time.Time]AnnouncedDay{}
	for _, r := range records {
		if r.Push == nil || r.Shard.Stream != schemas.StreamChanges {
			continue
		}
		if a == nil {
			a = &Announced{}
		}
		if r.Push.Until.After(a.Until) || r.Push.Until.Equal(a.Until) && r.Push.Since.After(a.Since) {
			a.Since, a.Until = r.Push.Since, r.Push.Until
		}
		for _, d := range r.Push.Days {
			sum := days[d.Day]
			days[d.Day] = AnnouncedDay{Day: d.Day, Pushed: sum.Pushed + d.Pushed, Late: sum.Late + d.Late, Missed: sum.Missed + d.Missed}
			a.Pushed, a.Late, a.Missed = a.Pushed+d.Pushed, a.Late+d.Late, a.Missed+d.Missed
		}
	}
	if a == nil {
		return nil
	}
	a.Days = []AnnouncedDay{}
	for day, sum := range days {
		if day.After(a.Until.AddDate(0, 0, -announcedDays)) {
			a.Days = append(a.Days, sum)
		}
	}
	slices.SortFunc(a.Days, func(x, y ledger.PushDay) int { return x.Day.Compare(y.Day) })
	return a
}
