package telemetry

// What the lake says, by its ledger.
var (
	Watermark = gaugeOf("account.watermark.timestamp", "s", byAccount,
		"Time up to which every change of the account is in the lake. The account has no value before its first sync.",
		"`time() - x` is how far the copy is behind. If it grows, look at `chatlake status --account <account>`: it says what the sync waits for.")
	HistoryLeft = gaugeOf("account.history.remaining", "s", byAccount,
		"Length of the configured history that is not in the lake yet; 0 once it is copied.",
		"If it does not fall, `chatlake schedule list` shows whether the schedule of the history is paused.")
	Gaps = gaugeOf("account.gaps", "{gap}", byAccountStream,
		"Time ranges between the oldest and the newest window that no committed window covers, other than accepted and lost ones.",
		"`chatlake gap list` names each and the command that copies it.")
	GapsAccepted = gaugeOf("account.gaps.accepted", "{gap}", byAccountStream,
		"Gaps and losses that a person has accepted, with a reason.", "")
	Skipped = gaugeOf("account.windows.skipped", "{window}", byAccountStream,
		"Windows that a person gave up for now.", "`chatlake gap list` names each and the command that copies it.")
	Losses = gaugeOf("account.losses", "{range}", byAccountStream,
		"Time ranges that the platform may have deleted, by its retention, before they were copied.",
		"Nothing brings them back, unless the platform keeps more than `retention` says. `chatlake gap list` shows the command that accepts a loss.")
	Deadline = gaugeOf("account.retention.deadline.timestamp", "s", byAccount,
		"Time at which the platform begins to delete the first range that is not copied yet. It has a value only if that is within a week.",
		"Copy that range first: `chatlake gap list` shows the command, and `chatlake export --by-deadline` its order.")
	PushChanges = gaugeOf("account.push.changes", "{change}", []string{"account", "announced"},
		"Changes that syncs found, by whether the platform announced them: `pushed` (in time), `late`, or `missed`. It has values only if announcements are expected.",
		"If only `missed` grows, announcements do not arrive: `chatlake doctor` tries whether they do.")
	PushCompared = gaugeOf("account.push.compared.timestamp", "s", byAccount,
		"Time up to which the changes of syncs were compared with announcements.", "")
	DirectoryRead = gaugeOf("account.directory.timestamp", "s", byAccount,
		"Time at which the newest snapshot of people, groups and settings was committed.", "")
	Verified = gaugeOf("account.verify.timestamp", "s", byAccount,
		"Time at which the last `chatlake verify` began that covers the account. The account has no value before the first one; one of a range does not count.",
		"If it is old, run `chatlake verify`; a scheduler such as cron can do so each week.")
	VerifiedWhole = gaugeOf("account.verify.whole", "", byAccount,
		"1 if that verify found the lake whole, 0 if it found a problem or could not check everything.", "`chatlake verify` lists what is wrong, with what to do.")
)

// What Temporal says: runs, schedules, budgets.
var (
	Windows = gaugeOf("run.windows", "{window}", []string{"account", "kind", "state"},
		"Windows of the runs under way, by kind of run and state: `done`, `in_flight` (among them the blocked and the waiting ones), or `not_begun`.", "")
	Blocked = gaugeOf("run.blocked", "{window}", []string{"account", "kind", "reason"},
		"Windows that wait for a person, by the reason. Nothing is lost meanwhile.",
		"`chatlake status` says for each reason what to do, and which command lets the run continue.")
	WaitingUntil = gaugeOf("run.waiting.until.timestamp", "s", []string{"account", "kind", "party"},
		"Latest time until which runs wait, and for which party: `platform`, `schedule`, `budget` and so on. Waits without a known end have no value.",
		"A wait for `platform` that moves on for hours means that it keeps refusing: compare `chatlake_account_throttled_total`.")
	Waiting = gaugeOf("run.waiting", "{window}", []string{"account", "kind", "party"},
		"Windows that wait, by the party that they wait for; a run that waits as a whole counts as one.",
		"`worker`: start a worker. `lake`: look whether the store answers. `temporal`: look whether the server answers.")
	RunDeadline = gaugeOf("run.retention.deadline.timestamp", "s", byAccountKind,
		"Time at which the platform begins to delete the first window that a run under way has not committed yet.",
		"If it comes before the run can end, start an export of that window with `--by-deadline`.")
	Budget = gaugeOf("account.request_limit", "{request}/s", byAccount,
		"The account's budget in requests per second. A value that was set with `chatlake rate` counts while runs are under way; otherwise it is the configured one. 0 is no limit.",
		"`sum by (account) (rate(chatlake_account_requests_total[5m]))` is what is used of it.")
	QuotaLeft = gaugeOf("account.quota.remaining", "{use}", []string{"account", "quota"},
		"Uses that are left of a quota that the platform gives, such as reports a day, in the limit that is used up first. It has a value once the quota was used.",
		"At 0, runs wait. `chatlake plan` says how long a range takes with the quota.")
	LastRun = gaugeOf("schedule.last_run.timestamp", "s", byAccountKind,
		"Time at which a schedule last started a run.", "If it is older than the interval, look at `chatlake_schedule_paused` and at `chatlake schedule list`.")
	NextRun = gaugeOf("schedule.next_run.timestamp", "s", byAccountKind,
		"Time at which a schedule starts the next run. A paused schedule has no value.", "")
	LastComplete = gaugeOf("schedule.last_run.complete", "", byAccountKind,
		"1 if the last run that has ended was complete, 0 if it was incomplete, canceled or failed.", "`chatlake status` says why.")
	Paused = gaugeOf("schedule.paused", "", byAccountKind, "1 if the schedule is paused.", "`chatlake schedule resume` lets it start runs again.")
	Missed = gaugeOf("schedule.missed", "{run}", byAccountKind,
		"Runs that a schedule did not start because no server ran in time, since the schedule was created.", "If it grows, the Temporal server is down at times.")
)

