package worker

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones of schedules, for systems without a database of their own

	"github.com/chatlake/chatlake/providers"
)

// config fills a Config, including defaults. A value of the wrong type counts as missing; the schema reports it.
func (s *source) config() Config {
	root := branch{s, "", s.tree}
	l, x := root.at("lake"), root.at("export")
	c := Config{
		source:   s,
		StateDir: root.text("state_dir"),
		Lake: LakeConfig{
			URL: l.text("url"), Endpoint: l.text("endpoint"), Region: l.text("region"), PathStyle: l.boolean("path_style"),
			AllowPlaintext: l.boolean("allow_plaintext"),
			SSE:            l.text("sse"), KMSKeyID: l.text("kms_key_id"),
			AccessKey: l.secret("access_key"), SecretKey: l.secret("secret_key"), SessionToken: l.secret("session_token"),
		},
		Export: ExportConfig{
			Shards: x.number("shards"), ChunksInFlight: x.number("chunks"), ChunkSize: x.number("chunk"),
			Window: x.text("window"), OnMismatch: x.text("on_mismatch"),
		},
		Accounts: map[string]AccountConfig{},
	}
	if m := root.at("temporal"); m.boolean("embedded") {
		c.EmbeddedQueue = m.text("task_queue")
	} else if m.value != nil {
		c.Temporal = m.temporal()
	}
	c.Receive, c.Telemetry = root.at("receive").receive(), root.at("telemetry").telemetry()
	c.UI, c.Alerts = root.at("ui").ui(), root.at("alerts").alerts()
	accounts := root.at("accounts")
	for _, name := range accounts.keys() {
		c.Accounts[name] = accounts.at(name).account()
	}
	return c.WithDefaults()
}

// WithDefaults fills in the missing values of a configuration that a program built.
func (c Config) WithDefaults() Config {
	c.StateDir = cmp.Or(c.StateDir, ".chatlake")
	c.Telemetry.Every = cmp.Or(c.Telemetry.Every, defaultTelemetryEvery)
	c.Export.ChunksInFlight = cmp.Or(c.Export.ChunksInFlight, 2)
	c.Export.Window = cmp.Or(c.Export.Window, "month")
	c.Export.OnMismatch = cmp.Or(c.Export.OnMismatch, "block")
	if c.Temporal != nil {
		temporal := *c.Temporal
		temporal.Namespace = cmp.Or(temporal.Namespace, "default")
		temporal.TaskQueue = cmp.Or(temporal.TaskQueue, DefaultTaskQueue)
		c.Temporal = &temporal
	}
	accounts := map[string]AccountConfig{}
	for name, a := range c.Accounts {
		d, _ := definition(a.Provider)
		a.BaseURL = strings.TrimRight(cmp.Or(a.BaseURL, d.BaseURL), "/")
		if a.Options == nil {
			a.Options = map[string]string{}
		}
		accounts[name] = a
	}
	c.Accounts = accounts
	return c
}

// branch is a part of a file.
type branch struct {
	source *source
	path   string
	value  any
}

func (b branch) at(key string) branch {
	values, _ := b.value.(map[string]any)
	return branch{b.source, join(b.path, key), values[key]}
}

func (b branch) keys() []string {
	values, _ := b.value.(map[string]any)
	return slices.Sorted(maps.Keys(values))
}

// text returns a value as text; numbers are as written.
func (b branch) text(key string) string {
	switch v := b.at(key).value.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	default:
		return b.source.numbers[join(b.path, key)]
	}
}

func (b branch) boolean(key string) bool {
	v, _ := b.at(key).value.(bool)
	return v
}

