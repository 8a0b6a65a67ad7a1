package tests

import (
	"net/http"
	"strings"
)

// readsLedger recognizes that the ledger is listed.
func readsLedger(method, key string) bool {
	return method == listing && strings.HasPrefix(key, "_ledger/")
}

// ofSync recognizes a method on an object of a window of changes.
func ofSync(method, root, name string) func(string, string) bool {
	return ofStream("changes", method, root, name)
}

// asksForVanished recognizes a request for the conversation that was deleted.
func asksForVanished(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/conversations/"+vanishing+"/")
}

// The steps that are most the upkeep's own.
var (
	stepChanges  = moment{name: "changes are listed", site: asks("conversations", "updated_within")}
	stepExtract  = moment{name: "FetchMessages reads from the lake", lake: ofShard(http.MethodGet, "data/documents/", ""), first: &stepPage}
	stepAbsorbed = moment{name: "AbsorbShards has committed the first of two, unanswered", lake: ofSync(http.MethodPut, "_ledger/", ""), nth: 2, after: true}
	stepVacuumed = moment{name: "a file is removed, unanswered", lake: ofShard(http.MethodDelete, "data/", ""), nth: 2, after: true}
)

// onlyS3 leaves a death out where the lake is a folder.
func onlyS3(d death) death {
	d.folders = false
	return d
}

var (
	vacuumKilled = death{"SIGKILL", false, true, always, (*stage).kill, true, 1}
	vacuumEnded  = death{"SIGTERM", false, true, never, (*stage).terminate, true, 1}

	// upkeepDeaths are those that differ for what goes on by itself, and silentDeaths those of what does not talk to the platform.
	upkeepDeaths = []death{workerKilled, onlyS3(workerEnded), allKilled, storeKilled, onlyS3(siteCut)}
	silentDeaths = upkeepDeaths[:4]

	syncs = &upkeep{name: "sync", deaths: upkeepDeaths, schedule: "sync/acme", prepare: toSync,
		about: "The lake has a month. Since it was copied, every fourth conversation got a message, and two began.", steps: []moment{
			{name: "the plan reads the ledger", lake: readsLedger},
			stepChanges,
			{name: "FetchMessages asks", site: asks("messages", ""), nth: 3},
			{name: "FetchMetadata has staged", lake: ofSync(http.MethodPut, "_staging/", "metadata-"), after: true},
			{name: "SealShard has put a file", lake: ofSync(http.MethodPut, "data/", ""), nth: 2, after: true},
			{name: "CommitShard asks", lake: ofSync(http.MethodPut, "_ledger/", "")},
			{name: "CommitShard is done, unanswered", lake: ofSync(http.MethodPut, "_ledger/", ""), after: true},
			{name: "Cleanup", lake: ofSync(http.MethodDelete, "_staging/", ""), nth: 3, after: true},
		}}
	settles = &upkeep{name: "settle", deaths: upkeepDeaths, schedule: "settle/acme", prepare: toSettle,
		about: "The lake has a month in two windows, which the settle makes one. Since it was copied, one conversation got a message and one was deleted.", steps: []moment{
			{name: "the plan reads the ledger", lake: readsLedger},
			stepList,
			{name: "ListUnlisted stages", lake: staged("page-00001")},
			{name: "FetchMessages asks for what is no longer listed", site: asksForVanished},
			stepExtract,
			{name: "FetchMessages has staged", lake: staged("messages-"), nth: 2, after: true},
			{name: "SealShard has put a file", lake: ofShard(http.MethodPut, "data/", ""), nth: 2, after: true},
			stepCommit,
			stepStands,
			stepCleanup,
		}}
	maintains = &upkeep{name: "maintain", deaths: silentDeaths, schedule: "maintain/acme", prepare: toMaintain, history: syncTwoDays, silent: true,
		about: "The lake has two windows of changes in a month that has long ended. The maintenance makes one of them. The platform gets no request.", steps: []moment{
			{name: "the plan reads the ledger", lake: readsLedger},
			{name: "MergeShards reads", lake: ofSync(http.MethodGet, "data/", "")},
			{name: "MergeShards has put a file", lake: ofSync(http.MethodPut, "data/", ""), nth: 2, after: true},
			{name: "MergeShards asks to commit", lake: ofSync(http.MethodPut, "_ledger/", "")},
			{name: "MergeShards has committed, unanswered", lake: ofSync(http.MethodPut, "_ledger/", ""), after: true},
			{name: "AbsorbShards asks to commit", lake: ofSync(http.MethodPut, "_ledger/", ""), nth: 2},
			stepAbsorbed,
		}}
	// In a folder, a vacuum ends before the test can see what it has removed.
	vacuums = &upkeep{name: "vacuum", deaths: []death{onlyS3(vacuumKilled), onlyS3(vacuumEnded), storeKilled}, prepare: toVacuum, silent: true,
		about:   "The lake has a month that was exported twice. The files of the first time are removed. The command is run again.",
		command: []string{"lake", "vacuum", "--grace", "0s"}, steps: []moment{
			{name: "the ledger is read", lake: readsLedger},
			{name: "a file is to be removed", lake: ofShard(http.MethodDelete, "data/", "")},
			stepVacuumed,
		}}

	upkeeps = []*upkeep{syncs, settles, maintains, vacuums}
)
