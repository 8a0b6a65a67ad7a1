package chatwoot

import (
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// hint is what the list knows that helps a fetch, as in Ref.Hint.
type hint struct {
	last string // id of the newest message according to the list, or ""
	page pageHint
}

// pageHint says whether a fetch requests the page of a conversation. Empty means that it does, as far as the options say so.
type pageHint string

const (
	pageSpared pageHint = "l" // it says no more than the list
	pageRead   pageHint = "p" // it came with the list
	pageWhole  pageHint = "w" // it is requested in place of the messages, which it has; for itself it is not needed
	pageBoth   pageHint = "b" // it is requested in place of the messages, and says more than the list
)

func (h hint) text() string {
	if h.page == "" {
		return h.last
	}
	return h.last + "/" + string(h.page)
}

// carries reports whether the page is requested in place of the messages.
func (h hint) carries() bool { return h.page == pageWhole || h.page == pageBoth }

func readHint(text string) hint {
	last, page, _ := strings.Cut(text, "/")
	return hint{last, pageHint(page)}
}

// markRead says in the hints of a page that it was made from the pages of its conversations.
func (a *account) markRead(page *providers.Page) {
	if a.details != detailsAuto {
		return
	}
	for i := range page.Refs {
		page.Refs[i].Hint = hint{page.Refs[i].Hint, pageRead}.text()
	}
}

// wantsDetails reports whether a fetch requests the page of a conversation.
func (a *account) wantsDetails(ref providers.Ref) bool {
	switch {
	case ref.Unlisted: // nothing else describes it
		return true
	case a.details == detailsAuto:
		return readHint(ref.Hint).page == ""
	}
	return a.details == detailsAlways
}
