package workflows_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// branches are the paths through the workflows, each as words that are in the trace of a history in this order. A word matches what
// begins with the part before a star and contains the part after it. Words with a bar between them are alternatives.
var branches = map[string][]string{
	"a shard is committed":                       {"Shard", "OpenShard", "ListPage", "FetchMessages", "FetchMetadata", "SealShard", "VerifyShard", "CommitShard", "Cleanup", `ends: {"commit":{"outcome":"committed"`},
	"a small shard takes three activities":       {"Shard", "OpenShard", "ListPage", "FinishShard", `ends: {"commit":{"outcome":"committed"`},
	"metadata is fetched after the list":         {"Shard", "ListPage", "FetchMetadata", "FinishShard", "ends: "},
	"a small shard misses conversations":         {"Shard", "FinishShard", "ListPage", "FinishShard", "CommitShard", "ends: "},
	"a small shard has a bad file":               {"Shard", "FinishShard", "SealShard", "VerifyShard", "CommitShard", "ends: "},
	"a small shard is superseded":                {"Shard", "FinishShard: Superseded", "OpenShard", "FinishShard", "ends: "},
	"a small shard has lost its staging":         {"Shard", "FinishShard: StagingLost", "OpenShard", "ListPage", "FinishShard", "ends: "},
	"the lake is down for a small shard":         {"Shard", "FinishShard: Unavailable", "timer fired", "FinishShard", "ends: "},
	"a shard is adopted":                         {"Shard", "OpenShard", `ends: {"commit":{"outcome":"adopted"`},
	"a shard that is not there to be adopted":    {"Shard", "OpenShard", `ends: *"absent":true`},
	"a shard that the ledger has in halves":      {"Shard", "OpenShard", `ends: {"split":true`},
	"a shard is cut":                             {"Shard", "ListPage: WindowTooDense", "Cleanup", `ends: {"split":true`},
	"a shard that is too short to be cut":        {"Shard", "ListPage: WindowTooDense", "update retry_blocked", "ListPage", "CommitShard"},
	"a shard continues as new":                   {"Shard", "FetchMessages", "SaveReceipts", "ends as new"},
	"a shard of many parts":                      {"Shard", "FetchMessages", "SaveReceipts", "FetchMessages", "SealShard", "CommitShard"},
	"a shard goes on in a second run":            {"Shard on", "ListPage", "SealShard", "CommitShard"},
	"a page that cannot be decoded is cut":       {"Shard", "FetchMessages: Malformed", "FetchMessages: Malformed", "SealShard", "CommitShard"},
	"a chunk that panics is cut":                 {"Shard", "FetchMetadata: Panic", "FetchMetadata: Panic", "SealShard"},
	"a chunk that hangs is cut":                  {"Shard", "FetchMessages: Timeout", "FetchMessages: Timeout", "SealShard"},
	"a list that crashes blocks":                 {"Shard", "ListPage: Panic", "timer fired", "ListPage: Panic", "timer fired", "ListPage: Panic", "timer fired", "ListPage: Panic", "update retry_blocked", "ListPage", "CommitShard"},
	"a seal that crashes blocks":                 {"Shard", "SealShard: Panic", "timer fired", "SealShard: Panic", "timer fired", "SealShard: Panic", "timer fired", "SealShard: Panic", "update retry_blocked", "SealShard", "CommitShard"},
	"denied while opening":                       {"Shard", "OpenShard: Denied", "update retry_blocked", "OpenShard", "CommitShard"},
	"denied while listing":                       {"Shard", "ListPage: Denied", "update retry_blocked", "ListPage", "CommitShard"},
	"denied while fetching":                      {"Shard", "FetchMessages: Denied", "update retry_blocked", "FetchMessages", "CommitShard"},
	"receipts that do not cover the list":        {"Shard", "SealShard: Incomplete", "update retry_blocked", "SealShard", "CommitShard"},
	"a count that does not match is listed anew": {"Shard", "VerifyShard", "ListPage", "SealShard", "VerifyShard", `ends: {"commit":{"outcome":"committed"`},
	"a count that does not match blocks":         {"Shard", "VerifyShard", "ListPage", "VerifyShard", "update retry_blocked", "ListPage", "VerifyShard", "CommitShard"},
	"an expired cursor":                          {"Shard", "ListPage: CursorExpired", "ListPage", "CommitShard"},
	"a cursor that cannot expire":                {"Shard", "CommitShard: CursorExpired", "timer", "timer fired", "CommitShard"},
	"staging is lost before the seal":            {"Shard", "SealShard: StagingLost", "ListPage", "SealShard", "CommitShard"},
	"staging is lost before a fetch":             {"Shard", "FetchMetadata: StagingLost", "ListPage", "SealShard", "CommitShard"},
	"staging is lost before a list":              {"Shard", "ListPage: StagingLost", "ListPage", "SealShard", "CommitShard"},
	"staging is lost until a person is asked":    {"Shard", "SealShard: StagingLost", "SealShard: StagingLost", "SealShard: StagingLost", "SealShard: StagingLost", "update retry_blocked", "SealShard", "CommitShard"},
	"sealed files are lost before the commit":    {"Shard", "CommitShard: FilesLost", "SealShard", "CommitShard: FilesLost", "SealShard", "CommitShard: FilesLost", "SealShard", "CommitShard: FilesLost", "update retry_blocked", "SealShard", "CommitShard"},
	"the lake is down while verifying":           {"Shard", "SealShard", "VerifyShard: Unavailable", "timer", "timer fired", "VerifyShard: Unavailable", "timer", "timer fired", "VerifyShard", "CommitShard"},
	"a conversation that cannot be had":          {"Shard", "FetchMessages: Transient", "timer fired", "FetchMessages: Transient", "timer fired", "FetchMessages: Transient", "SealShard", "CommitShard"},
	"the provider is down while opening":         {"Shard", "OpenShard: Transient", "timer", "timer fired", "OpenShard: Transient", "timer", "timer fired", "OpenShard", "CommitShard"},
	"the provider is down while listing":         {"Shard", "ListPage: Transient", "timer", "timer fired", "ListPage: Transient", "timer", "timer fired", "ListPage", "CommitShard"},
	"the provider is down while fetching":        {"Shard", "FetchMessages: Throttled", "timer", "timer fired", "FetchMessages", "CommitShard"},
	"the lake is down":                           {"Shard", "CommitShard: Unavailable", "timer", "timer fired", "CommitShard: Unavailable", "timer", "timer fired", "CommitShard"},
	"the worker stops while listing":             {"Shard", "ListPage: Interrupted", "ListPage", "CommitShard"},
	"the worker stops while fetching":            {"Shard", "FetchMetadata: Interrupted", "FetchMetadata", "CommitShard"},
	"the worker stops while sealing":             {"Shard", "SealShard: Interrupted", "SealShard", "CommitShard"},
	"files that are not as they were written":    {"Shard", "SealShard", "VerifyShard", "timer", "timer fired", "SealShard", "VerifyShard", "CommitShard"},
	"staging that cannot be removed":             {"Shard", "CommitShard", "Cleanup: Unavailable", "ends: "},
	"a shard is paused":                          {"Shard", "FetchMessages", "update pause", "update set_rate", "update resume", "FetchMessages", "CommitShard"},
	"a shard begins paused":                      {"Shard", "OpenShard", "update resume", "ListPage", "CommitShard"},
	"cancelled while opening":                    {"Shard", "OpenShard: Transient", "timer", "cancel", "timer canceled", "ends canceled"},
	"cancelled while listing":                    {"Shard", "ListPage", "cancel", "ListPage: Canceled", "Cleanup", "ends canceled"},
	"cancelled while fetching":                   {"Shard", "FetchMessages", "cancel", "FetchMessages: Canceled", "Cleanup", "ends canceled"},
	"cancelled while waiting":                    {"Shard", "FetchMessages: Transient", "timer", "cancel", "timer canceled", "Cleanup", "ends canceled"},
	"cancelled while blocked over a fetch":       {"Shard", "FetchMessages: Denied", "cancel", "Cleanup", "ends canceled"},
	"cancelled while blocked over the commit":    {"Shard", "CommitShard: Denied", "cancel", "Cleanup", "ends canceled"},
	"cancelled while blocked over the count":     {"Shard", "VerifyShard", "VerifyShard", "cancel", "Cleanup", "ends canceled"},
	"cancelled while blocked over staging":       {"Shard", "SealShard: StagingLost", "cancel", "Cleanup", "ends canceled"},
	"cancelled while paused":                     {"Shard", "OpenShard", "cancel", "Cleanup", "ends canceled"},
	"cancelled while sealing":                    {"Shard", "SealShard", "cancel", "SealShard: Canceled", "Cleanup", "ends canceled"},
	"a shard is told by its export":              {"Shard", `signal control {"paused":true|signal pause {"paused":true`, `signal control {"retry_blocked":true|signal retry_blocked`, `signal control {"paused":false|signal pause {"paused":false`, "CommitShard"},
	"a shard is told another share":              {"Shard", `signal control {"requests_per_second"|signal lease {"requests_per_second"`, "CommitShard"},
	"a shard gives out ever smaller chunks":      {"Shard", "ListPage", "FetchMessages", "FetchMetadata", "FetchMessages", "FetchMetadata", "CommitShard"},
	"a shard that is sealed leaves its share":    {"Shard", "FetchMessages", "tell", "SealShard", "CommitShard"},
	"an account is stopped while fetching":       {"Shard", "FetchMessages: Stopped", "update retry_blocked", "FetchMessages", "CommitShard"},
	"a long wait for the rate limit":             {"Shard", "ListPage: Throttled", "timer", "timer fired", "ListPage", "CommitShard"},
	"a long wait for a report":                   {"Shard", "ListPage: Pending", "timer", "timer fired", "ListPage", "CommitShard"},
	"a garbled answer while opening":             {"Shard", "OpenShard: Malformed", "timer", "timer fired", "OpenShard", "CommitShard"},
	"a garbled answer while verifying":           {"Shard", "VerifyShard: Malformed", "timer", "timer fired", "VerifyShard", "CommitShard"},
	"a garbled answer to a fetch":                {"Shard", "FetchMessages: Malformed", "timer", "timer fired", "FetchMessages", "CommitShard"},
	"a count is asked for once more":             {"Shard", "VerifyShard", "ListPage", "VerifyShard", "timer", "timer fired", "VerifyShard", "CommitShard"},
	"a count that changes is listed anew":        {"Shard", "VerifyShard", "ListPage", "VerifyShard", "timer fired", "VerifyShard", "ListPage", "VerifyShard", "CommitShard"},
	"a shard is refused":                         {"Shard", "ends failed"},
	"an export is refused":                       {"Export", "ends failed"},
	"a shard is slowed down":                     {"Shard", "FetchMessages", "CommitShard", `ends: *"throttled":6`},

	"a blocked shard tells its export": {"Shard", "ListPage: Denied", "tell", `signal control {"retry_blocked":true|signal retry_blocked`, "tell", "ListPage", "CommitShard"},

	"an export of a directory and months":               {"Export", "OpenExport", "child", "child", "tell", "child ended: well", "CloseExport", `ends: {"totals":{"shards":13`},
	"an export of reports":                              {"Export", "OpenExport", "child", "child", "child ended: well", "child ended: well", `ends: {"totals":{"shards":2`},
	"an export adopts, up to now":                       {"Export", "child ended: well", "CloseExport", `ends: {"totals":{"shards":0,"adopted":`},
	"an export finds nothing to adopt":                  {"Export", "child ended: well", `ends: *"absent":2`},
	"an export with nothing but a blocked shard":        {"Export", "signal blocked|signal state", "update retry_blocked", "tell", "signal blocked|signal state", "CloseExport", "ends: "},
	"an export with a flag":                             {"Export", "child ended: well", "CloseExport", `ends: *"flagged":1`},
	"an export of a shard that is cut":                  {"Export", "child", "child ended: well", "child", "child ended: well", "child ended: well", "CloseExport"},
	"an export is denied":                               {"Export", "OpenExport: Denied", "update retry_blocked", "OpenExport", "child", "CloseExport"},
	"an export with a blocked shard":                    {"Export", `signal blocked {"shard"|signal state {"shard"`, "child", "update retry_blocked", "child ended: well", "CloseExport"},
	"an export is closed late":                          {"Export", "CloseExport: Unavailable", "timer", "timer fired", "CloseExport", "ends: "},
	"an export is paused and slowed down":               {"Export", "child", "update pause", "tell", "update set_rate", "tell", "update resume", "tell", "child ended: well", "CloseExport"},
	"an export of a shard that fails":                   {"Export", "child", "child ended: terminated", "timer", "child", "child ended: terminated", "timer", "child", "child ended: terminated", "CloseExport", "ends: "},
	"an export of what another has in hand":             {"Export", "child", "child exists", "timer", "timer fired", "child", "child ended: well", "CloseExport", "ends: "},
	"an export continues as new":                        {"Export", "child", `signal blocked {"shard"|signal state {"shard"`, "child ended: well", "ends as new"},
	"an export goes on in a second run":                 {"Export on", "child exists|tell", "child ended: well", "CloseExport", "ends: "},
	"an export frees a shard that its first run left":   {"Export on", "tell", "update retry_blocked", "tell", `signal blocked *"ended":true|signal ended`, "CloseExport", "ends: "},
	"an export cancels a shard that its first run left": {"Export on", "tell", "cancel", "ends canceled"},
	"an export meets a blocked shard":                   {"Export", "child exists", "tell", `signal blocked *"kind":"Denied"|signal state *"kind":"Denied"`, "update retry_blocked", "tell", `signal blocked *"ended":true|signal ended`, "child ended: well", "CloseExport"},
	"a shard reports to an export that met it":          {"Shard", "signal report", "tell", `signal control {"retry_blocked":true|signal retry_blocked`, "CommitShard", "tell", "ends: "},
	"an export is told of a shard that seals":           {"Export", "child", `signal blocked *"idle":true|signal state *"state":"idle"`, "child ended: well"},
	"an export shares the account's budget":             {"Export", "OpenExport", "timer", "timer fired", "child", "update set_rate", "tell", "signal share|signal lease", "tell", "child ended: well", "ends: "},
	"an export leaves its share while stopped":          {"Export", "child", `signal blocked *"kind":"Stopped"|signal state *"kind":"Stopped"`, "tell", "update retry_blocked", "tell", "child", "ends: "},
	"an export is cancelled while opening":              {"Export", "OpenExport", "cancel", "ends canceled"},
	"an export is cancelled with children":              {"Export", "child", "child", "cancel", "child ended: canceled", "child ended: canceled", "ends canceled"},
	"an export is cancelled while blocked":              {"Export", `signal blocked {"shard"|signal state {"shard"`, "cancel", "child ended: canceled", "ends canceled"},
	"an export is cancelled while closing":              {"Export", "CloseExport: Denied", "cancel", "ends canceled"},

	"a budget is shared, set, and ends": {"Budget", "update join", "tell", "update join", "tell", "signal budget|signal set_rate", "signal join", "signal leave", "ends: "},
	"a budget continues as new":         {"Budget", "update join", "ends as new"},
	"a budget goes on":                  {"Budget on", "ends: "},
	"a budget is cancelled":             {"Budget", "cancel", "ends canceled"},

	"a window is settled":                                       {"Shard", "OpenShard", "ListPage", "ListUnlisted", "ListUnlisted", "SealShard", "CommitShard"},
	"a window is settled and listed again":                      {"Shard", "ListUnlisted", "VerifyShard", "ListPage", "SealShard", "VerifyShard", "CommitShard"},
	"a shard is overtaken by another commit":                    {"Shard", "CommitShard: Superseded", "Cleanup", "OpenShard", "ListPage", "CommitShard"},
	"a sync of the directory and changes":                       {"Sync", "OpenExport", "child", "child", "child ended: well", `ends: {"totals":{"shards":3`},
	"a sync without anything to do":                             {"Sync", "OpenExport", `ends: {"totals":{"shards":0`},
	"a sync continues as new":                                   {"Sync", "child", "child ended: well", "ends as new"},
	"a sync goes on in a second run":                            {"Sync on", "child", "child ended: well", "ends: "},
	"a sync with a blocked shard":                               {"Sync", `signal state *"state":"blocked"`, "update retry_blocked", "tell", "child ended: well", "ends: "},
	"a push":                                                    {"Push", "OpenExport", "child", "child ended: well", `ends: {"totals":{"shards":1`},
	"a push whose shard fails":                                  {"Push", "child", "child ended: terminated", "timer fired", "child", "child ended: terminated", "timer fired", "child", "child ended: terminated", `ends: *"failed":["shard/`},
	"a push is terminated":                                      {"Push", "child", "ends terminated"},
	"a shard of named conversations":                            {"Shard", "OpenShard", "ListNamed", "FetchMessages", "SealShard", "CommitShard"},
	"the provider is down while named conversations are listed": {"Shard", "ListNamed: Throttled", "timer", "timer fired", "ListNamed", "CommitShard"},
	"denied while named conversations are listed":               {"Shard", "ListNamed: Denied", "update retry_blocked", "ListNamed", "CommitShard"},
	"an inbox":                                 {"Inbox", "timer", "timer fired", "child", "child ended: well", "ends: "},
	"an inbox whose push fails":                {"Inbox", "child", "child ended: well", "timer", "timer fired", "child", "child ended: well", "ends: "},
	"an inbox whose push is terminated":        {"Inbox", "child", "child ended: terminated", "timer", "timer fired", "child", "child ended: well", "ends: "},
	"an inbox continues as new":                {"Inbox", "child", "ends as new"},
	"an inbox whose push is still under way":   {"Inbox on", "timer fired", "child", "ends: "},
	"a sync of a window that is cut":           {"Sync", "child ended: well", "child", "child ended: well", `ends: {"totals":{"shards":4`},
	"a settle":                                 {"Settle", "OpenExport", "child", "child ended: well", `ends: {"totals":{"shards":2`},
	"the lake is down while a settle looks up": {"Shard", "ListUnlisted: Unavailable", "timer", "timer fired", "ListUnlisted", "CommitShard"},

	"a shard is given up while fetching":        {"Shard", "FetchMessages: Denied", "update skip", "Cleanup", `ends: *"skipped":true`},
	"a shard is given up while opening":         {"Shard", "OpenShard: Denied", "update skip", `ends: *"skipped":true`},
	"a shard is given up over its count":        {"Shard", "VerifyShard", "update skip", "Cleanup", `ends: *"skipped":true`},
	"a shard is given up before its commit":     {"Shard", "CommitShard: Denied", "update skip", "Cleanup", `ends: *"skipped":true`},
	"a given up shard tells who asked":          {"Shard", "signal report", "update skip", "tell", `ends: *"skipped":true`},
	"an export goes on without a shard":         {"Export", `signal state *"state":"blocked"`, "child ended: well", "CloseExport", `ends: *"skipped":["shard/`},
	"an export goes on without one it left":     {"Export on", `signal ended *"skipped":true`, "CloseExport", `ends: *"skipped":["shard/`},
	"a sync goes on without a shard":            {"Sync", `signal state *"state":"blocked"`, "child ended: well", `ends: *"skipped":["shard/`},
	"a settle starts a maintenance":             {"Settle", "child ended: well", "StartMaintain", "ends: "},
	"a settle cannot start a maintenance":       {"Settle", "StartMaintain: Unavailable", "ends: "},
	"a sync tells that it is blocked":           {"Sync", "state blocked", "update retry_blocked", "state running", "state complete", "ends: "},
	"a sync tells that it waits":                {"Sync", "OpenExport: Unavailable", "state waiting", "OpenExport: Unavailable", "state running", "state complete"},
	"a sync tells that it is not complete":      {"Sync", "state blocked", "state incomplete", "ends: "},
	"an export tells that it is paused":         {"Export", "update pause", "state paused", "update resume", "state running", "state complete"},
	"an export keeps its state when it goes on": {"Export on", "state complete", "ends: "},
	"an export tells that it was cancelled":     {"Export", "state blocked", "cancel", "state canceled", "ends canceled"},
	"an export tells that it was refused":       {"Export", "state failed", "ends failed"},
	"a maintain tells its state":                {"Maintain", "state blocked", "update retry_blocked", "state running", "state complete", "ends: "},

	"a remap rewrites, and keeps what it would lose": {"Remap", "ListCommitted", "RemapShard", "RemapShard", `ends: {"totals":{"shards":5,"rewritten":3`},
	"a remap is denied":               {"Remap", "RemapShard: Denied", "update retry_blocked", "RemapShard", "ends: "},
	"the lake is down for a remap":    {"Remap", "RemapShard: Unavailable", "timer", "timer fired", "RemapShard", "ends: "},
	"a remap continues as new":        {"Remap", "ListCommitted", "RemapShard", "ends as new"},
	"a remap goes on in a second run": {"Remap on", "ListCommitted", "RemapShard", "ends: "},

	"a maintain merges, absorbs, and keeps": {"Maintain", "PlanMaintain", "MergeShards", "AbsorbShards", "MergeShards", "AbsorbShards", "AbsorbShards", "PlanMaintain", `ends: {"totals":{"steps":4,"merged":2`},
	"a maintain is denied":                  {"Maintain", "MergeShards: Denied", "update retry_blocked", "MergeShards", "ends: "},
	"the lake is down for a maintain":       {"Maintain", "MergeShards: Unavailable", "timer", "timer fired", "MergeShards", "ends: "},
	"a maintain continues as new":           {"Maintain", "PlanMaintain", "MergeShards", "ends as new"},
	"a maintain goes on in a second run":    {"Maintain on", "PlanMaintain", "MergeShards", "ends: "},

	"stale conversations are ended":               {"EndStaleChats", "OpenEnding", "ResolveAudits", "CommitAudits", "ListStale", "ListStale", "ListStale", "EndConversations", "EndConversations", "CommitAudits", `ends: {"open":12,"found":6,"ended":5`},
	"stale conversations are only listed":         {"EndStaleChats", "OpenEnding", "ListStale", "ListStale", "ListStale", `ends: {"open":12,"found":6,"ended":0`},
	"the platform is down for an end":             {"EndStaleChats", "EndConversations: Unavailable", "timer", "timer fired", "EndConversations", "CommitAudits", "ends: "},
	"an end is denied":                            {"EndStaleChats", "EndConversations: Denied", "update retry_blocked", "EndConversations", "CommitAudits", "ends: "},
	"a list of stale conversations expires":       {"EndStaleChats", "ListStale: CursorExpired", "timer", "timer fired", "ListStale", "ListStale", "ListStale", "EndConversations", "ends: "},
	"an end is cancelled while blocked":           {"EndStaleChats", "EndConversations: Denied", "cancel", "ResolveAudits", "CommitAudits", "ends canceled"},
	"an end shares the budget, and rests from it": {"EndStaleChats", "OpenEnding", "timer", "timer fired", "EndConversations: Denied", "tell", "update retry_blocked", "OpenEnding", "EndConversations", "CommitAudits", "tell", "ends: "},

	"alerts are sent, acknowledged, and no longer wanted": {"SendAlerts", "FindAlerts", "SendAlert", "update acknowledge", "timer fired", "FindAlerts", "SendAlert", "ends: "},
	"a receiver of alerts is down":                        {"SendAlerts", "SendAlert: Unavailable", "timer fired", "FindAlerts", "SendAlert", "ends: "},
	"alerts continue as new":                              {"SendAlerts", "FindAlerts", "SendAlert", "timer fired", "ends as new"},
	"alerts go on":                                        {"SendAlerts on", "FindAlerts", "timer fired", "FindAlerts", "ends: "},

	"a quota is taken, used up, and ends": {"Quota", "update take", "timer", "update take", "update take", "timer fired", "ends: "},
	"a quota continues as new":            {"Quota", "update take", "timer", "ends as new"},
	"a quota goes on":                     {"Quota on", "update take", "timer fired", "ends: "},
	"a quota is cancelled":                {"Quota", "update take", "cancel", "timer canceled", "ends canceled"},
}

