package s3test

import (
	"net/http"
	"testing"
)

func TestServersAreAlone(t *testing.T) {
	var ended Server
	t.Run("one", func(t *testing.T) {
		a, b := Start(t), Start(t)
		if a.Endpoint == b.Endpoint {
			t.Errorf("two servers at %s", a.Endpoint)
		}
		ended = a
	})
	if resp, err := http.Get(ended.Endpoint); err == nil {
		resp.Body.Close()
		t.Errorf("%s still answers after its test", ended.Endpoint)
	}
}
