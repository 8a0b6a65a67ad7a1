package page

import (
	"fmt"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/schemas"
)

// level is a range of a coverage and the length of its cells: all years, a year by months, a month by days, or a day by windows.
type level struct {
	in, title string
	within    schemas.Window
	cells     inspect.Scale
}

// The forms of a range in an address.
const (
	everything = "all"
	inYear     = "2006"
	inMonth    = "2006-01"
	inDay      = "2006-01-02"
)

// levelOf reads a range of an address. Without one it is the year of the newest window, or that of now if there is none.
func levelOf(in string, known schemas.Window, newest, now time.Time) (level, error) {
	if in == everything {
		return level{in, "all years", known, inspect.ScaleYear}, nil
	}
	if in == "" {
		last := now.UTC()
		if !newest.IsZero() && newest.Before(last) {
			last = newest.Add(-time.Second).UTC()
		}
		in = last.Format(inYear)
	}
	for _, form := range []struct {
		layout, title       string
		years, months, days int
		cells               inspect.Scale
	}{{inYear, inYear, 1, 0, 0, inspect.ScaleMonth}, {inMonth, "January 2006", 0, 1, 0, inspect.ScaleDay}, {inDay, "2 January 2006", 0, 0, 1, inspect.ScaleWindow}} {
		from, err := time.Parse(form.layout, in)
		if err == nil && from.Year() >= 1970 && from.Year() < 9999 {
			return level{in, from.Format(form.title), schemas.Window{From: from, To: from.AddDate(form.years, form.months, form.days)}, form.cells}, nil
		}
	}
	return level{}, wrongRequest(fmt.Sprintf("the range %.20q is none: expected all, a year such as 2026, a month such as 2026-05, or a day such as 2026-05-12", in))
}

// inside is the range of a cell, as in an address.
func (l level) inside(w schemas.Window) string {
	switch l.cells {
	case inspect.ScaleYear:
		return w.From.UTC().Format(inYear)
	case inspect.ScaleMonth:
		return w.From.UTC().Format(inMonth)
	}
	return w.From.UTC().Format(inDay)
}

// up is the next longer range; nil if there is none.
func (l level) up(account string) *step {
	switch l.cells {
	case inspect.ScaleMonth:
		return &step{Name: "all years", Address: coverageAddress(everything, account)}
	case inspect.ScaleDay:
		return &step{Name: l.within.From.Format(inYear), Address: coverageAddress(l.within.From.Format(inYear), account)}
	case inspect.ScaleWindow:
		return &step{Name: l.within.From.Format("January 2006"), Address: coverageAddress(l.within.From.Format(inMonth), account)}
	}
	return nil
}

// others are all years of which anything is known, or the months or days before and after.
func (l level) others(known schemas.Window, account string) (all []step) {
	add := func(at time.Time, layout, title string) {
		in := at.Format(layout)
		all = append(all, step{at.Format(title), coverageAddress(in, account), in == l.in})
	}
	switch l.cells {
	case inspect.ScaleMonth:
		for year := known.From; !known.From.IsZero() && year.Year() <= known.To.Add(-time.Second).Year(); year = year.AddDate(1, 0, 1-year.YearDay()) {
			add(year, inYear, inYear)
		}
	case inspect.ScaleDay:
		add(l.within.From.AddDate(0, -1, 0), inMonth, "January 2006")
		add(l.within.From.AddDate(0, 1, 0), inMonth, "January 2006")
	case inspect.ScaleWindow:
		add(l.within.From.AddDate(0, 0, -1), inDay, "2 January")
		add(l.within.From.AddDate(0, 0, 1), inDay, "2 January")
	}
	return all
}

// columns are the names of the cells.
func (l level) columns() (names []string) {
	layout := map[inspect.Scale]string{inspect.ScaleYear: inYear, inspect.ScaleMonth: "Jan", inspect.ScaleDay: "2"}[l.cells]
	at := l.within.From.UTC()
	for at.Before(l.within.To) {
		names = append(names, at.Format(layout))
		switch l.cells {
		case inspect.ScaleYear:
			at = time.Date(at.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case inspect.ScaleMonth:
			at = at.AddDate(0, 1, 0)
		default:
			at = at.AddDate(0, 0, 1)
		}
	}
	return names
}