func (b branch) float(key string) (float64, bool) {
	switch v := b.at(key).value.(type) {
	case int:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (b branch) number(key string) int {
	f, _ := b.float(key)
	return int(f)
}

func (b branch) secret(key string) Secret {
	at := join(b.path, key)
	return Secret{reference: b.text(key), at: Problem{File: b.source.name, Line: b.source.line(at), Key: at}}
}

// multiline returns a secret that may have several lines, such as a private key.
func (b branch) multiline(key string) Secret {
	s := b.secret(key)
	s.whole = true
	return s
}

func (b branch) temporal() *TemporalConfig {
	tls := b.at("tls")
	c := &TemporalConfig{
		Address: b.text("address"), Namespace: b.text("namespace"), TaskQueue: b.text("task_queue"), APIKey: b.secret("api_key"),
		AllowPlaintext: b.boolean("allow_plaintext"),
		Deployment:     b.at("deployment").deployment(),
		TLS: TLSConfig{
			CAFile: tls.text("ca_file"), CertFile: tls.text("cert_file"), KeyFile: tls.text("key_file"), ServerName: tls.text("server_name"),
		},
	}
	// An API key, which must not cross a network unencrypted, and any key of the tls section turn TLS on.
	c.TLS.Enabled = !c.APIKey.IsZero() || len(tls.keys()) > 0
	if enabled, ok := tls.at("enabled").value.(bool); ok {
		c.TLS.Enabled = enabled
	}
	return c
}

func (b branch) deployment() DeploymentConfig {
	d := DeploymentConfig{Name: b.text("name")}
	d.TakeOver = d.Name != ""
	if over, ok := b.at("take_over").value.(bool); ok {
		d.TakeOver = over
	}
	return d
}

func (b branch) account() AccountConfig {
	a := AccountConfig{
		Provider: b.text("provider"), BaseURL: b.text("base_url"), AccountID: b.text("account_id"), Token: b.secret("token"),
		Secrets: map[string]Secret{}, AllowPlaintext: b.boolean("allow_plaintext"), AllowUnreadable: b.boolean("allow_unreadable"),
		Options: map[string]string{},
	}
	secrets := b.at("secrets")
	for _, key := range secrets.keys() {
		a.Secrets[key] = secrets.multiline(key)
	}
	d, _ := definition(a.Provider)
	a.RequestsPerSecond = d.RequestsPerSecond
	if rate, ok := b.at("rate").float("requests_per_second"); ok {
		a.RequestsPerSecond = rate
	}
	a.SyncShare = defaultSyncShare
	if share, ok := b.at("rate").float("sync_share"); ok {
		a.SyncShare = share
	}
	a.Schedule = b.at("rate").at("schedule").schedule()
	a.Retention = b.at("retention").retention()
	a.Sync = b.at("sync").sync(a.Provider)
	a.EndStale = b.at("end_stale").endStale()
	a.Push = b.at("push").push()
	options := b.at("options")
	for _, key := range options.keys() {
		a.Options[key] = options.text(key)
	}
	return a
}

// defaultSyncShare is the share of an account's budget reserved for syncs while one runs.
const defaultSyncShare = 0.5

// each returns the items of a list.
func (b branch) each() (items []branch) {
	values, _ := b.value.([]any)
	for i, v := range values {
		items = append(items, branch{b.source, join(b.path, strconv.Itoa(i)), v})
	}
	return items
}

var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// schedule reads hours. An unknown zone counts as UTC here; check reports it.
func (b branch) schedule() (all providers.Schedule) {
	for _, item := range b.each() {
		zone, err := time.LoadLocation(item.text("zone"))
		if err != nil {
			zone = time.UTC
		}
		h := providers.Hours{From: clock(item.text("from")), To: clock(item.text("to")), Zone: zone}
		h.Share, _ = item.float("share")
		for _, day := range item.at("days").each() {
			if name, ok := day.value.(string); ok {
				h.Days = append(h.Days, weekdays[name])
			}
		}
		all = append(all, h)
	}
	return all
}

// clock parses a time of day and returns the duration since midnight.
func clock(text string) time.Duration {
	t, _ := time.Parse("15:04", text) // the schema reports anything else
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// unusedWithEmbedded returns the keys that describe an external server although the embedded one is used.
func (s *source) unusedWithEmbedded() (keys []string) {
	m := branch{s, "", s.tree}.at("temporal")
	if !m.boolean("embedded") {
		return nil
	}
	for _, key := range m.keys() {
		if key != "embedded" && key != "task_queue" {
			keys = append(keys, join(m.path, key))
		}
	}
	return keys
}

// unknownZones returns the keys of unknown time zones in schedules.
func (s *source) unknownZones() (keys []string) {
	accounts := branch{s, "", s.tree}.at("accounts")
	for _, name := range accounts.keys() {
		for _, item := range accounts.at(name).at("rate").at("schedule").each() {
			if _, err := time.LoadLocation(item.text("zone")); err != nil {
				keys = append(keys, join(item.path, "zone"))
			}
		}
	}
	return keys
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }
