package tests

import (
	"net/http"
	"path"
	"strings"
	"time"
)

// ofShard recognizes a method on an object of the shard under test, but not of the directory.
func ofShard(method, root, name string) func(string, string) bool {
	return func(m, key string) bool {
		return m == method && strings.HasPrefix(key, root) && strings.HasPrefix(path.Base(key), name) &&
			(strings.Contains(key, "/created/") || strings.Contains(key, "/stream=created/"))
	}
}

func staged(name string) func(string, string) bool { return ofShard(http.MethodPut, "_staging/", name) }

// asks recognizes a request to the provider.
func asks(endpoint, query string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return path.Base(r.URL.Path) == endpoint && strings.Contains(r.URL.RawQuery, query)
	}
}

// The steps of an export, in order.
var (
	stepList     = moment{name: "ListPage asks", site: asks("conversations", "page=2")}
	stepPage     = moment{name: "ListPage has staged", lake: staged("page-"), after: true}
	stepFetch    = moment{name: "FetchMessages asks", site: asks("messages", ""), nth: 20}
	stepMessages = moment{name: "FetchMessages stages", lake: staged("messages-"), nth: 4}
	stepMetadata = moment{name: "FetchMetadata has staged", lake: staged("metadata-"), nth: 2, after: true}
	stepContinue = moment{name: "continue-as-new", lake: staged("receipts-"), after: true}
	stepSeal     = moment{name: "SealShard has put a file", lake: ofShard(http.MethodPut, "data/", ""), nth: 2, after: true}
	stepDraft    = moment{name: "SealShard has staged the draft", lake: staged("draft-"), after: true}
	stepVerify   = moment{name: "VerifyShard reads", lake: ofShard(http.MethodGet, "data/", "")}
	stepCommit   = moment{name: "CommitShard asks", lake: ofShard(http.MethodPut, "_ledger/", "")}
	stepStands   = moment{name: "CommitShard is done, unanswered", lake: ofShard(http.MethodPut, "_ledger/", ""), after: true}
	stepCleanup  = moment{name: "Cleanup", lake: ofShard(http.MethodDelete, "_staging/", ""), nth: 3, after: true}
	stepCancel   = moment{name: "cancel", lake: ofShard(http.MethodDelete, "_staging/", ""), after: true}

	steps = []moment{
		stepList, stepPage, stepFetch, stepMessages, stepMetadata, stepContinue, stepSeal, stepDraft, stepVerify, stepCommit, stepStands, stepCleanup,
		stepCancel,
	}
)

// outage is how long something stays cut off or dead: longer than a request's immediate retries, so that activities fail and are
// attempted again.
const outage = 12 * time.Second

// death is something that dies in the middle of a step.
type death struct {
	name string
	// apart means that the Temporal server runs in a separate process, which survives.
	apart bool
	// ends means that a chatlake process is gone, so that a person has to start it again.
	ends bool
	// drop says whether the request of a step is lost too: it never arrives, or its answer does not.
	drop    func(moment) bool
	strike  func(*stage)
	folders bool // this death also exists for a folder
	// attempts is how often a chunk may be fetched because of it.
	attempts int64
}

func always(moment) bool   { return true }
func never(moment) bool    { return false }
func ofSite(m moment) bool { return m.site != nil }
func ofLake(m moment) bool { return m.lake != nil }

var (
	workerKilled = death{"worker SIGKILL", true, true, always, (*stage).kill, true, 1}
	workerEnded  = death{"worker SIGTERM", true, true, never, (*stage).terminate, true, 1}
	allKilled    = death{"SIGKILL with Temporal in it", false, true, always, (*stage).kill, true, 1}
	storeKilled  = death{"S3 server killed", false, false, ofLake, (*stage).killStore, false, tries}
	siteCut      = death{"provider cut off", false, false, ofSite, (*stage).cutSite, true, tries}
	storeCut     = death{"S3 cut off", false, false, ofLake, (*stage).cutStore, false, tries}

	deaths = []death{workerKilled, workerEnded, allKilled, storeKilled, siteCut, storeCut}
)

// tries is how often an activity is attempted before the workflow starts to wait.
const tries = 4

// cell is one experiment: a death at a step, on one kind of lake.
type cell struct {
	step   moment
	death  death
	folder bool // the lake is a folder instead of a bucket
}

func (c cell) lake() string {
	if c.folder {
		return "folder"
	}
	return "S3"
}

func (c cell) String() string { return c.step.name + ", " + c.death.name + ", " + c.lake() }

// everyCell is the whole matrix. On a folder, the test sees only operations with an effect, after they were carried out.
func everyCell() (cells []cell) {
	for _, folder := range []bool{false, true} {
		for _, s := range steps {
			if folder && s.lake != nil && (!s.after || s.name == stepVerify.name) && s.name != stepMessages.name {
				continue
			}
			for _, d := range deaths {
				if !folder || d.folders {
					cells = append(cells, cell{s, d, folder})
				}
			}
		}
	}
	return cells
}

// someCells covers every step and every death, for daily use.
func someCells() []cell {
	return []cell{
		{stepList, siteCut, false},
		{stepPage, storeKilled, false},
		{stepFetch, allKilled, true},
		{stepMessages, workerKilled, false},
		{stepMetadata, workerEnded, true},
		{stepContinue, allKilled, false},
		{stepSeal, storeCut, false},
		{stepDraft, workerKilled, true},
		{stepVerify, storeKilled, false},
		{stepCommit, workerKilled, false},
		{stepStands, allKilled, false},
		{stepCleanup, workerKilled, false},
		{stepCancel, workerEnded, false},
	}
}
