package faults

import (
	"net/http"
	"slices"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

var (
	everywhere = []place{atList, atMessages, atMetadata}
	matrix     = slices.Concat(throttles, outages, lines, pages, bodies)
)

// fine is a complete export without any trace of the fault.
func fine(extra int64, most time.Duration) end { return end{state: complete, extra: extra, most: most} }

func httpDate(after time.Duration) func() string {
	return func() string { return time.Now().Add(after).UTC().Format(http.TimeFormat) }
}

// throttles are ways to say "too many requests".
var throttles = []fault{
	{
		name: "429 without Retry-After, five times", where: everywhere,
		spoil: func(p place) spoil { return instead(tooMany(saying("")), first(5, at(p))) },
		end:   fine(10, 15*time.Minute),
	}, {
		name: "429 with Retry-After in seconds, three times", where: everywhere,
		spoil: func(p place) spoil { return instead(tooMany(saying("30")), first(3, at(p))) },
		end:   end{state: complete, extra: 15, least: 30 * time.Second, most: 5 * time.Minute},
	}, {
		name: "429 with Retry-After as a date, twice", where: everywhere,
		spoil: func(p place) spoil { return instead(tooMany(httpDate(90*time.Second)), first(2, at(p))) },
		end:   end{state: complete, extra: 15, least: 80 * time.Second, most: 10 * time.Minute},
	}, {
		name: "429 with Retry-After of a year", where: everywhere,
		spoil: func(p place) spoil { return instead(tooMany(saying("31536000")), first(1, at(p))) },
		end:   end{state: waiting, extra: 150},
		note:  "no single wait is longer than a day, whatever the platform says",
	}, {
		name: "429 with a negative Retry-After", where: []place{atList},
		spoil: func(p place) spoil { return instead(tooMany(saying("-5")), first(3, at(p))) },
		end:   fine(10, 15*time.Minute),
	}, {
		name: "429 with a meaningless Retry-After", where: []place{atList},
		spoil: func(p place) spoil { return instead(tooMany(saying("soon; 1e309")), first(3, at(p))) },
		end:   fine(10, 15*time.Minute),
	}, {
		name: "429 with Retry-After as a date in the past", where: []place{atList},
		spoil: func(p place) spoil { return instead(tooMany(httpDate(-48*time.Hour)), first(3, at(p))) },
		end:   fine(10, 15*time.Minute),
	}, {
		name: "429 to everything for 30 minutes", where: []place{elsewhere},
		spoil: func(place) spoil { return instead(tooMany(saying("")), during(30*time.Minute, everything)) },
		end:   end{state: complete, extra: 60, least: 30 * time.Minute, most: 2 * time.Hour},
	}, {
		name: "429 with Retry-After of a minute to everything for 30 minutes", where: []place{elsewhere},
		spoil: func(place) spoil { return instead(tooMany(saying("60")), during(30*time.Minute, everything)) },
		end:   end{state: complete, extra: 60, least: 30 * time.Minute, most: 2 * time.Hour},
	},
}

// outages are platforms that are down.
var outages = []fault{
	{
		name: "500, ten times", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.ServerError, first(10, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "502, ten times", where: []place{atList, atMessages},
		spoil: func(p place) spoil { return broken(simulator.BadGateway, first(10, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "503, ten times", where: []place{atList, atMessages},
		spoil: func(p place) spoil { return broken(simulator.Unavailable, first(10, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "500 to everything for two hours", where: []place{elsewhere},
		spoil: func(place) spoil { return broken(simulator.ServerError, during(2*time.Hour, everything)) },
		end:   end{state: complete, extra: 200, least: 2 * time.Hour, most: 4 * time.Hour},
	}, {
		name: "500, forever", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.ServerError, at(p)) },
		end:   end{state: waiting, extra: 2000},
	}, {
		name: "500 for one conversation", where: []place{atMessages, atMetadata},
		spoil: func(p place) spoil { return broken(simulator.ServerError, ofVictim(p)) },
		end:   end{state: gaps, kind: "Transient", says: "status 500", extra: 1500, most: 3 * time.Hour},
		note:  "chatlake gives up only if other conversations succeed meanwhile; if this one is alone in its window, it waits",
	}, {
		name: "404 for one conversation", where: []place{atMessages},
		spoil: func(p place) spoil { return instead(refusing(http.StatusNotFound), ofVictim(p)) },
		end:   end{state: complete, gone: true, extra: 10},
	}, {
		name: "401", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.Unauthorized, at(p)) },
		end:   end{state: blocked, kind: "Denied", extra: 10},
	},
}

// lines are broken connections, and incomplete or slow answers.
var lines = []fault{
	{
		name: "connection reset, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.Reset, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "connection reset in the body, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.ResetBody, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "connection closed in the body, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.TruncatedBody, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "truncated gzip, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.TruncatedGzip, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "truncated JSON with a matching Content-Length, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.WrongLength, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "Content-Length longer than the body, twice", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.LongLength, first(2, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "truncated JSON with a matching Content-Length, for one conversation", where: []place{atMessages, atMetadata},
		spoil: func(p place) spoil { return broken(simulator.WrongLength, ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "not JSON", extra: 300},
	}, {
		name: "connection closed in the body, for one conversation", where: []place{atMessages, atMetadata},
		spoil: func(p place) spoil { return broken(simulator.TruncatedBody, ofVictim(p)) },
		end:   end{state: gaps, kind: "Transient", says: "cut off", extra: 1500, most: 3 * time.Hour},
		note:  "chatlake gives up only if other conversations succeed meanwhile; if this one is alone in its window, it waits",
	}, {
		name: "one byte per second, once", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.Dribble, first(1, at(p))) },
		end:   end{state: complete, extra: 60, least: time.Minute, most: 15 * time.Minute},
	}, {
		name: "one byte per second, forever", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.Dribble, at(p)) },
		end:   end{state: waiting, extra: 2000},
	}, {
		name: "200 with HTML, once", where: everywhere,
		spoil: func(p place) spoil { return broken(simulator.HTMLPage, first(1, at(p))) },
		end:   fine(60, time.Hour),
	}, {
		name: "200 with HTML, forever", where: []place{atList},
		spoil: func(p place) spoil { return broken(simulator.HTMLPage, at(p)) },
		end:   end{state: blocked, kind: "Malformed", says: "HTML", extra: 10},
	}, {
		name: "200 with HTML, for one conversation", where: []place{atMessages, atMetadata},
		spoil: func(p place) spoil { return broken(simulator.HTMLPage, ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "HTML", extra: 300},
	},
}
