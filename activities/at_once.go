package activities

import "context"

// AtOnce asks the listing of a shard's only page to fetch its conversations as well, without a round through Temporal for each step.
type AtOnce struct {
	// Requests is how many requests that may take. If it takes more, the conversations are only listed.
	Requests int `json:"requests"`
	// Messages and Metadata are what a conversation takes of each.
	Messages float64 `json:"messages"`
	Metadata float64 `json:"metadata,omitempty"`
}

// Fetched has the receipts of what was fetched with a page. What is missing is fetched in chunks.
type Fetched struct {
	Messages []ChunkReceipt `json:"messages,omitempty"`
	Metadata []ChunkReceipt `json:"metadata,omitempty"`
}

// fetchAtOnce fetches the conversations of a shard's only page if that takes few requests. An error leaves them to chunks, which know
// what to do about each kind of error.
func (a *Activities) fetchAtOnce(ctx context.Context, s *session, target Target, header pageHeader, page PageReceipt, at *AtOnce) (out Fetched) {
	if at == nil || page.Refs == 0 || float64(page.Refs-page.Reused)*(at.Messages+at.Metadata) > float64(at.Requests) {
		return out
	}
	in := FetchInput{Target: target, Page: page, High: page.Refs}
	fetch := func(kind fetchKind) []ChunkReceipt {
		parts, err := a.fetchIn(ctx, s, in, header, kind)
		if err != nil {
			return nil
		}
		return parts
	}
	if out.Messages = fetch(fetchingMessages); len(out.Messages) > 0 && at.Metadata > 0 {
		out.Metadata = fetch(fetchingMetadata)
	}
	return out
}
