package faults

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// bodies are complete answers with unexpected content.
var bodies = []fault{
	{
		name: "invalid UTF-8 in a text", where: []place{atMessages},
		spoil: func(p place) spoil { return edited(mine(replaced("before \xff\xfe after")), ofVictim(p)) },
		end:   end{state: complete, changed: true, check: reads("before \ufffd\ufffd after")},
		note:  "invalid bytes become U+FFFD; the document is kept as sent",
	}, {
		name: `\u0000 in a text`, where: []place{atMessages},
		spoil: func(p place) spoil { return edited(mine(replaced(`before \u0000 after`)), ofVictim(p)) },
		end:   end{state: complete, changed: true, check: reads("before \x00 after")},
		note:  "it is kept in the text",
	}, {
		name: "half a surrogate pair in a text", where: []place{atMessages},
		spoil: func(p place) spoil { return edited(mine(replaced(`before \ud83d after`)), ofVictim(p)) },
		end:   end{state: complete, changed: true, check: reads("before \ufffd after")},
		note:  "it becomes U+FFFD",
	}, {
		name: "a NUL byte in a text", where: []place{atMessages},
		spoil: func(p place) spoil { return edited(mine(replaced("before \x00 after")), ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "not JSON", extra: 300},
	}, {
		name: "ids above 2^53", where: []place{atMessages}, on: []string{"chatwoot"},
		spoil: func(p place) spoil { return edited(raised, ofVictim(p)) },
		end:   end{state: complete, changed: true, check: keepsIDs},
		note:  "every digit is kept",
	}, {
		name: "duplicate keys", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(around(`"KEY":"what does not count","KEY":"WORDS"`)), ofVictim(p))
		},
		end:  end{state: complete},
		note: "the last one counts",
	}, {
		name: "5,000 levels of nesting", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(around(`"unheard_of":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`,"KEY":"WORDS"`)), ofVictim(p))
		},
		end: end{state: complete, changed: true, check: keepsWords, extra: 10},
	}, {
		name: "20,000 levels of nesting", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(around(`"unheard_of":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`,"KEY":"WORDS"`)), ofVictim(p))
		},
		end: end{state: gaps, kind: "Malformed", says: "not JSON", extra: 300},
	}, {
		name: "a message in the year 0", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(retimed(whenSaid, "-62167219200", "-62167219200000", "0000-01-01T00:00:00.000Z")), ofVictim(p))
		},
		end:  end{state: complete, changed: true, extra: 10, check: isOf("")},
		note: "the message has no time",
	}, {
		name: "a message at the end of the year 9999", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(retimed(whenSaid, "253402300799", "253402300799999", "9999-12-31T23:59:59.999Z")), ofVictim(p))
		},
		end:  end{state: complete, changed: true, extra: 10, check: isOf("9999-12-31T23:59:59")},
		note: "the time is kept",
	}, {
		name: "a message in the year 10000", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(retimed(whenSaid, "253402300800", "253402300800000", "10000-01-01T00:00:00.000Z")), ofVictim(p))
		},
		end:  end{state: complete, changed: true, extra: 10, check: isOf("")},
		note: "the message has no time",
	}, {
		name: "a message on a day that does not exist", where: []place{atMessages},
		spoil: func(p place) spoil {
			return edited(mine(retimed(whenSaid, "9223372036854775807", "9223372036854775807", "2026-02-30T10:00:00.000Z")), ofVictim(p))
		},
		end:  end{state: complete, changed: true, extra: 10, check: isOf("")},
		note: "the message has no time",
	}, {
		name: "a conversation in the year 0", where: []place{atList}, on: []string{"chatwoot", "giosg", "liveperson"},
		spoil: func(p place) spoil {
			return edited(retimed(whenBegun, "-62167219200", "-62167219200000", "0000-01-01T00:00:00.000Z"), at(p))
		},
		end: end{state: blocked, kind: "Malformed", extra: 100},
	}, {
		name: "a body of 100 MB", where: []place{atMessages},
		spoil: func(p place) spoil { return edited(padded(100_000_000), ofVictim(p)) },
		end:   end{state: gaps, kind: "Malformed", says: "too large", extra: 100},
	}, {
		name: "a list of 100 MB", where: []place{atList}, on: []string{"chatwoot"},
		spoil: func(p place) spoil { return edited(padded(100_000_000), at(p)) },
		end:   end{state: blocked, kind: "Malformed", says: "too large", extra: 100},
	}, {
		name: "a conversation of 50,000 messages", where: []place{atMessages}, on: []string{"chatwoot"},
		corpus: simulator.CorpusConfig{Seed: 5, Conversations: 9, GiantMessages: 50_000},
		end:    end{state: complete, check: holds(50_000)},
	}, {
		name: "a conversation of 3,000 messages", where: []place{atMessages}, on: []string{"freshchat", "giosg", "liveperson"},
		corpus: simulator.CorpusConfig{Seed: 5, Conversations: 9, GiantMessages: 3000},
		end:    end{state: complete, check: holds(2500)},
	},
}

