package worker

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

const (
	day   = 24 * time.Hour
	month = 30 * day
	// defaultLag is how far a sync stays behind the clock: platforms list a change some seconds after it was made.
	defaultLag = 2 * time.Minute
)

// SyncDefaults returns the settings of an account that keeps its copy up to date, without the times of syncs and the beginning of the
// history.
func SyncDefaults(provider string) activities.SyncSettings {
	d, _ := definition(provider)
	return activities.SyncSettings{
		Lag:       max(defaultLag, d.LeastLag),
		Settle:    []time.Duration{day, 7 * day, 30 * day},
		Directory: day,
		History:   activities.NewestFirst,
	}
}

// SyncInterval returns the time between two syncs, and the shortest one if they have different lengths. It is 0 if the settings name no
// times of syncs.
func SyncInterval(s activities.SyncSettings) (shortest time.Duration) {
	if s.Cron == "" {
		return s.Every
	}
	times := cronTimes(s)
	for i := 1; i < len(times); i++ {
		if gap := times[i].Sub(times[i-1]); shortest == 0 || gap < shortest {
			shortest = gap
		}
	}
	return shortest
}

// syncsIn is how many syncs begin in a time, at most.
func syncsIn(s activities.SyncSettings, length time.Duration) (most int) {
	if s.Cron == "" {
		if s.Every <= 0 {
			return 0
		}
		return int((length + s.Every - 1) / s.Every)
	}
	times := cronTimes(s)
	first := 0
	for i, at := range times {
		for at.Sub(times[first]) >= length {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// cronTimes are times of syncs in a row: those of a day of a sync every minute, and of four years of one every day.
func cronTimes(s activities.SyncSettings) (all []time.Time) {
	times, err := cron.ParseStandard(s.Cron)
	if err != nil {
		return nil
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	for at := times.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, zone)); !at.IsZero() && len(all) <= 1500; at = times.Next(at) {
		all = append(all, at)
	}
	return all
}

// sync reads the section sync of an account, or returns nil if there is none.
func (b branch) sync(provider string) *activities.SyncSettings {
	if b.value == nil {
		return nil
	}
	s := SyncDefaults(provider)
	s.Every, s.Cron, s.Zone = duration(b.text("every")), strings.TrimSpace(b.text("cron")), b.text("zone")
	s.From, _ = syncStart(b.text("from")) // checkSync reports what is wrong
	for key, to := range map[string]*time.Duration{"lag": &s.Lag, "directory": &s.Directory} {
		if text := b.text(key); text != "" {
			*to = duration(text)
		}
	}
	if b.at("settle").value != nil {
		s.Settle = nil
		for _, item := range b.at("settle").each() {
			text, _ := item.value.(string)
			s.Settle = append(s.Settle, duration(text))
		}
	}
	if order := b.text("history"); order != "" {
		s.History = activities.Order(order)
	}
	return &s
}

// syncStart reads a day or a time, in UTC. Empty is no time.
func syncStart(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a day such as 2025-01-31, nor a time such as 2025-01-31T12:00:00Z", text)
}

var durationText = regexp.MustCompile(`^(\d{1,6}(mo|[wdhms]))+$`)

var durationPart = regexp.MustCompile(`(\d+)(mo|[wdhms])`)

// duration reads a text such as 15m, 1d12h or 13mo. The schema reports anything else.
func duration(text string) (all time.Duration) {
	units := map[string]time.Duration{"mo": month, "w": 7 * day, "d": day, "h": time.Hour, "m": time.Minute, "s": time.Second}
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(part[1]) // the schema allows six digits
		all += time.Duration(n) * units[part[2]]
	}
	return all
}

// ParseDuration reads a duration as a configuration has it, such as 15m, 1d12h or 13mo.
func ParseDuration(text string) (time.Duration, error) {
	if !durationText.MatchString(text) {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 15m, 1h, 7d or 13mo", text)
	}
	return duration(text), nil
}

// DurationText writes a duration as a configuration has it, in the largest unit that gives a whole number.
func DurationText(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= unit.length && d%unit.length == 0 {
			return strconv.FormatInt(int64(d/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

// cronText matches what cron and Temporal read in the same way. Temporal has no question mark.
var cronText = regexp.MustCompile(`^[0-9A-Za-z*/,@ -]+$`)

const cronExpected = `expected five fields, minute, hour, day of the month, month and day of the week, such as "*/15 6-20 * * mon-fri"`

// checkSync finds what is wrong with an account's section sync.
func (c Config) checkSync(account string, d providers.Definition, s activities.SyncSettings, now time.Time) (problems Problems) {
	add := func(key, format string, args ...any) {
		problems = append(problems, c.Problem(strings.TrimSuffix("accounts."+account+".sync."+key, "."), fmt.Sprintf(format, args...)))
	}
	if _, err := time.LoadLocation(s.Zone); err != nil {
		add("zone", "%s", unknownZone)
	}
	switch {
	case s.Every == 0 && s.Cron == "":
		add("", "says no times of syncs; add every: 15m, or cron: with a cron expression")
	case s.Every != 0 && s.Cron != "":
		add("cron", "cannot be used together with every; remove one of them")
	case s.Cron != "":
		if reason := wrongCron(s.Cron); reason != "" {
			add("cron", "%s", reason)
		} else if gap := SyncInterval(s); gap == 0 {
			add("cron", "never happens twice; %s", cronExpected)
		} else if gap < d.LeastInterval {
			add("cron", "names times that are %s apart; %s allows at most one sync every %s", DurationText(gap), d.Name, DurationText(d.LeastInterval))
		}
	case s.Every < time.Second:
		add("every", "must be at least 1s")
	case s.Every < d.LeastInterval:
		add("every", "is too short: %s allows at most one sync every %s; set %s or more", d.Name, DurationText(d.LeastInterval), DurationText(d.LeastInterval))
	}
	if s.Lag < d.LeastLag {
		add("lag", "is too short: %s may list a change %s late; set %s or more", d.Name, DurationText(d.LeastLag), DurationText(d.LeastLag))
	}
	if reason := c.source.wrongStart(account); reason != "" {
		add("from", "%s", reason)
	} else if s.From.After(now) {
		add("from", "is in the future; give the first day of the history")
	}
	for i, after := range s.Settle {
		switch {
		case after < time.Hour:
			add(fmt.Sprintf("settle.%d", i), "must be at least 1h: a window is settled after the platform has")
		case i > 0 && after <= s.Settle[i-1]:
			add(fmt.Sprintf("settle.%d", i), "is not after the one before it; give ascending durations, such as [1d, 7d, 30d]")
		}
	}
	if s.Directory != 0 && s.Directory < time.Hour {
		add("directory", "must be at least 1h, or 0 for no snapshots")
	}
	if orders := []activities.Order{activities.NewestFirst, activities.OldestFirst, activities.ByDeadline}; !slices.Contains(orders, s.History) {
		add("history", "must be newest, oldest or deadline")
	}
	return problems
}

// wrongCron says what is wrong with a cron expression, or nothing.
func wrongCron(text string) string {
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return "contains a time zone; set zone instead"
	}
	if strings.HasPrefix(text, "@every") {
		return "is an interval; set every instead"
	}
	if !cronText.MatchString(text) {
		return "is not a cron expression; " + cronExpected
	}
	if _, err := cron.ParseStandard(text); err != nil {
		return fmt.Sprintf("is not a cron expression (%s); %s", err, cronExpected)
	}
	// Of both, cron takes either, and Temporal takes days that are both.
	if fields := strings.Fields(text); len(fields) == 5 && fields[2] != "*" && fields[4] != "*" {
		return "names days of the month and days of the week; leave one of them *"
	}
	return ""
}

// wrongStart says what is wrong with the beginning of an account's history, or nothing.
func (s *source) wrongStart(account string) string {
	if s == nil {
		return ""
	}
	if _, err := syncStart(branch{s, "", s.tree}.at("accounts").at(account).at("sync").text("from")); err != nil {
		return err.Error()
	}
	return ""
}
