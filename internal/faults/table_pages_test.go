package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// pages are lists with wrong rows, totals or links.
var pages = []fault{
	{
		name: "the same page forever, each with a link to a next page", where: []place{atList}, on: []string{"chatwoot"},
		spoil: func(p place) spoil { return again(true, at(p)) },
		end:   end{state: blocked, kind: "Malformed", says: "same conversations on different pages", extra: 100},
	}, {
		name: "the same page forever, each with a link to a next page", where: []place{atList}, on: []string{"giosg"},
		spoil: func(p place) spoil { return again(true, at(p)) },
		end:   end{state: blocked, kind: "Malformed", says: "does not list chats in the order", extra: 100},
	}, {
		name: "the same page forever, each with a link to a next page", where: []place{atList}, on: []string{"liveperson"},
		corpus: simulator.CorpusConfig{Seed: 6, Conversations: 250},
		spoil:  func(p place) spoil { return again(true, at(p)) },
		end:    end{state: blocked, kind: "Malformed", says: "again and again", extra: 100},
	}, {
		name: "the same page of messages forever, each with a link to a next page", where: []place{atMessages}, on: []string{"giosg"},
		spoil: func(p place) spoil { return again(true, ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "circle", extra: 100},
	}, {
		name: "the same page of messages forever, each with a link to a next page", where: []place{atMessages}, on: []string{"freshchat"},
		spoil: func(p place) spoil { return again(true, ofVictim(p)) },
		end:   end{state: gaps, extra: 100, changed: true, flag: "message_count_mismatch"},
	}, {
		name: "a page whose link leads to itself", where: []place{atList}, on: []string{"giosg"},
		spoil: func(p place) spoil { return edited(member(nextOf, toItself), at(p)) },
		end:   end{state: blocked, kind: "Malformed", says: "does not list chats in the order", extra: 100},
	}, {
		name: "a page of messages whose link leads to itself", where: []place{atMessages}, on: []string{"giosg"},
		spoil: func(p place) spoil { return edited(member(nextOf, toItself), ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "circle", extra: 100},
	}, {
		name: "a page of messages whose link leads to itself", where: []place{atMessages}, on: []string{"freshchat"},
		spoil: func(p place) spoil { return edited(member(nextOf, toItself), ofVictim(p)) },
		end:   fine(10, time.Hour),
	}, {
		name: "one list page in eight, at random, is replaced by another page of the list", where: []place{atList}, on: []string{"chatwoot", "giosg", "liveperson"},
		spoil: func(p place) spoil { return strayed(0.125, at(p)) },
		end:   fine(600, 2*time.Hour),
	}, {
		name: "a list page with half of its rows, once", where: []place{atList}, on: []string{"chatwoot", "giosg", "liveperson"},
		spoil: func(p place) spoil { return edited(member(rowsOf, halved), number(3, at(p))) },
		end:   fine(100, time.Hour),
	}, {
		name: "a list page without a link to the next page, once", where: []place{atList}, on: []string{"giosg"},
		spoil: func(p place) spoil { return edited(member(nextOf, nowhere), number(3, at(p))) },
		end:   fine(10, time.Hour),
	}, {
		name: "an answer without messages, once", where: []place{atMessages},
		spoil: func(p place) spoil { return edited(member(saidOf, without), first(1, ofVictim(p))) },
		end:   fine(10, time.Hour),
	}, {
		name: "an empty page in the middle, once", where: []place{atList}, on: []string{"chatwoot", "liveperson"},
		spoil: func(p place) spoil { return edited(member(rowsOf, without), number(5, at(p))) },
		end:   fine(100, time.Hour),
	}, {
		name: "an empty page in the middle, once", where: []place{atList}, on: []string{"giosg"},
		spoil: func(p place) spoil { return edited(member(rowsOf, without), number(3, at(p))) },
		end:   fine(10, time.Hour),
	}, {
		name: "an empty page in the middle, forever", where: []place{atList}, on: []string{"chatwoot"},
		spoil: func(p place) spoil {
			return edited(member(rowsOf, without), func(w *world, r *http.Request) bool { return at(p)(w, r) && r.FormValue("page") == "3" })
		},
		end: end{state: blocked, kind: "CountMismatch", extra: 300},
	}, {
		name: "totals that grow with every request", where: []place{atList}, on: []string{"chatwoot"},
		spoil: func(p place) spoil { return edited(member(totalOf, growing()), at(p)) },
		end:   end{state: blocked, kind: "CountMismatch", says: fmt.Sprint("lists ", conversations), extra: 250},
	}, {
		name: "totals that grow with every request", where: []place{atList}, on: []string{"liveperson"},
		spoil: func(p place) spoil { return edited(member(totalOf, growing()), at(p)) },
		end:   end{state: waiting, says: "changed while they were counted", extra: 1000},
	}, {
		name: "totals that are smaller than the list", where: []place{atList}, on: []string{"chatwoot"},
		spoil: func(p place) spoil {
			return edited(member(totalOf, func(*world, *http.Request, json.RawMessage) json.RawMessage { return json.RawMessage("3") }), at(p))
		},
		end: fine(100, time.Hour),
	}, {
		name: "a damaged report file, twice", where: []place{atList}, on: []string{"freshchat"},
		spoil: func(place) spoil {
			return edited(func(_ *world, _ *http.Request, body []byte) []byte { return body[:len(body)/2] }, first(2, ofFiles))
		},
		end:  end{state: complete, extra: 10, most: time.Minute},
		note: "it is downloaded again at once, and no other file is",
	}, {
		name: "reports that always fail", where: []place{atList}, on: []string{"freshchat"},
		spoil: func(place) spoil {
			return instead(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"status":"FAILED","links":[]}`)
			}, ofReports)
		},
		end: end{state: blocked, kind: "Failed", says: "6 reports of this window failed", extra: 20},
	}, {
		name: "a cursor that expires", where: []place{atList}, on: []string{"giosg"},
		spoil: func(p place) spoil {
			third := number(3, at(p))
			return func(w *world, next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if w.strikes(third, r) {
						w.expire()
					}
					next.ServeHTTP(rw, r)
				})
			}
		},
		end: fine(20, time.Hour),
	},
}

// ofReports are the polls of Freshchat's reports.
func ofReports(_ *world, r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/reports/raw/")
}

// ofFiles are the downloads of Freshchat's reports.
func ofFiles(_ *world, r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/extracts/") }

// growing increases a total by one with every request.
func growing() func(*world, *http.Request, json.RawMessage) json.RawMessage {
	n := &atomic.Int64{}
	return func(_ *world, _ *http.Request, was json.RawMessage) json.RawMessage {
		count, _ := strconv.ParseInt(string(was), 10, 64)
		return json.RawMessage(strconv.FormatInt(count+n.Add(1), 10))
	}
}
