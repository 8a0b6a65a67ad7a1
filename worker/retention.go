package worker

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/schemas"
)

// Retention returns how long the platform of an account keeps what windows of a stream are read from, by the configuration, or else by
// what the platform states.
func (c Config) Retention(account string, stream schemas.Stream) schemas.Retention {
	if set := c.Accounts[account].Retention; set != nil {
		return *set
	}
	d, settings, ok := c.account(account)
	if !ok || d.Retention == nil {
		return schemas.Retention{}
	}
	return d.Retention(settings, stream)
}

// RetentionText says for people how long the platform of an account keeps conversations: "13 months", "for ever" or "unknown".
func (c Config) RetentionText(account string) string {
	keeps := c.Retention(account, schemas.StreamCreated)
	if !keeps.Limited() && c.Accounts[account].Retention == nil {
		return "unknown"
	}
	return keeps.String()
}

// ForEver is the retention of a platform that deletes nothing by itself, for configurations that a program builds.
func ForEver() *schemas.Retention { return &schemas.Retention{} }

// retained are the streams whose windows can be lost to a platform's retention. A snapshot of the directory is of today.
var retained = []schemas.Stream{schemas.StreamCreated, schemas.StreamReports, schemas.StreamChanges}

// retentions returns the retention of each stream that has a limit.
func (c Config) retentions(account string) map[schemas.Stream]schemas.Retention {
	all := map[schemas.Stream]schemas.Retention{}
	for _, stream := range retained {
		if keeps := c.Retention(account, stream); keeps.Limited() {
			all[stream] = keeps
		}
	}
	return all
}

// Deadline returns the time at which the platform of an account begins to delete what an export copies of a window. It is zero if the
// platform keeps everything, or if that is not known.
func (c Config) Deadline(account string, w schemas.Window) (first time.Time) {
	for _, keeps := range c.retentions(account) {
		if at := keeps.Deadline(w); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// KeptFrom returns the time from which the account's platform is certain to have everything that an export copies, or nil if a range
// that begins at from needs nothing older. The platform deletes what is older, and its lists and counts do not show that.
func (c Config) KeptFrom(account string, from, now time.Time) *time.Time {
	var kept time.Time
	for _, keeps := range c.retentions(account) {
		if horizon := keeps.Horizon(now); horizon.After(kept) {
			kept = horizon
		}
	}
	if !from.Before(kept) {
		return nil
	}
	return &kept
}

// retention reads the key retention of an account, or returns nil if there is none. Months are those of the calendar.
func (b branch) retention() *schemas.Retention {
	if b.value == nil {
		return nil
	}
	var keeps schemas.Retention
	text, _ := b.value.(string) // 0 is for ever
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(part[1]) // the schema allows six digits
		switch one := duration("1" + part[2]); {
		case part[2] == "mo":
			keeps.Months += n
		case n > int(mostKept*month/one):
			keeps.Months += mostKept + 1 // too long for a time.Duration, and refused by checkRetention
		default:
			keeps.Rest += time.Duration(n) * one
		}
	}
	return &keeps
}

// The bounds of a retention. No platform deletes what is an hour old, and dates have four digits.
const (
	leastKept = day
	mostKept  = 100 * 12 // months
)

func (c Config) checkRetention(account string) Problems {
	keeps, sync := c.Accounts[account].Retention, c.Accounts[account].Sync
	switch {
	case sync != nil && sync.History == activities.ByDeadline && c.Deadline(account, schemas.Window{}).IsZero():
		return Problems{c.Problem("accounts."+account+".sync.history",
			fmt.Sprintf("is deadline, but the platform is not known to delete anything; set accounts.%s.retention, or choose newest or oldest", account))}
	case keeps == nil || !keeps.Limited():
	case keeps.Months > mostKept, keeps.Rest < 0, keeps.Rest > mostKept*month, keeps.Months == 0 && keeps.Rest < leastKept:
		return Problems{c.Problem("accounts."+account+".retention",
			fmt.Sprintf("must be from 1d to %dmo, or 0 if the platform keeps everything for ever", mostKept))}
	}
	return nil
}
