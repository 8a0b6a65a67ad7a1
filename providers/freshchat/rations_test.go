package freshchat

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func TestRations(t *testing.T) {
	may := schemas.Window{From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		options map[string]string
		want    map[string]int
	}{
		"the default": {nil, map[string]int{
			"reports": 31 + 2 + 8, "reports-Chat-Transcript": 31, "reports-Conversation-Created": 2, "reports-CSAT-Score": 1,
			"reports-Conversation-Resolution-Label": 1, "reports-Conversation-Resolved": 1, "reports-Conversation-Agent-Assigned": 1,
			"reports-Conversation-Group-Assigned": 1, "reports-First-Response-Time": 1, "reports-Response-Time": 1, "reports-Resolution-Time": 1,
		}},
		"by users, without reports": {map[string]string{"enumeration": "users", "reports": "none"}, map[string]int{}},
		"a week of tail": {map[string]string{"lane": "transcript", "reports": "none", "reports_per_day": "0"}, map[string]int{
			"reports": 31 + 7 + 2,
		}},
		"not counted": {map[string]string{"reports_per_minute": "0", "reports_per_day": "0"}, map[string]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Definition.Open(providers.Account{BaseURL: "https://acme.freshchat.com/v2", Token: "t", Options: c.options})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, r := range p.(providers.Rationed).Rations(may) {
				got[r.Quota.Name] = r.Uses
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("uses (-want +got):\n%s", diff)
			}
		})
	}
}
