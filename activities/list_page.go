package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// ListPageInput asks for the conversations of a shard, starting at a cursor.
type ListPageInput struct {
	Target
	Number int              `json:"number"` // of the page in the shard, counted from 0
	Cursor providers.Cursor `json:"cursor"`
	Limit  int              `json:"limit"` // maximum number of conversations on the page
	Lease  Lease            `json:"lease"`
	// Known names pages that were listed before, if a shard is listed again. Their conversations are omitted.
	Known *Receipts `json:"known,omitempty"`
	// Retry means that a person has ordered a retry after the shard was blocked.
	Retry bool `json:"retry,omitempty"`
	// OmitNothing asks the provider to leave nothing out because a sample said no more than the list; see providers.Omitter.
	OmitNothing bool `json:"omit_nothing,omitempty"`
	// AtOnce asks for the conversations as well, if the page is the shard's only one.
	AtOnce *AtOnce `json:"at_once,omitempty"`
	// Grows is set if the lease may grow.
	Grows *Growing `json:"grows,omitempty"`
	// Depth is how much of a window of creation is asked for again. A window of changes has no depth.
	Depth Depth `json:"depth,omitempty"`
}

// ListPageOutput is the staged page.
type ListPageOutput struct {
	Page    PageReceipt      `json:"page"`
	Fetched Fetched          `json:"fetched,omitzero"`
	Next    providers.Cursor `json:"next"` // empty after the last page
	Dropped int              `json:"dropped"`
	Usage   Usage            `json:"usage"`
}

// PageReceipt names a staged page.
type PageReceipt struct {
	Staged       ledger.Staged `json:"staged"`
	Number       int           `json:"number"`
	Refs         int           `json:"refs"`
	Duplicates   int           `json:"duplicates"` // listed more than once within the page
	MinCreatedAt time.Time     `json:"min_created_at"`
	// Unwitnessed names the lists that only the platform's own answers support, as in providers.Page.
	Unwitnessed []string `json:"unwitnessed,omitempty"`
	// Unchanged is how many conversations of a list of changes the lake has in the listed version. They are not among Refs.
	Unchanged int `json:"unchanged,omitempty"`
	// Reused is how many of Refs come from the lake, so that fetching them asks nothing.
	Reused int `json:"reused,omitempty"`
	// Unlisted means that the page is one of ListUnlisted.
	Unlisted bool `json:"unlisted,omitempty"`
	// Total is how many conversations the window has according to the list itself, as in providers.Page. Only the last page has it.
	Total *int64 `json:"total,omitempty"`
}

// pageHeader is the header of a staged page.
type pageHeader struct {
	Refs []providers.Ref `json:"refs"`
	// Lake is what the lake has of some of Refs, in their order, and Files are the files that it names.
	Lake  []inLake   `json:"lake,omitempty"`
	Files []lakeFile `json:"files,omitempty"`
	// Unchanged are the ids of listed conversations that the lake has in the listed version. They are not in Refs.
	Unchanged []string `json:"unchanged,omitempty"`
	// Omitted says which documents of Refs are not requested.
	Omitted []ledger.Omission `json:"omitted,omitempty"`
	// Named are the ids of a page of announced conversations.
	Named []string `json:"named,omitempty"`
	// Push is what a sync knew of announcements when it began to list, if the account has any. EndsOnly is that of PushSettings.
	Push     *ledger.Push `json:"push,omitempty"`
	EndsOnly bool         `json:"ends_only,omitempty"`
}

// refsPerRequest is the assumed number of conversations on a provider's page if there are few or none, so that one of our pages
// never takes much longer than its limit implies.
const refsPerRequest = 20

// maxPageBytes ends a page early if the list carries large documents.
const maxPageBytes = 16 << 20

