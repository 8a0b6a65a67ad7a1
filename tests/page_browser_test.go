package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a page of chatlake in a real browser.
type browser struct {
	ctx     context.Context
	address string // of the page

	mu         sync.Mutex
	complaints []string // of the browser: errors of scripts, and what the policy forbids
}

// openBrowser starts a browser without a screen.
func openBrowser(t *testing.T, address string) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium()), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx, address: strings.TrimSuffix(address, "/")}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // the browser ends with this context
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleWarning || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException {
				b.mu.Lock()
				b.complaints = append(b.complaints, m.Text+" "+m.URL)
				b.mu.Unlock()
			}
		}
	}()
	return b
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}

func (b *browser) run(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText.slice(0, 2000)"))
		t.Fatalf("%v, at %s", err, text)
	}
}

// evaluate returns what a script comes to.
func evaluate[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// visit opens a view.
func (b *browser) visit(t *testing.T, path string) {
	t.Helper()
	b.run(t, chromedp.Navigate(b.address+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// look sets the theme and the width.
func (b *browser) look(t *testing.T, theme string, width int64) {
	t.Helper()
	b.run(t, chromedp.EmulateViewport(width, 900))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
}

// text is what a person reads of a view.
func (b *browser) text(t *testing.T) string {
	t.Helper()
	return evaluate[string](t, b, "document.body.innerText")
}

// sees waits until a view says something, loading it again and again.
func (b *browser) sees(t *testing.T, path string, want ...string) {
	t.Helper()
	text := ""
	for range 60 {
		b.visit(t, path)
		text = b.text(t)
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
		b.run(t, chromedp.Sleep(time.Second))
	}
	t.Fatalf("%s does not say %q:\n%s", path, want, text)
}

// press sends the form of an order, and returns what the page says then. fill sets the fields of the form before.
func (b *browser) press(t *testing.T, order, of string, fill map[string]string) string {
	t.Helper()
	fields, err := json.Marshal(fill)
	if err != nil {
		t.Fatal(err)
	}
	// A form is sent by its button, as a person does.
	script := fmt.Sprintf(`(() => {
		const form = [...document.forms].find(f => f.elements.order && f.elements.order.value === %q && f.elements.of.value.includes(%q));
		if (!form) return "no such form";
		for (const d of document.querySelectorAll("details")) d.open = d.contains(form);
		for (const [name, value] of Object.entries(%s || {})) {
			const field = form.elements[name];
			if (field.type === "checkbox") field.checked = true; else field.value = value;
		}
		const button = form.querySelector("button");
		if (button.getClientRects().length === 0) return "the button cannot be seen";
		button.setAttribute("data-pressed", "yes");
		return "";
	})()`, order, of, fields)
	if wrong := evaluate[string](t, b, script); wrong != "" {
		t.Fatalf("%s of %s: %s", order, of, wrong)
	}
	b.run(t, chromedp.Click(chromedp.CSS("[data-pressed]")), chromedp.WaitVisible(chromedp.CSS(".notice")))
	return evaluate[string](t, b, `document.querySelector(".notice").innerText`)
}

// faint finds texts with less contrast than WCAG AA asks for, by the styles that the browser has computed.
const faint = `(() => {
	const parse = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
	const light = ([r, g, b]) => { const f = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
	const found = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || e.getClientRects().length === 0 || e.closest("script, .hidden, .skip, option")) continue;
		const style = getComputedStyle(e), inSVG = e.closest("svg");
		const a = light(parse(inSVG ? style.fill : style.color)), b = light(behind(inSVG ? inSVG.parentElement : e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), large = parseFloat(style.fontSize) >= 24;
		if (ratio < (large ? 3 : 4.5)) found.add(e.tagName + "." + (e.getAttribute("class") || "") + " " + ratio.toFixed(2) + ": " + walk.currentNode.data.trim().slice(0, 40));
	}
	return [...found];
})()`

// wide finds what makes a view wider than the window.
const wide = `(() => document.documentElement.scrollWidth <= window.innerWidth ? "" : document.documentElement.scrollWidth + " of " + window.innerWidth)()`

// unreachable finds what can be clicked and not reached by keyboard, or has no name for a screen reader.
const unreachable = `[...document.querySelectorAll("a, button, summary, input, select")].filter(e =>
	e.type !== "hidden" && (e.tabIndex < 0 || !(e.innerText || e.textContent || e.getAttribute("aria-label") || (e.labels && e.labels.length)))).map(e => e.outerHTML.slice(0, 120))`

// pageViews are the views that every page has.
var pageViews = []string{"/", "/coverage", "/export", "/budget", "/gaps", "/find", "/lake"}

// TestPageInABrowser looks at every view of a live demo, in both themes and two widths, and gives every order as a person does.
func TestPageInABrowser(t *testing.T) {
	if chromium() == "" {
		t.Skip("Chromium is not installed: apt-get install chromium")
	}
	folder, address := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, folder, "demo", "--live", "--dir", filepath.Join(folder, "demo"), "--conversations", "1500", "--latency", "20ms", "--rate", "20", "--listen", address)
	awaitPage(t, "http://"+address+"/")
	b := openBrowser(t, "http://"+address)
	b.sees(t, "/", "behind", "chatwoot-1500-1", "requests a second")
	history := evaluate[string](t, b, `document.querySelector("a[href*='of=history%2fchatwoot']")?.getAttribute("href") || ""`)

	views := slices.Clone(pageViews)
	if history != "" {
		views = append(views, history)
	}
	b.sees(t, "/coverage", "chatwoot-1500-1")
	if shard := evaluate[string](t, b, `document.querySelector("main a[href^='/shard']")?.getAttribute("href") || ""`); shard == "" {
		t.Error("no cell of the coverage leads to a window")
	} else {
		views = append(views, shard)
	}
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 375} {
			b.look(t, theme, width)
			for _, view := range views {
				b.visit(t, view)
				b.examine(t, fmt.Sprintf("%s, %s, %d", view, theme, width))
				b.shoot(t, view, theme, width)
			}
		}
	}
	b.look(t, "light", 1280)
	b.giveOrders(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		t.Errorf("the browser complains: %s", c)
	}
}

// examine checks what holds for every view.
func (b *browser) examine(t *testing.T, what string) {
	t.Helper()
	for _, p := range evaluate[[]string](t, b, faint) {
		t.Errorf("%s: too little contrast: %s", what, p)
	}
	if overflow := evaluate[string](t, b, wide); overflow != "" {
		t.Errorf("%s: the view is wider than the window: %s", what, overflow)
	}
	for _, c := range evaluate[[]string](t, b, unreachable) {
		t.Errorf("%s: not for keyboards or screen readers: %s", what, c)
	}
}

// giveOrders gives each order of the views of runs, schedules and budgets, and sees that it was carried out.
func (b *browser) giveOrders(t *testing.T) {
	t.Helper()
	b.visit(t, "/export")
	if said := b.press(t, "pause-schedule", "settle/chatwoot-1500-1", map[string]string{"note": "for the test"}); !strings.Contains(said, "starts nothing") {
		t.Errorf("pausing a schedule says %q", said)
	}
	b.sees(t, "/", "for the test (by this machine's page)")
	if said := b.press(t, "resume-schedule", "settle/chatwoot-1500-1", nil); !strings.Contains(said, "starts runs again") {
		t.Errorf("resuming a schedule says %q", said)
	}
	b.visit(t, "/budget")
	if said := b.press(t, "rate", "/freshchat-1500-1", map[string]string{"rate": "7"}); !strings.Contains(said, "7 requests a second") {
		t.Errorf("changing the rate says %q", said)
	}
	b.sees(t, "/budget", "set by a person")

	b.sees(t, "/export", "freshchat-1500-1: history")
	run := evaluate[string](t, b, `[...document.querySelectorAll("a[href^='/export?of=']")].map(a => new URL(a.href).searchParams.get("of")).find(id => id.startsWith("history/freshchat"))`)
	path := "/export?of=" + url.QueryEscape(run)
	b.visit(t, path)
	if said := b.press(t, "pause", run, nil); !strings.Contains(said, "is paused") {
		t.Errorf("pausing a run says %q", said)
	}
	b.sees(t, path, "paused")
	if said := b.press(t, "resume", run, nil); !strings.Contains(said, "continues") {
		t.Errorf("resuming a run says %q", said)
	}
	b.visit(t, path)
	if said := b.press(t, "cancel", run, map[string]string{"sure": "yes"}); !strings.Contains(said, "stays in the lake") {
		t.Errorf("canceling a run says %q", said)
	}
	b.sees(t, path, "is not under way")

	b.visit(t, "/find")
	b.run(t, chromedp.SendKeys(chromedp.CSS("input[name=id]"), "no-such-conversation\r"), chromedp.WaitVisible(chromedp.CSS("#found")))
	if text := b.text(t); !strings.Contains(text, "not in the lake") {
		t.Errorf("looking for a conversation that is not there says:\n%s", text)
	}
	if at := evaluate[string](t, b, "location.href"); strings.Contains(at, "no-such") {
		t.Errorf("the id is in the address: %s", at)
	}
}

// shoot keeps a picture of a view if CHATLAKE_SCREENSHOTS names a folder.
func (b *browser) shoot(t *testing.T, view, theme string, width int64) {
	t.Helper()
	folder := os.Getenv("CHATLAKE_SCREENSHOTS")
	if folder == "" || width < 1000 && view != "/" {
		return
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(view, "/"), "?")
	switch {
	case name == "":
		name = "now"
	case strings.Contains(view, "?of=history"):
		name = "run"
	}
	if width < 1000 {
		name += "-phone"
	}
	evaluate[string](t, b, `document.querySelector(".lake").textContent = "file:demo/lake"`) // not the path of one machine
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+"-"+theme+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}

// awaitPage waits until a page answers.
func awaitPage(t *testing.T, address string) {
	t.Helper()
	for range 120 {
		if answer, err := http.Get(address); err == nil {
			answer.Body.Close()
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatalf("no page answers at %s", address)
}
