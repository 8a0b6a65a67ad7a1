package activities

import (
	"context"
	"fmt"

	"github.com/chatlake/chatlake/providers"
)

// ListUnlistedInput asks for the conversations that the lake has in a window of creation and that the platform's list no longer has.
type ListUnlistedInput struct {
	Target
	Number int              `json:"number"` // of the page in the shard; the list's own pages have lower numbers
	Cursor providers.Cursor `json:"cursor"` // empty for the first page
	Limit  int              `json:"limit"`  // maximum number of conversations on the page
	Depth  Depth            `json:"depth"`
	// Receipts name all pages of the shard so far.
	Receipts Receipts `json:"receipts"`
}

// ListUnlistedOutput is the staged page. It is fetched as any other page is.
type ListUnlistedOutput struct {
	Page PageReceipt      `json:"page"`
	Next providers.Cursor `json:"next"` // empty after the last page
}

// ListUnlisted stages one page of the conversations that the platform's list no longer has. It sends no request.
func (a *Activities) ListUnlisted(ctx context.Context, in ListUnlistedInput) (ListUnlistedOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.listUnlisted(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listUnlisted(ctx context.Context, in ListUnlistedInput) (ListUnlistedOutput, error) {
	stage, err := a.Lake.Stage(in.Shard, in.Generation, pageHeader{})
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	defer stage.Discard()
	staged, err := stage.Commit(ctx, fmt.Sprintf("page-%05d", in.Number))
	return ListUnlistedOutput{Page: PageReceipt{Staged: staged, Number: in.Number, Unlisted: true}}, err
}
