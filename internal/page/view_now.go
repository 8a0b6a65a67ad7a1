package page

import "context"

var nowView = &view{name: "now", title: "Now", link: "Now", model: nowModel}

func nowModel(ctx context.Context, p *Page, _ *request) (any, error) { return p.readState(ctx), nil }
