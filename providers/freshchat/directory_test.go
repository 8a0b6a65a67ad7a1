package freshchat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

func join(to *schemas.Snapshot, rows schemas.Snapshot) {
	to.Events = append(to.Events, rows.Events...)
	to.Ratings = append(to.Ratings, rows.Ratings...)
	to.Agents = append(to.Agents, rows.Agents...)
	to.Contacts = append(to.Contacts, rows.Contacts...)
	to.Groups = append(to.Groups, rows.Groups...)
	to.Channels = append(to.Channels, rows.Channels...)
	to.Labels = append(to.Labels, rows.Labels...)
	to.Fields = append(to.Fields, rows.Fields...)
}

// Lists announce further pages by a pagination, by links, by both or not at all.
func TestDirectoryRoundTrip(t *testing.T) {
	for _, envelope := range []string{"both", "pagination", "links", "none"} {
		t.Run(envelope, func(t *testing.T) {
			options := fake.Options{Envelope: envelope, ListPage: 17, DeletedPeople: 9}
			if envelope == "none" {
				options.ListPage = 50 // then a page with fewer rows than requested is the last
			}
			s, a, _ := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 400}, options, nil)
			var got schemas.Snapshot
			kinds := map[string]int{}
			for page, err := range a.Directory(t.Context(), "") {
				if err != nil {
					t.Fatal(err)
				}
				for _, doc := range page.Documents {
					kinds[doc.Kind]++
					rows, err := mapper().Snapshot(doc)
					if err != nil {
						t.Fatal(err)
					}
					join(&got, rows)
				}
			}
			if diff := cmp.Diff(s.Snapshot(), got, providertest.Rows); diff != "" {
				t.Errorf("directory (-want +got):\n%s", diff)
			}
			if kinds[kindUsers] < 3 || kinds[kindConfiguration] != 1 {
				t.Errorf("documents: %v", kinds)
			}
		})
	}
}

func TestSnapshotOfSamples(t *testing.T) {
	tests := []struct{ kind, file string }{
		{kindAgents, "agents_list.json"}, {kindGroups, "groups_list.json"}, {kindChannels, "channels_list.json"}, {kindRoles, "roles_list.json"},
		{kindFields, "conversation_fields.json"}, {kindConfiguration, "accounts_configuration.json"}, {kindUsers, "users_list.json"}, {kindUsers, "users_fetch_response.json"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			s, err := mapper().Snapshot(sampleDoc(t, tt.kind, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "snapshot_"+strings.TrimSuffix(tt.file, ".json"), s)
		})
	}
}

func TestHasMore(t *testing.T) {
	tests := []struct {
		body string
		rows int
		page int
		want bool
	}{
		{`{"pagination":{"total_pages":2,"current_page":1}}`, 50, 1, true},
		{`{"pagination":{"total_pages":2}}`, 50, 2, false},
		{`{"pagination":{"total_pages":9}}`, 0, 3, false},
		{`{"pagination":{},"links":{"next_page":{"href":"/v2/users?page=2"}}}`, 3, 1, true},
		{`{"links":{"next_page":"/v2/users?page=2"}}`, 3, 1, true},
		{`{"links":{"next_page":null}}`, 50, 1, false},
		{`{"links":{}}`, 50, 1, false},
		{`{}`, 50, 1, true},
		{`{}`, 49, 1, false},
		{`[]`, 50, 1, true},
	}
	for _, tt := range tests {
		if got := hasMore([]byte(tt.body), tt.rows, tt.page, 50); got != tt.want {
			t.Errorf("%s with %d rows on page %d: %v", tt.body, tt.rows, tt.page, got)
		}
	}
}

// withoutIDs removes the ids that are derived from the rows, and returns all ids.
func withoutIDs(s *schemas.Snapshot) (ids []string) {
	for i := range s.Events {
		ids = append(ids, s.Events[i].EventID)
		s.Events[i].EventID = ""
	}
	for i := range s.Ratings {
		ids = append(ids, s.Ratings[i].RatingID)
		if strings.HasPrefix(s.Ratings[i].RatingID, "CSAT") {
			s.Ratings[i].RatingID = ""
		}
	}
	return ids
}

