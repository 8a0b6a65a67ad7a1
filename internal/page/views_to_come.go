package page

import "context"

// The views that show only what they will be.
var (
	coverageView = &view{name: "coverage", title: "Coverage", link: "Coverage", model: noModel}
	shardView    = &view{name: "shard", title: "Window", model: noModel}
	gapsView     = &view{name: "gaps", title: "Gaps", link: "Gaps", model: noModel}
	lakeView     = &view{name: "lake", title: "Lake", link: "Lake", model: noModel}
)

func noModel(context.Context, *Page, *request) (any, error) { return nil, nil }
