package liveperson_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

const root = "/messaging_history/api/account/" + liveperson.DefaultAccount + "/conversations/"

var january = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func newSite(options liveperson.Options) *liveperson.Site {
	return liveperson.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 7, Conversations: 120}), options)
}

func ask(t *testing.T, s *liveperson.Site, method, path, authorization, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

type answer struct {
	Metadata struct {
		Count      int
		Next, Last *struct{ Rel, Href string }
		Shards     struct{ PartialResult bool } `json:"shardsStatusResult"`
	} `json:"_metadata"`
	Records []map[string]json.RawMessage `json:"conversationHistoryRecords"`
}

func search(t *testing.T, s *liveperson.Site, query string, from, to time.Time, more string) (int, answer) {
	t.Helper()
	body := `{"start":{"from":` + strconv.FormatInt(from.UnixMilli(), 10) + `,"to":"` + strconv.FormatInt(to.UnixMilli(), 10) + `"}` + more + `}`
	w := ask(t, s, "POST", root+"search?source=test&"+query, "Bearer "+liveperson.Token, body)
	var a answer
	if w.Code == 200 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
	}
	return w.Code, a
}

func TestDomain(t *testing.T) {
	s := newSite(liveperson.Options{})
	w := ask(t, s, "GET", "http://a.example.com:81/api/account/12345678/service/msgHist/baseURI.json?version=1.0", "", "")
	if !strings.Contains(w.Body.String(), `"baseURI":"a.example.com:81"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, s, "GET", "/api/account/12345678/service/baseURI.json", "", ""); strings.Count(w.Body.String(), `"service"`) != 4 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"1/service/msgHist", "12345678/service/msghist"} {
		if w := ask(t, s, "GET", "/api/account/"+path+"/baseURI.json", "", ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	now := january
	s := newSite(liveperson.Options{Now: func() time.Time { return now }})
	form := url.Values{"client_id": {liveperson.ClientID}, "client_secret": {liveperson.ClientSecret}, "grant_type": {"client_credentials"}}
	get := func(form url.Values) (token string, status int) {
		r := httptest.NewRequest("POST", "/sentinel/api/v2/account/12345678/app/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var said struct {
			Token   string `json:"access_token"`
			Expires int    `json:"expires_in"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &said)
		if w.Code == 200 && said.Expires != 3600 {
			t.Errorf("expires_in %d", said.Expires)
		}
		return said.Token, w.Code
	}
	token, _ := get(form)
	users := func() int {
		return ask(t, s, "GET", "/api/account/12345678/configuration/le-users/users", "Bearer "+token, "").Code
	}
	if got := users(); got != 200 {
		t.Errorf("a new token: %d", got)
	}
	now = now.Add(time.Hour)
	if got := users(); got != 401 {
		t.Errorf("an old token: %d", got)
	}
	form.Set("client_secret", "wrong")
	if _, status := get(form); status != 400 {
		t.Errorf("a wrong secret: %d", status)
	}
}

