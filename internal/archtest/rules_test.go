package archtest

// A rule says what the product code of a folder may import. Its tests may import more: see tests.
type rule struct {
	folder string   // from the root of the module; "x/*" is every folder directly under x that has no rule of its own
	ours   []string // folders of ours that it may import; "*" is all of them
	tests  []string // folders of ours that its tests may import as well
	never  []string // import paths outside the module, with all that is below them, that it must never know
	only   []string // where not nil: all import paths outside the module that it may know
	// names, where a folder of ours has an entry, is all that may be used of it.
	names map[string][]string
	why   string
}

// The vocabulary of what most of the house must never know.
const (
	awsSDK    = "github.com/aws"
	arrow     = "github.com/apache/arrow"
	temporal  = "go.temporal.io"
	webUI     = "github.com/temporalio"
	http      = "net/http"
	osPackage = "os" // files and the environment
)

var rules = []rule{
	{
		folder: "schemas",
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "the vocabulary is what all others stand on: it knows no vendor, no HTTP, no S3, no Temporal",
	}, {
		folder: "providers",
		ours:   []string{"schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "the contract knows neither Parquet, buckets, Temporal nor the environment, nor which platforms there are",
	}, {
		folder: "providers/providertest",
		ours:   []string{"providers", "schemas"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "the contract as tests holds for every provider, so it knows none of them",
	}, {
		folder: "providers/*",
		ours:   []string{"providers", "schemas", "internal/rest", "internal/wire", "internal/witness"},
		tests:  []string{"providers/providertest", "simulator", "simulator/*"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a provider is its platform's dialect and nothing else: no other provider, no lake, no workflow, no environment",
	}, {
		folder: "internal/witness",
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "whether answers agree is decided without knowing what they say",
	}, {
		folder: "internal/redact",
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "what may be said of an error does not depend on who made it",
	}, {
		folder: "internal/wire",
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "JSON as it was sent is read without knowing who sent it",
	}, {
		folder: "internal/rest",
		ours:   []string{"internal/redact", "internal/wire", "providers", "schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "HTTP as all platforms need it knows no vendor's fields and no store",
	}, {
		folder: "internal/parquet",
		ours:   []string{"schemas"},
		never:  []string{http, awsSDK, temporal, webUI},
		why:    "a file format knows neither where files are kept nor who asked for them",
	}, {
		folder: "internal/ledger",
		ours:   []string{"schemas", "internal/redact"},
		tests:  []string{"internal/ledger/s3test"},
		never:  []string{arrow, temporal, webUI},
		why:    "what counts is decided by keys and records alone: whoever asks that carries no Parquet, and no row can change the answer",
	}, {
		folder: "internal/lake",
		ours:   []string{"schemas", "internal/ledger", "internal/parquet", "internal/redact"},
		tests:  []string{"internal/ledger/s3test"},
		never:  []string{temporal, webUI},
		why:    "the lake knows no vendor and no Temporal: its promises hold whoever writes",
	}, {
		folder: "internal/ledger/s3test",
		why:    "a test server knows nothing of what is kept on it",
	}, {
		folder: "internal/trial",
		tests:  []string{"*"},
		why:    "a trial is a test of the whole protocol, and no part of it",
	}, {
		folder: "internal/faults",
		tests:  []string{"*"},
		why:    "the matrix of faults is tests and nothing else",
	}, {
		folder: "internal/terminal",
		never:  []string{http, awsSDK, arrow, temporal, webUI},
		why:    "how lines are drawn does not depend on what they say",
	}, {
		folder: "internal/uid",
		why:    "it must be initialized before everything that asks os/user",
	}, {
		folder: "internal/archtest",
		why:    "the keeper of the rules must compile when all else is broken",
	}, {
		folder: "activities",
		ours:   []string{"providers", "internal/lake", "internal/ledger", "internal/redact", "schemas"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, webUI},
		why:    "activities move documents between a provider and the lake; which providers exist is not theirs to know",
	}, {
		folder: "workflows",
		ours:   []string{"activities", "internal/ledger", "providers", "schemas"},
		tests:  []string{"*"},
		only: []string{
			"context", "errors", "fmt", "math", "regexp", "slices", "strings", "time",
			"go.temporal.io/api/enums/v1", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/workflow",
		},
		names: map[string][]string{
			"internal/ledger": {"Shard", "Staged"},
			"providers": {
				"Costs", "Cursor", "Kind", "Lease", "Limit", "Quota",
				"CursorExpired", "Denied", "Malformed", "NotFound", "Pending", "Stopped", "Throttled", "Transient", "WindowTooDense", "Failed",
			},
			"schemas": {"Stream", "StreamCreated", "StreamDirectory", "StreamReports", "Streams", "Window"},
		},
		why: "a workflow touches nothing and repeats itself word for word: no storage, no clock, no text of a conversation",
	}, {
		folder: "worker/embedded",
		ours:   []string{"internal/uid"},
		never:  []string{awsSDK, arrow},
		why:    "the server in process is an address to connect to and nothing more",
	}, {
		folder: "worker",
		ours: []string{
			"activities", "internal/lake", "internal/ledger", "internal/redact", "internal/rest", "providers", "providers/*", "schemas", "worker/embedded", "workflows",
		},
		tests: []string{"*"},
		never: []string{awsSDK, arrow},
		why:   "the worker ties everything, but neither the simulator nor the command line belongs to it",
	}, {
		folder: "internal/words",
		ours:   []string{"schemas"},
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "how a number is written does not depend on what it counts",
	}, {
		folder: "internal/operate",
		ours:   []string{"activities", "internal/words", "schemas", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, webUI},
		names: map[string][]string{
			"schemas": {"ParseWindow", "StreamCreated", "Window"},
		},
		why: "it asks Temporal and gives it orders, for a command and for a page: without rows and ledger, no text of a conversation can pass",
	}, {
		folder: "internal/inspect",
		ours:   []string{"internal/lake", "internal/ledger", "internal/words", "schemas", "worker"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, temporal, webUI},
		why: "what is true of a lake is asked of the lake, with Temporal gone too; whether a platform or a server answers, worker finds out. " +
			"Findings carry no text of a conversation, so that a page can show them",
	}, {
		folder: "internal/demo",
		ours:   []string{"internal/words", "simulator", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "a demo makes accounts and keeps a folder; how they are copied and what is in the lake is the same as for any account",
	}, {
		folder: "simulator",
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a made-up world knows no platform and nobody who reads it",
	}, {
		folder: "simulator/platforms",
		ours:   []string{"simulator", "simulator/*"},
		only:   []string{},
		why:    "it is a list and nothing else",
	}, {
		folder: "simulator/*",
		ours:   []string{"simulator", "schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a fake that shared code with the provider it fakes would share its mistakes",
	}, {
		folder: "cmd/chatlake",
		ours: []string{
			"internal/demo", "internal/inspect", "internal/operate", "internal/redact", "internal/terminal", "internal/words", "schemas", "simulator",
			"simulator/platforms", "worker", "workflows",
		},
		tests: []string{"*"},
		never: []string{http, awsSDK, arrow, temporal, webUI},
		why: "the command is flags, words and exit codes: what is true of a lake is in inspect, what Temporal is asked and told in operate, so that " +
			"a page says the same; what counts and how it is stored is for ledger and lake to know",
	},
}

// A reserve keeps an import path, with all that is below it, to a few folders. Tests are free of it.
type reserve struct {
	path string // outside the module as it is imported; of ours from the root of the module
	only []string
	why  string
}

var reserves = []reserve{
	{"go.temporal.io/server", []string{"worker/embedded"}, "a hundred megabytes of server stay behind one door"},
	{"github.com/temporalio/ui-server", []string{"worker/embedded"}, "the UI comes and goes with the server in process"},
	{"modernc.org/sqlite", []string{"worker/embedded"}, "the database belongs to the server in process; ours is the ledger"},
	{awsSDK, []string{"internal/ledger"}, "one place knows how an S3-compatible server misbehaves"},
	{arrow, []string{"internal/parquet"}, "arrow v17 swallows write errors: one place guards against it"},
	{"go.temporal.io/sdk", []string{"activities", "workflows", "worker", "worker/embedded", "internal/operate"}, "data and platforms outlive the control plane"},
	{"testing", []string{"providers/providertest", "internal/ledger/s3test"}, "the product does not carry its tests"},
	{"internal/ledger/s3test", nil, "a server for tests is not shipped"},
	{"providers/providertest", nil, "the contract's tests are not shipped"},
}

// silent are the folders whose answers a command prints and a page shows: they return data, and print and log nothing.
var silent = []string{"internal/inspect", "internal/operate", "internal/words"}

// wrongNames are package names that say nothing of what is inside.
var wrongNames = []string{"util", "utils", "common", "shared", "helper", "helpers", "types", "models", "base", "core", "misc"}

const (
	longFile = 300 // lines of product code: reported
	maxLines = 400 // lines of product code: refused
)
