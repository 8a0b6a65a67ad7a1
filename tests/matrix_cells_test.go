package tests

import (
	"net/http"
	"path"
	"strings"
	"time"
)

// ofStream recognizes a method on an object of a stream.
func ofStream(stream, method, root, name string) func(string, string) bool {
	return func(m, key string) bool {
		return m == method && strings.HasPrefix(key, root) && strings.HasPrefix(path.Base(key), name) &&
			(strings.Contains(key, "/"+stream+"/") || strings.Contains(key, "/stream="+stream+"/"))
	}
}

// ofShard recognizes a method on an object of the shard under test, but not of the directory.
func ofShard(method, root, name string) func(string, string) bool {
	return ofStream("created", method, root, name)
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
	upkeep *upkeep // nil for an export
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

// kind is what dies.
func (c cell) kind() string {
	if c.upkeep == nil {
		return "export"
	}
	return c.upkeep.name
}

// silent reports whether the provider must not be asked for anything.
func (c cell) silent() bool { return c.upkeep != nil && c.upkeep.silent }

func (c cell) String() string {
	return c.kind() + ": " + c.step.name + ", " + c.death.name + ", " + c.lake()
}

// everyCell is the whole matrix.
func everyCell() []cell {
	all := everyCellOf(nil, steps, deaths)
	for _, u := range upkeeps {
		all = append(all, everyCellOf(u, u.steps, u.deaths)...)
	}
	return all
}

// everyCellOf is each death at each step. On a folder, the test sees only operations with an effect, after they were carried out.
func everyCellOf(u *upkeep, steps []moment, deaths []death) (cells []cell) {
	for _, folder := range []bool{false, true} {
		for _, s := range steps {
			if folder && s.lake != nil && (!s.after || s.name == stepVerify.name) && s.name != stepMessages.name {
				continue
			}
			if folder && s.name == stepDraft.name {
				continue // a small shard's draft is gone again before the test looks
			}
			for _, d := range deaths {
				if !folder || d.folders {
					cells = append(cells, cell{u, s, d, folder})
				}
			}
		}
	}
	return cells
}

// someCells covers every step of an export and every death, and of the upkeep what is most its own, for daily use.
func someCells() []cell {
	return []cell{
		{nil, stepContinue, allKilled, false}, // it takes longest
		{nil, stepList, siteCut, false},
		{nil, stepPage, storeKilled, false},
		{nil, stepFetch, allKilled, true},
		{nil, stepMessages, workerKilled, false},
		{nil, stepMetadata, workerEnded, true},
		{nil, stepSeal, storeCut, false},
		{nil, stepDraft, workerKilled, false},
		{nil, stepVerify, storeKilled, false},
		{nil, stepCommit, workerKilled, false},
		{nil, stepStands, allKilled, false},
		{nil, stepCleanup, workerKilled, false},
		{nil, stepCancel, workerEnded, false},
		{syncs, stepChanges, allKilled, true},
		{settles, stepExtract, allKilled, false},
		{maintains, stepAbsorbed, allKilled, false},
		{vacuums, stepVacuumed, vacuumKilled, false},
	}
}