// What the run says that sends the alerts of the configuration. Without a section alerts, they have no values.
var (
	AlertsRunning = gaugeOf("alerts.running", "", nil, "1 if the run that sends the alerts of the configuration is under way and answers, 0 if not.",
		"At 0, nobody is told of anything. A worker that starts begins it again.")
	AlertsFiring      = gaugeOf("alerts.firing", "{alert}", []string{"account", "alert"}, "Alerts that fire, by their kind.", "`chatlake alerts list` says what to do.")
	AlertsUndelivered = gaugeOf("alerts.undelivered", "{event}", []string{"receiver"},
		"Events that wait for a receiver of alerts, or that it never got because too many waited.",
		"If it does not fall, `chatlake alerts list` says why the receiver does not take them.")
)

// What this process receives of the announcements of platforms, if it does.
var (
	ReceiverAccepted = countOf("receiver.accepted", "{announcement}", []string{"account", "outcome"},
		"Announcements that this process has accepted: `kept` for delivery, `repeated` (it had them), or `ignored` (about no conversation, or probes).",
		"If `kept` stands still while conversations change, look at the webhook's settings on the platform.")
	ReceiverRefused = countOf("receiver.refused", "{announcement}", []string{"account", "reason"},
		"Announcements that this process has refused, by the reason. Without a known account, the label is empty.",
		"For an account, mostly the secret of its webhook was changed; see docs/push.md. `not_kept`: the spool is full or cannot be written.")
	ReceiverQueue = gaugeOf("receiver.queue", "By", nil,
		"Announcements on disk that are not delivered to Temporal.", "")
	ReceiverDelivered = gaugeOf("receiver.delivered.timestamp", "s", nil,
		"Time up to which everything that was received is delivered. `time() - x` is how far deliveries are behind.",
		"If it stands still, Temporal does not take them: the log of the receiver says why. Nothing is lost meanwhile.")
)

// What this process says of itself.
var (
	Collected = gaugeOf("collection.timestamp", "s", []string{"source"},
		"Time at which this process last read a source: `lake` or `temporal`. All gauges of the source are as of then.",
		"If it does not move, the other gauges are old. The log says why, and so does `/readyz`.")
	CollectionTook = gaugeOf("collection.duration", "s", []string{"source"}, "How long reading a source took.", "")
	Ready          = gaugeOf("ready", "", []string{"check"}, "1 if a check of `/readyz` passes, 0 if not.", "`/readyz` says what is wrong.")
)

// What this process sends to platforms.
var (
	Requests = &Metric{
		Name: "chatlake.account.requests", Kind: Counter, Unit: "{request}", Labels: byAccount,
		Means: "Requests that this process has sent to the account's platform.",
	}
	Throttled = &Metric{
		Name: "chatlake.account.throttled", Kind: Counter, Unit: "{request}", Labels: byAccount,
		Means: "Requests that the platform has answered with 429, too many requests.",
		Do:    "A few are normal without a known limit. If they keep coming, lower `rate.requests_per_second` of the account.",
	}
	Ceiling = &Metric{
		Name: "chatlake.account.request_ceiling", Kind: Gauge, Unit: "{request}/s", Labels: byAccount,
		Means: "Rate that the platform has been seen to tolerate from this process. It has a value only after a 429.",
		Do:    "If it stays far below the account's limit, something else uses the platform's limit too.",
	}
	Stopped = &Metric{
		Name: "chatlake.account.stopped", Kind: Gauge, Labels: byAccount,
		Means: "1 if this process sends no more requests to the account, because the platform refused too many in a row.",
		Do:    "Fix what `chatlake status` names, such as the token, and then run `chatlake resume`.",
	}
	Duration = &Metric{
		Name: "http.client.request.duration", Kind: Histogram, Unit: "s",
		Labels: []string{"chatlake.account", "http.request.method", "server.address", "server.port", "url.template", "http.response.status_code", "error.type"},
		Means: "How long requests to platforms took, from sending to the end of the body, by OpenTelemetry's semantic conventions. `url.template` is the name of the " +
			"operation, without ids. Waits for the budget are not included.",
	}
)

// Metrics are the definitions, in the order of the documentation.
var Metrics = []*Metric{
	Watermark, HistoryLeft, Gaps, GapsAccepted, Skipped, Losses, Deadline, PushChanges, PushCompared, DirectoryRead, Verified, VerifiedWhole,
	Windows, Blocked, Waiting, WaitingUntil, RunDeadline, Budget, QuotaLeft, LastRun, NextRun, LastComplete, Paused, Missed,
	AlertsRunning, AlertsFiring, AlertsUndelivered,
	ReceiverAccepted, ReceiverRefused, ReceiverQueue, ReceiverDelivered,
	Collected, CollectionTook, Ready,
	Requests, Throttled, Ceiling, Stopped, Duration,
}
