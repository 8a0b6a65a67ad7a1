package chatwoot_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/simulator/chatwoot"
)

func TestContacts(t *testing.T) {
	site := newSite(t, 300, chatwoot.Options{})
	type page struct {
		Meta struct {
			Count       int
			CurrentPage any `json:"current_page"`
		}
		Payload []struct {
			ID      int64
			Inboxes *[]any `json:"contact_inboxes"`
		}
	}
	truth := site.Snapshot().Contacts
	var got []string
	for n := 1; ; n++ {
		var p page
		get(t, site, fmt.Sprintf("contacts?page=%d", n), &p)
		if p.Meta.CurrentPage != fmt.Sprint(n) || p.Meta.Count != len(truth) || len(p.Payload) > 15 {
			t.Fatalf("page %d: meta %+v, %d rows", n, p.Meta, len(p.Payload))
		}
		for _, c := range p.Payload {
			got = append(got, itoa(c.ID))
		}
		if len(p.Payload) == 0 {
			break
		}
	}
	var want []string
	for _, c := range truth {
		if c.Email == nil && c.Phone == nil && c.Identifier == nil {
			t.Errorf("contact %s is anonymous", c.ContactID)
		}
		want = append(want, c.ContactID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contacts (-truth +listed):\n%s", diff)
	}
	var first page
	get(t, site, "contacts?include_contact_inboxes=false", &first)
	if first.Meta.CurrentPage != 1.0 || first.Payload[0].Inboxes != nil {
		t.Errorf("without page: current_page %v, contact_inboxes %v", first.Meta.CurrentPage, first.Payload[0].Inboxes)
	}
}

func TestContactConversations(t *testing.T) {
	site := newSite(t, 300, chatwoot.Options{})
	truth, _ := site.Thread("100")
	var got struct{ Payload []row }
	get(t, site, "contacts/"+*truth.Conversation.ContactID+"/conversations", &got)
	found := false
	for _, r := range got.Payload {
		of, _ := site.Thread(itoa(r.ID))
		if *of.Conversation.ContactID != *truth.Conversation.ContactID {
			t.Errorf("conversation %d is of somebody else", r.ID)
		}
		found = found || r.ID == 100
	}
	if !found || len(got.Payload) > 20 {
		t.Errorf("%d conversations, conversation 100 among them: %v", len(got.Payload), found)
	}
}

func TestFieldsByModel(t *testing.T) {
	site := newSite(t, 1, chatwoot.Options{})
	counts := map[string]int{}
	for _, model := range []string{"", "conversation_attribute", "contact_attribute", "0", "1"} {
		var list []any
		get(t, site, "custom_attribute_definitions?attribute_model="+model, &list)
		counts[model] = len(list)
	}
	want := map[string]int{"": 6, "conversation_attribute": 4, "contact_attribute": 2, "0": 4, "1": 2}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("definitions by model (-want +got):\n%s", diff)
	}
}

// TestSurveys: the endpoint has every rating of the truth, both in windows and at once.
func TestSurveys(t *testing.T) {
	site := newSite(t, 600, chatwoot.Options{})
	want := map[string]float64{}
	for _, id := range site.Conversations(year) {
		truth, _ := site.Thread(id)
		for _, r := range truth.Ratings {
			want[r.RatingID] = *r.Score
		}
	}
	read := func(query string) map[string]float64 {
		got := map[string]float64{}
		for page := 1; ; page++ {
			var list []struct {
				Message int64 `json:"message_id"`
				Rating  float64
			}
			get(t, site, fmt.Sprintf("csat_survey_responses?page=%d&%s", page, query), &list)
			for _, r := range list {
				got[itoa(r.Message)] = r.Rating
			}
			if len(list) < 25 {
				return got
			}
		}
	}
	if diff := cmp.Diff(want, read("")); diff != "" || len(want) < 26 {
		t.Errorf("ratings by message (-truth +listed):\n%s", diff)
	}
	june := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC).Unix()
	early, late := read(fmt.Sprintf("since=1&until=%d", june)), read(fmt.Sprintf("since=%d&until=%d", june, june*2))
	if len(early) == 0 || len(late) == 0 || len(early)+len(late) != len(want) {
		t.Errorf("%d before June and %d after, want %d together", len(early), len(late), len(want))
	}
	if n := len(read(fmt.Sprintf("since=%d", june))); n != len(want) {
		t.Errorf("%d with one bound only, want it ignored: %d", n, len(want))
	}
}

func TestAccountEvents(t *testing.T) {
	site := newSite(t, 100, chatwoot.Options{ReportingEvents: true})
	type page struct {
		Payload []struct {
			ID           int64
			Conversation int64     `json:"conversation_id"`
			CreatedAt    time.Time `json:"created_at"`
		}
		Meta struct {
			Count int
			Pages int `json:"total_pages"`
		}
	}
	events := 0
	for _, id := range site.Conversations(year) {
		truth, _ := site.Thread(id)
		for _, e := range truth.Events {
			if e.Kind != "activity" {
				events++
			}
		}
	}
	var p page
	get(t, site, "reporting_events?page=2", &p)
	if p.Meta.Count != events || p.Meta.Pages != (events+24)/25 || len(p.Payload) != 25 {
		t.Errorf("meta %+v, %d rows, want %d events", p.Meta, len(p.Payload), events)
	}
	for i, e := range p.Payload {
		if i > 0 && e.CreatedAt.After(p.Payload[i-1].CreatedAt) || e.Conversation < 88_000 {
			t.Errorf("event %d is out of order or has a display id", e.ID)
		}
	}
}