// ListPage stages one page of the shard's list. It joins several of the provider's pages, up to Limit conversations. A page
// without conversations ends it at once, so that a cursor that names an expensive job is in the history before anything waits for
// the job.
func (a *Activities) ListPage(ctx context.Context, in ListPageInput) (ListPageOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.listPage(a.withGrowing(ctx, in.Grows), in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listPage(ctx context.Context, in ListPageInput) (ListPageOutput, error) {
	known, err := a.knownIDs(ctx, in.Known)
	if err != nil {
		return ListPageOutput{}, err
	}
	ctx, s, err := a.session(ctx, in.Shard.Account, in.Lease)
	if err != nil {
		return ListPageOutput{}, err
	}
	if retrier, ok := s.reader.(providers.Retrier); ok && in.Retry {
		in.Cursor = retrier.Retry(in.Cursor)
	}
	if omitter, ok := s.reader.(providers.Omitter); ok && in.OmitNothing {
		omitter.OmitNothing()
	}
	var had *lake.Known
	if in.Shard.Stream == schemas.StreamChanges || in.Shard.Stream.IsByCreation() && (in.Depth != DepthWhole || s.Keeper != nil) {
		if had, err = a.Lake.Known(ctx, in.Shard, in.Generation); err != nil {
			return ListPageOutput{}, err
		}
	}
	list, err := listOf(s.reader, in.Shard.Stream, had)
	if err != nil {
		return ListPageOutput{}, err
	}
	page, duplicates, err := gather(list(ctx, in.Shard.Window, in.Cursor), in.Limit, known)
	if err != nil {
		return ListPageOutput{}, err
	}
	header, err := a.compare(ctx, had, s.Keeper, in, &page)
	if err != nil {
		return ListPageOutput{}, err
	}
	header.Omitted = omissions(page.Omitted)
	if in.Shard.Stream == schemas.StreamChanges && in.Cursor == "" && s.Push != nil {
		if header.Push, err = a.comparePushes(ctx, in.Shard, *s.Push); err != nil {
			return ListPageOutput{}, err
		}
		header.EndsOnly = s.Push.EndsOnly
	}
	receipt, err := a.stagePage(ctx, in.Target, in.Number, header, page.Documents)
	if err != nil {
		return ListPageOutput{}, err
	}
	receipt.Duplicates, receipt.Unwitnessed, receipt.Total = duplicates, page.Unwitnessed, page.Total
	out := ListPageOutput{Page: receipt, Next: page.Next, Dropped: page.Dropped}
	if page.Next == "" {
		out.Fetched = a.fetchAtOnce(ctx, s, in.Target, header, receipt, in.AtOnce)
	}
	out.Usage = s.usage()
	return out, nil
}

// stagePage stages a page.
func (a *Activities) stagePage(ctx context.Context, target Target, number int, header pageHeader, documents []schemas.Document) (PageReceipt, error) {
	stage, err := a.Lake.Stage(target.Shard, target.Generation, header)
	if err != nil {
		return PageReceipt{}, err
	}
	defer stage.Discard()
	for _, doc := range documents {
		if err := stage.Add(doc); err != nil {
			return PageReceipt{}, err
		}
	}
	staged, err := stage.Commit(ctx, fmt.Sprintf("page-%05d", number))
	if err != nil {
		return PageReceipt{}, err
	}
	receipt := PageReceipt{Staged: staged, Number: number, Refs: len(header.Refs), Unchanged: len(header.Unchanged)}
	for _, n := range header.Lake {
		if n.Reuse {
			receipt.Reused++
		}
	}
	if len(header.Refs) > 0 {
		receipt.MinCreatedAt = header.Refs[0].CreatedAt
	}
	return receipt, nil
}

// compare returns the header of a page: which of its conversations are fetched, which come from the lake, and which are left out because
// the lake has them in the listed version. It removes the latter from the page. had is nil if the lake is not looked at.
func (a *Activities) compare(ctx context.Context, had *lake.Known, keeper providers.Keeper, in ListPageInput, page *providers.Page) (pageHeader, error) {
	if had == nil {
		return pageHeader{Refs: page.Refs}, nil
	}
	var header pageHeader
	unchanged := map[string]bool{}
	changes, documents := in.Shard.Stream.IsByChange(), page.Documents
	for _, ref := range page.Refs {
		listed := documentsOfNext(ref.ID, &documents)
		all, err := had.Versions(ctx, ref.ID, ref.CreatedAt)
		if err != nil {
			return header, err
		}
		var v lake.Version
		var unseen []lake.Version
		found := len(all) > 0
		if found {
			v, unseen = all[0], unseenBy(keeper, all)
		}
		// A conversation that is listed again after it was gone is new, and one that could not be exported is fetched.
		whole := found && v.Row && !v.Gone && !v.Dead && ref.Version != ""
		same, newer := whole && v.Listed == ref.Version && !ref.Anew, whole && v.Listed > ref.Version
		// A list may show an older version than the lake has. The newer one is kept, however much is to be fetched; but what reports show
		// of a version depends on their window.
		reuse := newer && (keeper == nil || in.Depth == DepthList) || same && in.Depth == DepthList
		if reuse = reuse && v.Extent.Documents > 0; changes {
			// An announcement may be about something that no version shows.
			reuse = newer || same && in.Shard.Stream != schemas.StreamPushed
		}
		if reuse && keeper != nil {
			adds, err := a.adds(ctx, keeper, v, unseen, listed)
			if err != nil {
				return header, err
			}
			reuse = !adds
		}
		if reuse && changes {
			header.Unchanged = append(header.Unchanged, ref.ID)
			unchanged[ref.ID] = true
			continue
		}
		if found {
			header.note(len(header.Refs), v, unseen, reuse)
		}
		header.Refs = append(header.Refs, ref)
	}
	page.Refs = header.Refs
	page.Documents = slices.DeleteFunc(page.Documents, func(doc schemas.Document) bool { return unchanged[doc.ConversationID] })
	return header, nil
}

// documentsOfNext takes the documents of a conversation off those of a page, which are in the order of its conversations.
func documentsOfNext(id string, documents *[]schemas.Document) []schemas.Document {
	n := 0
	for n < len(*documents) && (*documents)[n].ConversationID == id {
		n++
	}
	taken := (*documents)[:n]
	*documents = (*documents)[n:]
	return taken
}

// adds reports whether a list says something of a conversation that the lake lacks, apart from its version.
func (a *Activities) adds(ctx context.Context, keeper providers.Keeper, v lake.Version, unseen []lake.Version, listed []schemas.Document) (bool, error) {
	var header pageHeader
	header.note(0, v, unseen, true)
	had, err := header.extract(ctx, a.Lake, keeper, v.ID, header.of(0))
	switch {
	case errors.Is(err, lake.ErrDamaged):
		return true, nil
	case err != nil:
		return false, err
	}
	adds, err := keeper.Adds(had, listed)
	return adds || err != nil, nil // what cannot be read is fetched, and becomes a dead letter if it still cannot
}

// gather joins pages until they have limit conversations. It sorts them by (CreatedAt, ID) and removes duplicates.
func gather(pages iter.Seq2[providers.Page, error], limit int, known map[string]bool) (providers.Page, int, error) {
	var all providers.Page
	seen := map[string]bool{}
	duplicates, size, requests := 0, 0, 0
	for page, err := range pages {
		if err != nil {
			return all, 0, err
		}
		skip := map[string]bool{}
		for _, ref := range page.Refs {
			switch {
			case seen[ref.ID]:
				duplicates++
				skip[ref.ID] = true
			case known[ref.ID]:
				skip[ref.ID] = true
			default:
				all.Refs = append(all.Refs, ref)
			}
		}
		for _, doc := range page.Documents {
			if !skip[doc.ConversationID] {
				all.Documents = append(all.Documents, doc)
				size += len(doc.Body)
			}
		}
		for _, ref := range page.Refs {
			seen[ref.ID] = true
		}
		all.Next, all.Dropped, all.Total = page.Next, all.Dropped+page.Dropped, page.Total
		all.Unwitnessed = union(all.Unwitnessed, page.Unwitnessed)
		all.Omitted = append(all.Omitted, page.Omitted...)
		requests++
		empty := len(page.Refs) == 0 && len(page.Documents) == 0
		if empty || len(all.Refs) >= limit || size >= maxPageBytes || requests*refsPerRequest >= limit {
			break
		}
	}
	order(&all)
	return all, duplicates, nil
}

// omissions sums what the platform's pages say of each document.
func omissions(pages []providers.Omission) (all []ledger.Omission) {
	for _, o := range pages {
		all = ledger.AddOmission(all, ledger.Omission{Document: o.Document, Asked: int64(o.Asked), Omitted: int64(o.Omitted), More: o.More})
	}
	return all
}

// union returns the distinct strings of both, sorted, or nil if there are none.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// order sorts the conversations by (CreatedAt, ID), and the documents in the same order.
func order(page *providers.Page) {
	slices.SortStableFunc(page.Refs, func(a, b providers.Ref) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(len(a.ID), len(b.ID)), strings.Compare(a.ID, b.ID))
	})
	at := make(map[string]int, len(page.Refs))
	for i, ref := range page.Refs {
		at[ref.ID] = i
	}
	slices.SortStableFunc(page.Documents, func(a, b schemas.Document) int {
		return cmp.Compare(at[a.ConversationID], at[b.ConversationID])
	})
}

// knownIDs returns the conversation ids of pages that were listed before. Those that the list did not have are not among them: if it has
// one now, it is listed.
func (a *Activities) knownIDs(ctx context.Context, known *Receipts) (map[string]bool, error) {
	if known == nil {
		return nil, nil
	}
	all, err := a.receipts(ctx, *known)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, page := range all.Pages {
		if page.Unlisted {
			continue
		}
		var header pageHeader
		if err := a.Lake.ReadHeader(ctx, page.Staged, &header); err != nil {
			return nil, err
		}
		for _, ref := range header.Refs {
			ids[ref.ID] = true
		}
		for _, id := range header.Unchanged {
			ids[id] = true
		}
	}
	return ids, nil
}