// reads wants a text among the victim's messages, and as many messages as without the fault.
func reads(text string) func(*world, contents, reference) error {
	return func(w *world, c contents, ref reference) error {
		if n, want := len(c.messages[w.victim.id]), len(ref.messages[w.victim.id]); n != want {
			return fmt.Errorf("the victim has %d messages, want %d", n, want)
		}
		if !slices.ContainsFunc(c.messages[w.victim.id], func(m said) bool { return m.text == text }) {
			return errors.New("the text is not in the lake as it has to be")
		}
		return nil
	}
}

func keepsWords(w *world, c contents, ref reference) error { return reads(w.victim.words)(w, c, ref) }

// isOf wants the victim's message to have a time, "" for none.
func isOf(at string) func(*world, contents, reference) error {
	return func(w *world, c contents, ref reference) error {
		if n, want := len(c.messages[w.victim.id]), len(ref.messages[w.victim.id]); n != want {
			return fmt.Errorf("the victim has %d messages, want %d", n, want)
		}
		for _, m := range c.messages[w.victim.id] {
			if m.text != w.victim.words {
				continue
			}
			if m.at == nil && at == "" || m.at != nil && at != "" && strings.HasPrefix(m.at.Format(time.RFC3339Nano), at) {
				return nil
			}
			return fmt.Errorf("the message is of %v, want %q", m.at, at)
		}
		return errors.New("the message is not in the lake")
	}
}

const above = 9_007_199_254_000_000_000 // 2^53 is about 9.0072e15

var idMember = regexp.MustCompile(`"id":(\d+)`)

// raised increases all ids of an answer beyond the precision of a float.
func raised(_ *world, _ *http.Request, body []byte) []byte {
	return idMember.ReplaceAllFunc(body, func(found []byte) []byte {
		id, _ := strconv.ParseInt(string(bytes.TrimPrefix(found, []byte(`"id":`))), 10, 64)
		return fmt.Appendf(nil, `"id":%d`, id+above)
	})
}

func keepsIDs(w *world, c contents, ref reference) error {
	var got, want []string
	for _, m := range c.messages[w.victim.id] {
		got = append(got, m.id)
	}
	for _, m := range ref.messages[w.victim.id] {
		id, _ := strconv.ParseInt(m.id, 10, 64)
		want = append(want, strconv.FormatInt(id+above, 10))
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the ids are %v, want %v", got, want)
	}
	return nil
}

// holds wants a conversation with at least the given number of messages.
func holds(messages int) func(*world, contents, reference) error {
	return func(_ *world, c contents, _ reference) error {
		most := 0
		for _, all := range c.messages {
			most = max(most, len(all))
		}
		if most < messages {
			return fmt.Errorf("the longest conversation has %d messages, want %d", most, messages)
		}
		return nil
	}
}
