package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

// estimated formats a figure with its precision: "120 requests", or "about 120 requests (100 to 150)".
func estimated(f worker.Figure, noun string) string {
	text := words.Plural(int64(f.About), noun)
	if f.Least == f.Most {
		return text
	}
	return fmt.Sprintf("about %s (%s to %s)", text, words.Grouped(int64(f.Least)), words.Grouped(int64(f.Most)))
}

// about formats a figure that is an estimate even if its range is empty.
func about(f worker.Figure, noun string) string {
	if text := estimated(f, noun); strings.HasPrefix(text, "about") {
		return text
	} else {
		return "about " + text
	}
}

func lasting(f worker.Figure) string {
	text := "about " + words.Duration(seconds(f.About))
	if least, most := words.Duration(seconds(f.Least)), words.Duration(seconds(f.Most)); least != most {
		text += fmt.Sprintf(" (%s to %s)", least, most)
	}
	return text
}

func writeEstimate(w io.Writer, e worker.Estimate) error {
	fmt.Fprintf(w, "%s (%s), %s to %s: %s.\n", e.Account, e.Provider, words.Time(e.From), words.Time(e.To), words.Plural(int64(e.Windows), "window"))
	if e.Conversations == nil {
		fmt.Fprintln(w, "The platform cannot count its conversations, so requests, time and files cannot be estimated.")
	} else {
		writeExport(w, e)
	}
	for _, r := range e.Rations {
		takes := "which take " + words.Duration(seconds(r.Seconds))
		if r.Seconds == 0 {
			takes = "all free at once"
		}
		fmt.Fprintf(w, "Quota %s: %s, %s.\n", r.Quota, words.Plural(int64(r.Uses), "use"), takes)
	}
	if e.Sync != nil {
		writeSyncCost(w, *e.Sync)
	}
	if e.KeptFrom != nil {
		fmt.Fprintln(w, gone(*e.KeptFrom))
	}
	if e.Overtaken != nil {
		writeOvertaken(w, *e.Overtaken)
	}
	_, err := fmt.Fprintf(w, "The estimate took %s. Nothing was written. Windows that the lake already has cost next to nothing.\n", words.Plural(e.Asked, "request"))
	return err
}

// writeExport says what the export takes and what it leaves.
func writeExport(w io.Writer, e worker.Estimate) {
	text := estimated(*e.Conversations, "conversation")
	fmt.Fprintf(w, "%s by %s; %s.\n", strings.ToUpper(text[:1])+text[1:], e.How, about(*e.Requests, "request"))
	if e.Since != nil {
		fmt.Fprintf(w, "Older conversations than of %s were not counted, and no figure here includes them; --requests raises how far back is counted.\n", words.Time(*e.Since))
	}
	if e.Messages != nil {
		fmt.Fprintf(w, "%s, as in a sample of %s, which may miss rare long ones.\n", capital(about(*e.Messages, "message")), words.Plural(int64(e.Sampled), "conversation"))
	}
	for _, p := range e.Parts {
		takes := ""
		if e.RequestsPerSecond > 0 && e.Seconds != nil && e.Requests.About > 0 {
			takes = ", " + words.Duration(seconds(e.Seconds.About*p.Requests.About/e.Requests.About))
		}
		fmt.Fprintf(w, "Of these for %s: %s%s%s; the option %q leaves them out.\n", p.Name, eachOf(p.Each), words.Plural(int64(p.Requests.About), "request"), takes, p.Option)
	}
	if e.Seconds != nil {
		fmt.Fprintf(w, "At %g requests a second: %s.\n", e.RequestsPerSecond, lasting(*e.Seconds))
	}
	writeFiles(w, e)
	if e.Events != nil {
		fmt.Fprintf(w, "In Temporal: about %s in the histories of the export and its windows.\n", words.Plural(*e.Events, "event"))
	}
}

// eachOf says how many requests of a part a conversation takes; nothing if it is not by conversation.
func eachOf(requests float64) string {
	switch {
	case requests <= 0:
		return ""
	case requests == 1:
		return "one request a conversation, "
	case requests < 1:
		return fmt.Sprintf("one request for %.0f conversations, ", 1/requests)
	}
	return fmt.Sprintf("%g requests a conversation, ", requests)
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// writeSyncCost says what keeping the copy up to date takes.
func writeSyncCost(w io.Writer, s worker.SyncCost) {
	assumed := ""
	if !s.Configured {
		assumed = ", which is not configured"
	}
	fmt.Fprintf(w, "A month of syncs every %s%s: %s if nothing changes.\n", worker.DurationText(seconds(s.Every)), assumed, about(s.Unchanged, "request"))
	if s.Fetches != nil {
		fmt.Fprintf(w, "As the sample changed, they fetch a changed conversation %s: %s more.\n", about(*s.Fetches, "time"), about(*s.Changed, "request"))
	}
	fmt.Fprintf(w, "A settle of a month takes %s if nothing has changed, and %s at full depth; all settles of a month %s.\n",
		about(s.SettleList, "request"), about(s.SettleFull, "request"), about(s.Settles, "request"))
	share := ""
	if s.Share != nil {
		share = fmt.Sprintf(", %s %% of the account's budget", percent(s.Share.About))
	}
	fmt.Fprintf(w, "Together: %s a month%s.\n", about(s.Requests, "request"), share)
}

func percent(share float64) string {
	if share < 0.1 {
		return fmt.Sprintf("%.1f", 100*share)
	}
	return fmt.Sprintf("%.0f", math.Ceil(100*share))
}

// orderFlags are how an export is told to copy in an order.
var orderFlags = map[string]string{"oldest": "--oldest-first", "newest": "--newest-first", "deadline": "--by-deadline"}

// writeOvertaken says which orders are slower than the platform deletes.
func writeOvertaken(w io.Writer, o worker.Overtaken) {
	for _, of := range o.Orders {
		if of.Windows == 0 {
			fmt.Fprintf(w, "Retention overtakes nothing with %s.\n", orderFlags[string(of.Order)])
			continue
		}
		fmt.Fprintf(w, "Retention overtakes the export on %s with %s: %s would be reached on %s. It overtakes %s.\n",
			of.On.Format(time.DateOnly), orderFlags[string(of.Order)], words.Span(*of.First), of.Reached.Format(time.DateOnly), words.Plural(int64(of.Windows), "window"))
	}
	var better []string
	for _, order := range o.Better {
		better = append(better, orderFlags[string(order)])
	}
	if len(better) < len(o.Orders) {
		fmt.Fprintf(w, "Use %s.\n", strings.Join(better, " or "))
		return
	}
	fmt.Fprintln(w, "No order is fast enough for all of them; raise the account's rate if the platform allows it.")
}

// writeFiles says what the export leaves in an empty lake, and what wider windows would leave.
func writeFiles(w io.Writer, e worker.Estimate) {
	if e.Files == nil {
		return
	}
	about := func(f worker.Files) string {
		return fmt.Sprintf("%s of %s on average", words.Plural(f.Count, "file"), words.Size(f.Bytes/max(1, f.Count)))
	}
	fmt.Fprintf(w, "In the lake: about %s.\n", about(*e.Files))
	if e.Wider != nil {
		fmt.Fprintf(w, "Every query opens each file, so small files make queries slow. Windows of a month (--window month) would leave about %s.\n", about(*e.Wider))
	}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// gone says that a range begins before what the platform keeps.
func gone(keptFrom time.Time) string {
	return fmt.Sprintf("The platform deletes old conversations: those that began before %s may be missing, and it does not say so.", words.Time(keptFrom))
}
