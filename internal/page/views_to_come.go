package page

import "context"

// noModel is the model of the views that show only what they will be.
func noModel(context.Context, *Page, *request) (any, error) { return nil, nil }
