package worker_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// specOf returns the digest of an account with the given settings.
func specOf(t *testing.T, settings string) worker.Config {
	t.Helper()
	return load(t, "lake: {url: 'file:./lake'}\naccounts:\n  acme: {"+settings+", token: 'env:TOKEN'}\n")
}

// TestSpecIsOfMeanings wants equal digests for settings with the same meaning, and different ones for others.
func TestSpecIsOfMeanings(t *testing.T) {
	const org = "7f9e9580-095b-42c7-838c-c04e667b26f7"
	for base, variants := range map[string]struct{ same, different []string }{
		"provider: chatwoot, account_id: 1": {
			same: []string{
				"provider: chatwoot, account_id: 1, options: {details: auto}", "provider: chatwoot, account_id: '01', options: {participants: 'T', reporting_events: false}",
				"provider: chatwoot, account_id: 1, base_url: 'https://app.chatwoot.com'", "provider: chatwoot, account_id: 1, base_url: 'HTTPS://APP.Chatwoot.com:443/'",
				"provider: chatwoot, account_id: 1, rate: {requests_per_second: 3}",
			},
			different: []string{
				"provider: chatwoot, account_id: 1, options: {details: false}", "provider: chatwoot, account_id: 1, options: {details: true}", "provider: chatwoot, account_id: 2",
				"provider: chatwoot, account_id: 1, base_url: 'https://app.chatwoot.com:8443'", "provider: chatwoot, account_id: 1, base_url: 'https://app.chatwoot.com/x'",
				"provider: inquirly, account_id: 1, base_url: 'https://app.chatwoot.com'",
			},
		},
		"provider: freshchat, base_url: 'https://acme.freshchat.com/v2'": {
			same: []string{
				"provider: freshchat, base_url: 'https://Acme.Freshchat.com'", "provider: freshchat, base_url: 'https://acme.freshchat.com/v2/', options: {lane: both, enumeration: reports}",
				"provider: freshchat, base_url: 'https://acme.freshchat.com/v2', options: {reports_per_day: 120, reports_per_minute: 1}",
			},
			different: []string{"provider: freshchat, base_url: 'https://acme.freshchat.com/v2', options: {lane: rest}", "provider: freshchat, base_url: 'https://acme.freshchat.com/v2', options: {reports: none}"},
		},
		"provider: giosg, account_id: " + org: {
			same:      []string{"provider: giosg, account_id: " + strings.ToUpper(org) + ", options: {visitors: true, auth: token, open_chats: include, ordering: -created_at}"},
			different: []string{"provider: giosg, account_id: " + org + ", options: {is_ended: true}", "provider: giosg, account_id: " + org + ", options: {rooms: " + org + "}"},
		},
		"provider: liveperson, account_id: '12345678'": {
			same: []string{
				"provider: liveperson, account_id: '12345678', options: {mode: account, status: 'CLOSE,OPEN', page_size: 50, source: chatlake, state: ARCHIVE}",
			},
			different: []string{"provider: liveperson, account_id: '12345678', options: {status: OPEN}", "provider: liveperson, account_id: '12345678', options: {content: dialogs}"},
		},
	} {
		want := specOf(t, base).Spec("acme")
		for _, settings := range variants.same {
			if specOf(t, settings).Spec("acme") != want {
				t.Errorf("{%s} has another digest than {%s}", settings, base)
			}
		}
		for _, settings := range variants.different {
			if specOf(t, settings).Spec("acme") == want {
				t.Errorf("{%s} has the digest of {%s}", settings, base)
			}
		}
	}
}

// TestDigestsOfOtherBuildsCount pins digests made by builds without a normal form.
func TestDigestsOfOtherBuildsCount(t *testing.T) {
	shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: schemas.Window{From: from, To: to}}
	made := func(c worker.Config, digest, refresh string) bool {
		return c.Made(ledger.Record{Shard: shard, Refresh: refresh, SpecDigest: activities.SpecDigest(digest, shard, refresh)})
	}
	const plain, written, capitals = "712e17ce933f933b343cfd75c1f63fb785b72d1836fc84237a29cba6c12a0bb7", "046454c06c87e1d9840b03f21674e9a3660d7b8a0634c8a214939cdb3e2c05c5", "73e99788d03aa7fdecd255f5322007df82536312aa84872b0a4b539fd72727a6"
	today := specOf(t, "provider: chatwoot, account_id: 1")
	spelled := specOf(t, "provider: chatwoot, account_id: 1, base_url: 'https://App.Chatwoot.com', options: {details: true}")
	for name, c := range map[string]worker.Config{"today": today, "spelled": spelled} {
		for what, digest := range map[string]string{"without options": plain, "with a default written out": written} {
			if !made(c, digest, "") || !made(c, digest, "2026-01-01T00:00:00Z") || !slices.Contains(c.Specs("acme"), digest) {
				t.Errorf("%s: the digest %s does not count", name, what)
			}
		}
	}
	if !made(spelled, capitals, "") {
		t.Error("the digest of settings that are still as they were does not count")
	}
	if made(today, "another", "") {
		t.Error("any digest counts")
	}
	if got := spelled.Spec("acme"); got != plain {
		t.Errorf("the digest of settings in their normal form is %s, and not as it always was", got)
	}
	if made(spelled, today.Spec("acme"), "") {
		t.Error("windows that may lack details count where all details are wanted")
	}
	other := specOf(t, "provider: chatwoot, account_id: 1, options: {details: false}")
	if made(other, plain, "") || made(other, written, "") {
		t.Error("a digest of other settings counts")
	}
}