// TestReportsRoundTrip reads all reports of two months.
func TestReportsRoundTrip(t *testing.T) {
	for name, options := range map[string]fake.Reports{"tidy": {}, "untidy": {Untidy: true, Fail: 2}} {
		t.Run(name, func(t *testing.T) {
			config := simulator.CorpusConfig{Seed: 8, Conversations: 900, From: march, To: march.AddDate(0, 2, 0)}
			s, a, w := site(t, config, fake.Options{Reports: options}, map[string]string{"reports": strings.Join(knownReports, ",")})
			w.From = w.From.Add(90 * time.Minute) // the first day has a shorter report
			var got schemas.Snapshot
			for page, err := range a.Reports(t.Context(), w, "") {
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Refs) > 0 || len(page.Next) > maxCursor || len(page.Documents) > documentsPerPage {
					t.Errorf("a page of %d conversations, %d documents, cursor %q", len(page.Refs), len(page.Documents), page.Next)
				}
				for _, doc := range page.Documents {
					rows, err := mapper().Report(doc)
					if err != nil || doc.ConversationID != "" || len(rows.Events)+len(rows.Ratings) > rowsPerDocument {
						t.Fatalf("%s: %d events, %v", doc.Kind, len(rows.Events), err)
					}
					join(&got, rows)
				}
			}
			want := s.Report(w, knownReports...)
			ids := withoutIDs(&got)
			if slices.Sort(ids); len(slices.Compact(ids)) != len(got.Events)+len(got.Ratings) || len(got.Ratings) == 0 {
				t.Errorf("%d ids for %d events and %d ratings", len(ids), len(got.Events), len(got.Ratings))
			}
			byAll := cmp.Options{
				cmpopts.SortSlices(func(a, b schemas.Event) bool {
					return a.Kind+a.ConversationID+a.CreatedAt.String()+deref(a.MessageID)+deref(a.ActorID)+deref(a.Attributes["label_sub_category_name"]) < b.Kind+b.ConversationID+b.CreatedAt.String()+deref(b.MessageID)+deref(b.ActorID)+deref(b.Attributes["label_sub_category_name"])
				}),
				cmpopts.SortSlices(func(a, b schemas.Rating) bool { return a.ConversationID < b.ConversationID }),
			}
			if diff := cmp.Diff(want, got, providertest.Rows, byAll); diff != "" {
				t.Errorf("reports (-want +got):\n%.3000s", diff)
			}
			t.Logf("%d events, %d ratings, %d orders", len(got.Events), len(got.Ratings), s.Stats().Endpoints["reports/raw"])
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestReportsOff(t *testing.T) {
	s, a, w := site(t, small(5), fake.Options{}, map[string]string{"reports": "none"})
	for page, err := range a.Reports(t.Context(), w, "") {
		if err != nil || page.Next != "" || len(page.Documents) > 0 {
			t.Errorf("%+v, %v", page, err)
		}
	}
	if s.Stats().Requests != 0 {
		t.Error("reports that are off were ordered")
	}
}

// The columns of ratings have several names.
func TestReportColumns(t *testing.T) {
	tests := []struct {
		row     string
		score   float64
		comment string
		id      string
	}{
		{`{"conversation_id":"c","value":"4","created_at":"2025-01-01 00:00:00.0","csat_id":"s1","comment":"ok"}`, 4, "ok", "s1"},
		{`{"interaction_id":"c","CSAT_Score":"5","csat_rated_at":"2025-01-01 00:00:00.0","csat_response":"yes"}`, 5, "yes", ""},
		{`{"conversation_id":"c","rating":"1.5","created_at":"2025-01-01 00:00:00.0","survey_id":"the same for all"}`, 1.5, "", ""},
	}
	for _, tt := range tests {
		d := doc(kindReport+"CSAT-Score", `[`+tt.row+`]`)
		s, err := mapper().Report(d)
		if err != nil || len(s.Ratings) != 1 {
			t.Fatal(err)
		}
		r := s.Ratings[0]
		if r.ConversationID != "c" || *r.Score != tt.score || deref(r.Comment) != tt.comment || tt.id != "" && r.RatingID != tt.id || r.RatingID == "" || r.AnsweredAt == nil {
			t.Errorf("%s became %+v", tt.row, r)
		}
	}
	if _, err := mapper().Report(doc(kindReport+"CSAT-Score", `{`)); err == nil {
		t.Error("a body that is not JSON is accepted")
	}
}
