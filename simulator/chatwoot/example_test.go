package chatwoot_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// A site behind a network that corrupts every answer except the second.
func Example() {
	site := chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 100}), chatwoot.Options{})
	faults := &simulator.Faults{Script: []simulator.Fault{simulator.Throttled, simulator.NoFault}, Probability: 1}
	server, err := simulator.Serve("127.0.0.1:0", faults.Wrap(site))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		r, _ := http.NewRequest("GET", server.URL+"/api/v1/accounts/1/conversations?status=all", nil)
		r.Header.Set("api_access_token", chatwoot.AdministratorToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = answer.Body.Close()
		fmt.Println(answer.Status)
	}
	fmt.Println("reached the site:", site.Stats().Endpoints["conversations"])
	if err := server.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 429 Too Many Requests
	// 200 OK
	// reached the site: 1
}