// TestCorpusHasEveryBranch fails if the version in development has no history of a branch, or if a history of any version shows no
// branch.
func TestCorpusHasEveryBranch(t *testing.T) {
	for _, version := range versions(t) {
		useless := map[string]bool{}
		traces := map[string][]string{}
		for name, h := range corpus(t, version) {
			traces[name], useless[name] = trace(h), true
		}
		for branch, words := range branches {
			found := false
			for name, trace := range traces {
				if shows(trace, words) {
					found, useless[name] = true, false
				}
			}
			if !found && version == inDevelopment {
				t.Errorf("no history: %s", branch)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(useless)) {
			if useless[name] {
				t.Errorf("%s/%s shows no branch: %s", version, name, strings.Join(traces[name], ", "))
			}
		}
	}
}

// shows reports whether a trace begins with the first word and has the others in order.
func shows(trace, words []string) bool {
	if len(trace) == 0 || trace[0] != words[0] {
		return false
	}
	for _, word := range trace[1:] {
		if len(words) > 1 && stands(words[1], word) {
			words = words[1:]
		}
	}
	return len(words) == 1
}

func stands(want, word string) bool {
	for either := range strings.SplitSeq(want, "|") {
		begins, has, _ := strings.Cut(either, "*")
		if strings.HasPrefix(word, begins) && strings.Contains(word, has) {
			return true
		}
	}
	return false
}
