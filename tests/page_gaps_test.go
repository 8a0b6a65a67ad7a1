package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestGapsInABrowser copies every other month, and then does with each gap what a person can do on the page: accept it, copy it, and let
// an export that the platform refused be tried again.
func TestGapsInABrowser(t *testing.T) {
	if chromium() == "" {
		t.Skip("Chromium is not installed: apt-get install chromium")
	}
	folder := t.TempDir()
	platform, address := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, folder, "sim", "--listen", platform, "--conversations", "70")
	awaitPage(t, "http://"+platform+"/")
	token := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "token"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf("lake: {url: file:./lake}\naccounts:\n  acme: {provider: chatwoot, base_url: 'http://%s', account_id: 1, token: 'file:%s'}\n", platform, filepath.Join(folder, "token"))
	if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	token(chatwoot.AdministratorToken)
	for month := 1; month <= 7; month += 2 {
		start(t, folder, "export", "--account", "acme", "--from", fmt.Sprintf("2025-%02d-01", month), "--to", fmt.Sprintf("2025-%02d-01", month+1)).succeed(t)
	}
	const february, april, june = "acme/created/20250201T000000Z~20250301T000000Z", "acme/created/20250401T000000Z~20250501T000000Z", "acme/created/20250601T000000Z~20250701T000000Z"
	start(t, folder, "worker", "--listen", address, "--log-format", "text")
	awaitPage(t, "http://"+address+"/")
	b := openBrowser(t, "http://"+address)
	order := func(name, of, want string, fill map[string]string) {
		t.Helper()
		if said := b.press(t, name, of, fill); !strings.Contains(said, want) {
			t.Errorf("%s of %s says %q, want %q", name, of, said, want)
		}
	}
	b.sees(t, "/gaps", "3 gaps", "2025-02-01 to 2025-03-01", "no committed window covers it")
	b.examine(t, "gaps")
	order("accept", february, "no office yet (this machine's page)", map[string]string{"reason": "no office yet"})
	b.sees(t, "/gaps", "2 gaps", "no office yet (this machine's page)")

	token("a-token-that-was-revoked")
	order("missing", april, "Started the export", nil)
	b.sees(t, "/export", "blocked")
	b.examine(t, "exports with a blocked one")
	run := evaluate[string](t, b, `document.querySelector("a[href*='of=export']").getAttribute("href")`)
	b.visit(t, run)
	b.examine(t, "a blocked export")
	token(chatwoot.AdministratorToken)
	order("resume", "export/acme/2025-04", "tried again", nil)
	b.sees(t, "/gaps", "1 gap\n")

	order("missing", june, "Started the export", nil)
	b.sees(t, "/gaps", "no gaps")
	b.sees(t, "/", "acme")
	for _, c := range b.complaints {
		t.Errorf("the browser complains: %s", c)
	}
}
