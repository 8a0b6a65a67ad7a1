package archtest

// A rule lists what the product code of a folder may import. Its tests may import more: see tests.
type rule struct {
	folder string   // from the root of the module; "x/*" is every folder directly under x that has no rule of its own
	ours   []string // folders of the module that it may import; "*" means all
	tests  []string // folders of the module that its tests may import as well
	never  []string // import paths outside the module, with everything below them, that it must not import
	only   []string // if not nil: the only import paths outside the module that it may import
	// names lists the only names that may be used of a folder of the module that has an entry.
	names map[string][]string
	why   string
}

// Import paths that most packages must not import.
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
		why:    "all other packages depend on the vocabulary, so it knows no vendor, no HTTP, no S3 and no Temporal",
	}, {
		folder: "providers",
		ours:   []string{"schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "the contract is independent of Parquet, buckets, Temporal, the environment, and the platforms that exist",
	}, {
		folder: "providers/providertest",
		ours:   []string{"providers", "schemas"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "the tests of the contract are the same for every provider, so they know none of them",
	}, {
		folder: "providers/*",
		ours:   []string{"providers", "schemas", "internal/rest", "internal/wire", "internal/witness"},
		tests:  []string{"providers/providertest", "simulator", "simulator/*"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a provider knows only its own platform: no other provider, no lake, no workflow, no environment",
	}, {
		folder: "internal/witness",
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "whether answers agree does not depend on what they contain",
	}, {
		folder: "internal/redact",
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "which parts of an error may be shown does not depend on the package that made it",
	}, {
		folder: "internal/wire",
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "reading JSON does not depend on the platform that sent it",
	}, {
		folder: "internal/rest",
		ours:   []string{"internal/redact", "internal/wire", "providers", "schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "the HTTP client of all platforms knows no vendor's fields and no store",
	}, {
		folder: "internal/parquet",
		ours:   []string{"schemas"},
		never:  []string{http, awsSDK, temporal, webUI},
		why:    "a file format does not depend on where files are stored or who uses them",
	}, {
		folder: "internal/ledger",
		ours:   []string{"schemas", "internal/redact"},
		tests:  []string{"internal/ledger/s3test"},
		never:  []string{arrow, temporal, webUI},
		why:    "only keys and records decide which files count: no row can change the result, and a program that asks does not link Parquet",
	}, {
		folder: "internal/lake",
		ours:   []string{"schemas", "internal/ledger", "internal/parquet", "internal/redact"},
		tests:  []string{"internal/ledger/s3test"},
		never:  []string{temporal, webUI},
		why:    "the lake knows no vendor and no Temporal: its promises do not depend on who writes",
	}, {
		folder: "internal/ledger/s3test",
		why:    "a test server does not know what is stored on it",
	}, {
		folder: "internal/trial",
		tests:  []string{"*"},
		why:    "a trial tests the whole protocol and is not part of it",
	}, {
		folder: "internal/faults",
		tests:  []string{"*"},
		why:    "the matrix of faults contains only tests",
	}, {
		folder: "internal/terminal",
		never:  []string{http, awsSDK, arrow, temporal, webUI},
		why:    "how lines are drawn does not depend on their text",
	}, {
		folder: "internal/uid",
		why:    "it must be initialized before every package that uses os/user",
	}, {
		folder: "internal/archtest",
		why:    "the tests of the rules must compile even if everything else is broken",
	}, {
		folder: "activities",
		ours:   []string{"providers", "internal/lake", "internal/ledger", "internal/redact", "schemas"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, webUI},
		why:    "activities move documents between a provider and the lake, and need not know which providers exist",
	}, {
		folder: "workflows",
		ours:   []string{"activities", "internal/ledger", "providers", "schemas"},
		tests:  []string{"*"},
		only: []string{
			"cmp", "context", "errors", "fmt", "math", "regexp", "slices", "strings", "time",
			"go.temporal.io/api/enums/v1", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/workflow",
		},
		names: map[string][]string{
			"internal/ledger": {"Shard", "Staged", "Cause", "CauseExport"},
			"providers": {
				"Costs", "Cursor", "Kind", "Lease", "Limit", "Quota",
				"CursorExpired", "Denied", "Malformed", "NotFound", "Pending", "Stopped", "Throttled", "Transient", "WindowTooDense", "Failed",
			},
			"schemas": {"Stream", "StreamCreated", "StreamDirectory", "StreamReports", "Streams", "Window"},
		},
		why: "a workflow is deterministic and has no side effects: no storage, no clock, no text of a conversation",
	}, {
		folder: "worker/embedded",
		ours:   []string{"internal/uid"},
		never:  []string{awsSDK, arrow},
		why:    "the rest of the program uses the embedded server only through its address",
	}, {
		folder: "worker",
		ours: []string{
			"activities", "internal/lake", "internal/ledger", "internal/receive", "internal/redact", "internal/rest", "internal/telemetry", "providers", "providers/*", "schemas", "worker/embedded", "workflows",
		},
		tests: []string{"*"},
		never: []string{awsSDK, arrow},
		why:   "the worker connects everything, except the simulator and the command line",
	}, {
		folder: "internal/telemetry",
		ours:   []string{"internal/redact", "providers"},
		tests:  []string{"internal/rest"},
		never:  []string{awsSDK, arrow, webUI},
		names: map[string][]string{
			"providers": {"Attempt", "Outcome", "Watch"},
		},
		why: "it gets names, counts and times: without rows, ledger and platforms, no text of a conversation can get into a metric or a span",
	}, {
		folder: "internal/gauges",
		ours:   []string{"internal/inspect", "internal/operate", "internal/telemetry", "schemas", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, temporal, webUI},
		names: map[string][]string{
			"schemas":   {"Stream", "StreamChanges", "StreamCreated", "StreamReports"},
			"workflows": {"StateComplete"},
		},
		why: "gauges show what inspect and operate answer, and nothing else",
	}, {
		folder: "internal/alerts",
		ours:   []string{"activities", "internal/inspect", "internal/operate", "internal/words", "providers", "schemas", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		names: map[string][]string{
			"activities": {"AlertCount", "AlertEvent", "AlertFired", "AlertName", "AlertRepeated", "AlertResolved", "AlertState", "Alerting", "FindAlertsOutput", "SendAlertInput", "SendAlertOutput"},
			"providers":  {"Stopped"},
			"schemas":    {"Stream", "StreamChanges", "StreamCreated", "StreamReports"},
			"workflows":  {"StateComplete"},
		},
		why: "alerts tell what inspect and operate answer, and nothing else: without rows and ledger, no text of a conversation can get into one",
	}, {
		folder: "internal/words",
		ours:   []string{"schemas"},
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		why:    "how a number is formatted does not depend on what it counts",
	}, {
		folder: "internal/operate",
		ours:   []string{"activities", "internal/words", "schemas", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, webUI},
		names: map[string][]string{
			"schemas": {"ParseWindow", "StreamCreated", "Window"},
		},
		why: "it queries and controls Temporal for the command and a page: without rows and ledger, it cannot pass on the text of a conversation",
	}, {
		folder: "internal/inspect",
		ours:   []string{"internal/lake", "internal/ledger", "internal/words", "schemas", "worker"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, temporal, webUI},
		why: "it answers questions about a lake from the lake alone, even without Temporal; worker checks whether platforms and servers answer. " +
			"Findings contain no text of a conversation, so that a page can show them",
	}, {
		folder: "internal/report",
		ours:   []string{"internal/inspect", "internal/words", "schemas"},
		tests:  []string{"*"},
		never:  []string{http, awsSDK, arrow, temporal, webUI, osPackage},
		names: map[string][]string{
			"schemas": {"ParseWindow", "Stream", "StreamDirectory", "Window"},
		},
		why: "a report shows what inspect answers: without rows, documents and ledger, no text of a conversation can get into it",
	}, {
		folder: "internal/receive",
		ours:   []string{"internal/redact", "providers"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		names: map[string][]string{
			"providers": {
				"Announcement", "BadAlgorithm", "BadSignature", "Expired", "Notice", "OtherAccount", "Push", "Reason", "Refusal", "Refuse", "Unreadable", "Unsigned",
			},
		},
		why: "it takes requests from strangers: it keeps ids only, so no text of a conversation can get past it, and it knows no platform and no Temporal",
	}, {
		folder: "internal/page",
		ours:   []string{"internal/inspect", "internal/operate", "internal/redact", "internal/words", "schemas", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		names: map[string][]string{
			"schemas": {
				"Stream", "StreamAudits", "StreamChanges", "StreamCreated", "StreamDirectory", "StreamPushed", "StreamReports", "Streams", "ParseWindow", "Window",
			},
		},
		why: "a page shows what inspect and operate answer: without rows, documents and the ledger, no text of a conversation can reach it",
	}, {
		folder: "internal/demo",
		ours:   []string{"internal/words", "simulator", "simulator/platforms", "worker", "workflows"},
		tests:  []string{"*"},
		never:  []string{awsSDK, arrow, temporal, webUI},
		why:    "a demo creates accounts and manages a folder; everything else is the same as for any account",
	}, {
		folder: "simulator",
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a generated world is independent of platforms and of the code that reads it",
	}, {
		folder: "simulator/platforms",
		ours:   []string{"simulator", "simulator/*"},
		only:   []string{},
		why:    "it is only a list",
	}, {
		folder: "simulator/*",
		ours:   []string{"simulator", "schemas"},
		never:  []string{awsSDK, arrow, temporal, webUI, osPackage},
		why:    "a fake that shared code with its provider would share the provider's mistakes",
	}, {
		folder: "cmd/chatlake",
		ours: []string{
			"internal/alerts", "internal/demo", "internal/gauges", "internal/inspect", "internal/operate", "internal/page", "internal/redact", "internal/report", "internal/telemetry", "internal/terminal", "internal/words", "schemas", "simulator",
			"simulator/platforms", "worker", "workflows",
		},
		tests: []string{"*"},
		never: []string{http, awsSDK, arrow, temporal, webUI},
		why: "the command contains only flags, texts and exit codes: questions about a lake are in inspect, those about Temporal in operate, so that " +
			"a page gives the same answers; ledger and lake know which files count and how they are stored",
	},
}

// A reserve allows an import path, with everything below it, in a few folders only. It does not apply to tests.
type reserve struct {
	path string // an import path outside the module, or a folder of the module from its root
	only []string
	why  string
}

var reserves = []reserve{
	{"go.temporal.io/server", []string{"worker/embedded"}, "a hundred megabytes of server stay behind one door"},
	{"github.com/temporalio/ui-server", []string{"worker/embedded"}, "the UI comes and goes with the server in process"},
	{"modernc.org/sqlite", []string{"worker/embedded"}, "the database belongs to the server in process; ours is the ledger"},
	{awsSDK, []string{"internal/ledger"}, "one place knows how an S3-compatible server misbehaves"},
	{arrow, []string{"internal/parquet"}, "arrow v17 swallows write errors: one place guards against it"},
	{"go.temporal.io/sdk", []string{"activities", "workflows", "worker", "worker/embedded", "internal/operate", "internal/telemetry"}, "data and platforms outlive the control plane"},
	{"go.opentelemetry.io/otel", []string{"internal/telemetry"}, "one place decides what a label or a span may contain"},
	{"github.com/prometheus", []string{"internal/telemetry"}, "one place decides what a label may contain"},
	{"testing", []string{"providers/providertest", "internal/ledger/s3test"}, "the product does not carry its tests"},
	{"internal/ledger/s3test", nil, "a server for tests is not shipped"},
	{"providers/providertest", nil, "the contract's tests are not shipped"},
}

// silent are the folders whose results a command prints and a page shows. They return data, and neither print nor log.
var silent = []string{"internal/inspect", "internal/operate", "internal/words"}

// wrongNames are package names that do not describe their content.
var wrongNames = []string{"util", "utils", "common", "shared", "helper", "helpers", "types", "models", "base", "core", "misc"}

const (
	longFile = 300 // lines of product code above which the test logs the file
	maxLines = 400 // lines of product code above which the test fails
)
