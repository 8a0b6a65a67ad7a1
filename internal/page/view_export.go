package page

import (
	"context"

	"github.com/chatlake/chatlake/internal/operate"
)

var exportView = &view{
	name: "export", title: "Exports", link: "Exports", model: noModel,
	orders: map[string]order{"pause": pauseRun},
}

func pauseRun(ctx context.Context, p *Page, r *request) (string, error) {
	return "Paused. Work in flight is finished.", p.visit(ctx, func(s *operate.Session) error { return s.Pause(ctx, r.PostForm.Get("of")) })
}
