package worker

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// sampling is what an estimate has found out about an account.
type sampling struct {
	config  Config
	in      PlanInput
	reader  providers.Reader
	prices  providers.Prices
	size    providers.Size
	counted bool
	how     string
	windows []schemas.Window // that are counted: those of the export, or months if there are too many
	counts  []float64
	total   providers.Figure
	since   time.Time
	threads []sampled
	walk    float64 // as in providers.Sample
	exact   bool    // the platform counts
}

// sampled is what was read of one conversation.
type sampled struct {
	messages int
	pages    int         // of messages
	times    []time.Time // at which something happened
}

// requestsPerCount is about what a count takes.
const requestsPerCount = 2

// run counts the conversations and reads some of them.
func (s *sampling) run(ctx context.Context) error {
	if s.windows = s.in.Range.Cut(cmp.Or(s.in.Window, s.config.Export.Window)); requestsPerCount*len(s.windows) > s.in.Requests {
		s.windows = s.in.Range.Cut("month")
	}
	var refs []providers.Ref
	var listed []schemas.Document
	var err error
	switch reader := s.reader.(type) {
	case providers.Counter:
		if s.counts, err = countsOf(ctx, reader, s.windows); err != nil {
			return err
		}
		s.how, s.exact = "the platform's own count", true
		for _, n := range s.counts {
			s.total = s.total.Plus(providers.Exactly(n))
		}
		refs, listed, err = s.pick(ctx)
	case providers.Sampler:
		var found providers.Sample
		if found, err = reader.Sample(ctx, s.windows, s.in.Requests); err != nil {
			return err
		}
		s.counts, s.total, s.since, s.how, s.walk = found.Windows, found.Total, found.Since, found.How, found.Walk
		slices.SortFunc(found.Refs, func(a, b providers.Ref) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
		found.Refs = slices.CompactFunc(found.Refs, func(a, b providers.Ref) bool { return a.ID == b.ID }) // two pages may show the same one
		for _, i := range evenly(len(found.Refs), s.in.Sample) {
			refs = append(refs, found.Refs[i])
		}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	s.counted = true
	if sizer, ok := s.reader.(providers.Sizer); ok {
		if s.size, err = sizer.Size(ctx); err != nil {
			return err
		}
	}
	return s.read(ctx, refs, listed)
}

// places is in how many places of the range conversations are picked, if each has enough.
const places = 4

// pick lists short windows in a few months, and returns some of their conversations.
func (s *sampling) pick(ctx context.Context) (refs []providers.Ref, docs []schemas.Document, err error) {
	var some []int
	for i, n := range s.counts {
		if n > 0 {
			some = append(some, i)
		}
	}
	each := s.total.About / float64(max(1, len(some)))
	chosen := evenly(len(some), min(s.in.Sample, max(places, int(float64(s.in.Sample)/max(1, each)))))
	for _, place := range chosen {
		w, n := s.windows[some[place]], s.counts[some[place]]
		want := (s.in.Sample + len(chosen) - 1) / len(chosen)
		// A window in the middle of the month that should have one and a half times as many.
		length := w.To.Sub(w.From)
		short := time.Duration(min(1, 1.5*float64(want)/n) * float64(length))
		from := w.From.Add((length - short) / 2).Truncate(time.Second)
		within := schemas.Window{From: from, To: from.Add(short).Truncate(time.Second)}
		taken := map[string]bool{}
		for page, err := range s.reader.Conversations(ctx, within, "") {
			if err != nil {
				return nil, nil, err
			}
			for _, ref := range page.Refs {
				if len(taken) < want && len(refs) < s.in.Sample && !taken[ref.ID] {
					taken[ref.ID], refs = true, append(refs, ref)
				}
			}
			for _, doc := range page.Documents {
				if taken[doc.ConversationID] {
					docs = append(docs, doc)
				}
			}
			if len(taken) >= want {
				break
			}
		}
	}
	return refs, docs, nil
}

// evenly returns up to so many of n indexes at equal distances.
func evenly(n, most int) (all []int) {
	for i := range min(n, most) {
		all = append(all, i*n/min(n, most))
	}
	return all
}

// read reads conversations as an export would, and keeps only numbers and times of them.
func (s *sampling) read(ctx context.Context, refs []providers.Ref, listed []schemas.Document) error {
	if len(refs) == 0 {
		return nil
	}
	mapper, err := s.config.Mapper(s.in.Account)
	if err != nil {
		return err
	}
	docs := map[string][]schemas.Document{}
	for _, doc := range listed {
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
	}
	pages := map[string]int{}
	for doc, err := range s.reader.Messages(ctx, refs) {
		if err != nil {
			return err
		}
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		if doc.Kind == kindOfMessages {
			pages[doc.ConversationID]++
		}
	}
	if s.prices.MetadataRequests > 0 {
		for doc, err := range s.reader.Metadata(ctx, refs) {
			if err != nil {
				return err
			}
			docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		}
	}
	for _, ref := range refs {
		thread, err := mapper.Thread(docs[ref.ID])
		if err != nil || thread.Conversation.ConversationID == "" {
			continue // an export would have a dead letter or a tombstone of it
		}
		one := sampled{messages: len(thread.Messages), pages: pages[ref.ID], times: []time.Time{ref.CreatedAt}}
		for _, m := range thread.Messages {
			if m.CreatedAt != nil {
				one.times = append(one.times, *m.CreatedAt)
			}
		}
		s.threads = append(s.threads, one)
	}
	return nil
}

// kindOfMessages is the kind of documents that are pages of messages, at platforms that have pages.
const kindOfMessages = "messages"

// mean returns the mean of a number over the sample, and between which numbers that of all conversations is.
func (s *sampling) mean(of func(sampled) float64) providers.Figure {
	var all []float64
	for _, t := range s.threads {
		all = append(all, of(t))
	}
	return providers.MeanOf(all)
}

// spread distributes the conversations of the counted windows over windows that are within them.
func (s *sampling) spread(windows []schemas.Window) []float64 {
	counts := make([]float64, len(windows))
	for i, w := range windows {
		at := slices.IndexFunc(s.windows, func(m schemas.Window) bool { return m.Contains(w.From) })
		counts[i] = s.counts[at] * w.To.Sub(w.From).Seconds() / s.windows[at].To.Sub(s.windows[at].From).Seconds()
	}
	return counts
}

// fetching is what fetching a listed conversation takes. Long ones have several pages of messages.
func (s *sampling) fetching(costs providers.Costs) providers.Figure {
	pages := providers.Exactly(1)
	if len(s.threads) > 0 && s.prices.MessageRequests >= 1 {
		pages = s.mean(func(t sampled) float64 { return float64(max(1, t.pages)) })
		pages.Least = max(1, pages.Least)
	}
	return pages.Times(providers.Exactly(costs.MessageRequests)).Plus(providers.Exactly(costs.MetadataRequests))
}

// export estimates the requests of an export of windows.
func (s *sampling) export(windows []schemas.Window, counts []float64) providers.Figure {
	sum := providers.Exactly(s.prices.Run + s.prices.Directory + s.size.Directory + s.walk)
	for i := range windows {
		sum = sum.Plus(s.window(windows[i], s.share(counts[i])))
	}
	return sum
}

// share is a number of conversations with the precision of the total.
func (s *sampling) share(n float64) providers.Figure {
	if s.total.About <= 0 {
		return providers.Exactly(n)
	}
	return s.total.Times(providers.Exactly(n / s.total.About))
}

// window estimates the requests of a window that is listed and fetched.
func (s *sampling) window(w schemas.Window, conversations providers.Figure) providers.Figure {
	fetches := conversations.Times(s.fetching(s.prices.Costs))
	if one := occupied(conversations.About, s.exact); s.prices.MessageRequests > 0 && fetches.About < one { // a batch is not full
		fetches = providers.Exactly(one)
	}
	sum := fetches.Plus(conversations.Times(providers.Exactly(s.prices.Listing()))).Plus(providers.Exactly(s.prices.Window(w)))
	if sum.About > float64(workflows.NewPolicy().FetchAtOnce) {
		return sum
	}
	return sum.Plus(providers.Exactly(-s.prices.Counts))
}