func TestSearchIsChecked(t *testing.T) {
	s := newSite(liveperson.Options{})
	week := january.AddDate(0, 0, 7)
	for query, want := range map[string]int{
		"": 200, "limit=100&offset=3&sort=end:desc": 200, "limit=101": 400, "limit=0": 400, "offset=-1": 400, "sort=start": 400,
		"source=": 200, // a second one counts for nothing
	} {
		if got, _ := search(t, s, query, january, week, ""); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	for to, want := range map[time.Time]int{january.AddDate(0, 3, 0): 200, january.AddDate(0, 3, 0).Add(time.Second): 400} {
		if got, _ := search(t, s, "", january, to, ""); got != want {
			t.Errorf("until %s: %d, want %d", to, got, want)
		}
	}
	for _, source := range []string{"", "source=", "source=a-b", "source=a23456789012345678901"} {
		if w := ask(t, s, "POST", root+"search?"+source, "Bearer "+liveperson.Token, `{"start":{"from":1,"to":2}}`); w.Code != 400 {
			t.Errorf("%q: %d", source, w.Code)
		}
	}
	if w := ask(t, s, "POST", root+"search?source=a", "Bearer "+liveperson.Token, `{}`); w.Code != 400 {
		t.Errorf("no start: %d", w.Code)
	}
	if w := ask(t, s, "POST", root+"search?source=a", "Bearer wrong", `{}`); w.Code != 401 {
		t.Errorf("a wrong token: %d", w.Code)
	}
}

func TestWindowsAreWidened(t *testing.T) {
	for rounding, wide := range map[bool]bool{true: true, false: false} {
		s := newSite(liveperson.Options{NoRounding: !rounding})
		_, all := search(t, s, "limit=1", january, january.AddDate(0, 1, 0), "")
		var info struct{ StartTimeL int64 }
		_ = json.Unmarshal(all.Records[0]["info"], &info)
		_, first := search(t, s, "limit=1&sort=start:asc", january, january.AddDate(0, 1, 0), "")
		_ = json.Unmarshal(first.Records[0]["info"], &info)
		at := time.UnixMilli(info.StartTimeL)
		_, beside := search(t, s, "", at.Add(time.Millisecond), at.Add(time.Second), "")
		if got := beside.Metadata.Count > 0; got != wide {
			t.Errorf("rounding %v: a window beside a conversation has it: %v", rounding, got)
		}
	}
}

func TestPagesAndContent(t *testing.T) {
	s := newSite(liveperson.Options{})
	_, a := search(t, s, "limit=7&offset=7", january, january.AddDate(0, 2, 0), `,"contentToRetrieve":["dialogs"]`)
	if len(a.Records) != 7 || a.Metadata.Count < 15 || a.Metadata.Next == nil || !strings.HasPrefix(a.Metadata.Next.Href, "http://localhost:8080/") {
		t.Errorf("%d of %d, next %v", len(a.Records), a.Metadata.Count, a.Metadata.Next)
	}
	if r := a.Records[0]; r["info"] == nil || r["dialogs"] == nil || len(r) != 2 {
		t.Errorf("a record has %d parts", len(r))
	}
	_, a = search(t, s, "limit=100", january, january.AddDate(0, 2, 0), "")
	if r := a.Records[0]; r["messageRecords"] == nil || r["dialogs"] != nil || a.Metadata.Next != nil {
		t.Error("what comes when nothing is named")
	}
	_, a = search(t, s, "limit=100", january, january.AddDate(0, 2, 0), `,"status":["OPEN"]`)
	for _, r := range a.Records {
		if !strings.Contains(string(r["info"]), `"status":"OPEN"`) || !strings.Contains(string(r["info"]), `"endTimeL":-1`) {
			t.Errorf("an open conversation is %s", r["info"])
		}
	}
}

func TestLateUpdate(t *testing.T) {
	now := january.AddDate(1, 1, 0)
	s := newSite(liveperson.Options{Now: func() time.Time { return now }})
	_, a := search(t, s, "limit=100&sort=start:asc", january, january.AddDate(0, 2, 0), "")
	var info struct{ ConversationID string }
	_ = json.Unmarshal(a.Records[0]["info"], &info)
	count := func(more string) int {
		_, a := search(t, s, "limit=100", january, january.AddDate(0, 2, 0), more)
		return a.Metadata.Count
	}
	since := `,"latestUpdateTime":{"from":` + strconv.FormatInt(now.UnixMilli(), 10) + `}`
	before := count(since)
	s.UpdateConversation(info.ConversationID, func(c *simulator.Conversation) { c.State = simulator.Closed })
	if after := count(since); before != 0 || after != 1 {
		t.Errorf("%d updated before, %d after", before, after)
	}
	all := count("")
	s.Hold(info.ConversationID)
	if held := count(""); held != all-1 {
		t.Errorf("%d with one held, %d without", held, all)
	}
	s.Release(info.ConversationID)
	if !s.DeleteConversation(info.ConversationID) || s.DeleteConversation(info.ConversationID) || count("") != all-1 {
		t.Error("a conversation was not deleted, or twice")
	}
	if _, ok := s.Thread(info.ConversationID); ok {
		t.Error("the truth still has it")
	}
}

func TestWallsAndShards(t *testing.T) {
	s := newSite(liveperson.Options{OffsetWall: 50, PartialShards: 2, EmptyIs204: true})
	to := january.AddDate(0, 3, 0)
	if got, _ := search(t, s, "offset=1&limit=50", january, to, ""); got != 500 {
		t.Errorf("beyond the wall: %d", got)
	}
	for _, want := range []bool{false, true, false, true} {
		if _, a := search(t, s, "limit=50", january, to, ""); a.Metadata.Shards.PartialResult != want {
			t.Errorf("partial: %v", !want)
		}
	}
	if got, _ := search(t, s, "", january.AddDate(-1, 0, 0), january.AddDate(-1, 0, 1), ""); got != 204 {
		t.Errorf("nothing: %d", got)
	}
}

// A consumer's token gives access only to that consumer's conversations.
func TestConsumers(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 7, Conversations: 120, People: 3})
	person := corpus.Outline(50).PersonID
	s := liveperson.New(corpus, liveperson.Options{Consumers: map[string]int64{"jwt": person}, Now: func() time.Time { return january.AddDate(1, 0, 0) }})
	get := func(path, token string) (int, string) {
		w := ask(t, s, "GET", root+path, token, "")
		return w.Code, w.Body.String()
	}
	const list = "consumer/metadata/search?source=a&limit=100"
	code, body := get(list+"&state=close,archive", "Bearer jwt")
	if code != 200 || !strings.Contains(body, `"_responseMetadata"`) || !strings.Contains(body, `"conversationHistoryMetadataRecords":[{`) {
		t.Errorf("%d %.200s", code, body)
	}
	_, archived := get(list, "Bearer jwt")
	if strings.Count(archived, `"convId"`) >= strings.Count(body, `"convId"`) {
		t.Error("archived ones are not all closed ones")
	}
	for token, want := range map[string]int{"jwt": 401, "Bearer x": 401, "Bearer " + liveperson.Token: 401} {
		if code, _ := get(list, token); code != want {
			t.Errorf("token %q: %d", token, code)
		}
	}
	if code, _ := get(list+"&startFrom=1", "Bearer jwt"); code != 400 {
		t.Errorf("one bound only: %d", code)
	}
	for i := range 20 {
		want := http.StatusNotFound
		if corpus.Outline(i).PersonID == person {
			want = http.StatusOK
		}
		if code, _ := get("conversation/content/search?source=a&conversationId="+corpus.Conversation(i).UUID, "Bearer jwt"); code != want {
			t.Errorf("conversation %d: %d, want %d", i, code, want)
		}
	}
}

func TestThrottle(t *testing.T) {
	s := newSite(liveperson.Options{Throttle: 2, Now: func() time.Time { return january }})
	for _, want := range []int{200, 200, 429} {
		got := ask(t, s, "GET", "/api/account/12345678/service/msgHist/baseURI.json", "", "")
		if got.Code != want || got.Header().Get("Retry-After") != "" {
			t.Errorf("%d, want %d", got.Code, want)
		}
	}
	if stats := s.Stats(); stats.Throttled != 1 || stats.Requests != 3 {
		t.Errorf("%+v", stats)
	}
}
