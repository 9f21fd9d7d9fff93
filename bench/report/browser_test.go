package report

import (
	stdbytes "bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"mlbench/bench"
)

// A browser is a headless Chromium that keeps what its pages asked for and
// complained about.
type browser struct {
	ctx context.Context //nolint:containedctx // chromedp's contexts are its tabs

	opened int // pages

	mu         sync.Mutex
	requests   []string
	complaints []string
}

// openBrowser skips where there is no Chromium, and fails where one has to be.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"} {
		if at, err := exec.LookPath(name); err == nil {
			path = at
			break
		}
	}
	if path == "" {
		if os.Getenv("MLBENCH_REQUIRE_BROWSER") != "" {
			t.Fatal("no chromium on the PATH, and MLBENCH_REQUIRE_BROWSER is set: scenarios/setup.sh browser installs Debian's")
		}
		t.Skip("no chromium on the PATH: scenarios/setup.sh browser installs Debian's")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // as root Chromium does not start with one
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *cdppage.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "dialog: "+e.Message)
	}
}

// open shows a page of that width, with the media and the scheme.
func (b *browser) open(t *testing.T, file string, width int64, media, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.opened++
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%v: %s", err, script)
	}
	return found
}

// overflowing are elements that reach out of the page to the right, other than
// in boxes that scroll.
const overflowing = `[...document.querySelectorAll('body *')].filter(e => !e.closest('.unseen') &&
	!e.parentElement.closest('.scroll') && !e.parentElement.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1)
	.map(e => e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + e.getBoundingClientRect().right)`

// cutText are words of drawings that reach out of the page.
const cutText = `[...document.querySelectorAll('svg.plot > text')].filter(e => { const b = e.getBoundingClientRect(); return b.width && (b.left < 0 || b.right > innerWidth) }).map(e => e.textContent)`

// contrasts are the texts with too little contrast to what is behind them:
// WCAG 2.2, 1.4.3, at least 4.5. What is behind a text in a drawing is the last
// box before it that it lies in.
const contrasts = `(() => {
	const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
	const light = c => { const f = x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
		return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]) };
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c } return [255, 255, 255, 1] };
	const least = (a, b) => { const x = light(a) + 0.05, y = light(b) + 0.05; return Math.max(x, y) / Math.min(x, y) };
	const poor = []; let n = 0;
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || e.closest('title') || e.closest('.unseen') || !e.getClientRects().length) continue;
		const svg = e.closest('svg'); let ink = parse(getComputedStyle(e).color), ground = behind(e);
		if (svg) {
			ink = parse(getComputedStyle(e).fill);
			const box = e.parentElement.closest('svg.plot > svg');
			for (let s = box?.previousElementSibling; s; s = s.previousElementSibling)
				if (s.tagName === 'rect') { ground = parse(getComputedStyle(s).fill); break }
		}
		n++;
		if (least(ink, ground) < 4.5) poor.push(least(ink, ground).toFixed(2) + ' ' + e.tagName + '.' + (e.className.baseVal ?? e.className) + ': ' + walk.currentNode.data.slice(0, 40));
	}
	return n < 20 ? ['only ' + n + ' texts seen'] : [...new Set(poor)];
})()`

// faint are the marks of drawings that are too faint to be seen: WCAG 2.2, 1.4.11,
// at least 3 to what is behind the drawing.
const faint = `(() => {
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const f = x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
		return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]) };
	const ground = parse(getComputedStyle(document.body).backgroundColor), poor = [];
	for (const e of document.querySelectorAll('.plot :is(.reach, .path, .memory, .bin, .start, .estimate, .interval, .median, .failed, .less, .more, .touched)')) {
		const s = getComputedStyle(e), ink = parse(s.stroke === 'none' ? s.fill : s.stroke).map((x, i) => s.opacity * x + (1 - s.opacity) * ground[i]);
		const x = light(ink) + 0.05, y = light(ground) + 0.05, of = Math.max(x, y) / Math.min(x, y);
		if (of < 3) poor.push(of.toFixed(2) + ' ' + e.getAttribute('class'));
	}
	return [...new Set(poor)];
})()`

// hiddenInPrint is how much of what is folded away is not printed.
const hiddenInPrint = `[...document.querySelectorAll('details table, details ul')].filter(e => !e.checkVisibility({contentVisibilityAuto: true}) || e.getBoundingClientRect().height === 0).length`

// TestInBrowser shows pages as people do: on a desk, on a phone, in the dark
// and on paper.
func TestInBrowser(t *testing.T) {
	b := openBrowser(t)
	dir := t.TempDir()
	files := make(map[string]string)
	put := func(name string, write func(w *stdbytes.Buffer) error) {
		t.Helper()
		var out stdbytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		files[name] = filepath.Join(dir, name+".html")
		if err := os.WriteFile(files[name], out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := func(r *bench.Result) func(*stdbytes.Buffer) error {
		return func(w *stdbytes.Buffer) error { return HTML(w, r) }
	}
	put("four", result(fourBy80(t)))
	for _, f := range fixtures {
		switch f.name {
		case "hostile", "gpu_hostile", "endless_names", "ten", "never_ready", "load_slower":
			put(f.name, result(f.result(t)))
		}
	}
	phased := fixtures[0].result(t)
	for i := range phased.Starts {
		for _, p := range phaseClasses { // each wide enough for its name
			phased.Starts[i].PhasesMS[p.phase] = 200
		}
	}
	put("phases", result(phased))
	put("explain", func(w *stdbytes.Buffer) error {
		return explanationHTML(w, explained("old:tag"+hostile[0], hostile[1]+long))
	})
	put("history", func(w *stdbytes.Buffer) error { return historyHTML(w, aHistory(t)) })

	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			b.open(t, file, 1200, "", "light")
			ground := ask[string](t, b, `getComputedStyle(document.body).backgroundColor`)
			for _, poor := range ask[[]string](t, b, contrasts) {
				t.Errorf("light: contrast %s", poor)
			}
			for _, poor := range ask[[]string](t, b, faint) {
				t.Errorf("light: contrast of marks %s", poor)
			}
			b.open(t, file, 1200, "", "dark")
			if dark := ask[string](t, b, `getComputedStyle(document.body).backgroundColor`); dark == ground {
				t.Errorf("it is %s in the dark too", dark)
			}
			for _, poor := range ask[[]string](t, b, contrasts) {
				t.Errorf("dark: contrast %s", poor)
			}
			for _, poor := range ask[[]string](t, b, faint) {
				t.Errorf("dark: contrast of marks %s", poor)
			}
			b.open(t, file, 360, "", "light")
			if width := ask[int](t, b, `document.documentElement.scrollWidth`); width > 360 {
				t.Errorf("on a phone it is %d wide: %q", width, ask[[]string](t, b, overflowing))
			}
			for _, e := range append(ask[[]string](t, b, overflowing), ask[[]string](t, b, cutText)...) {
				t.Errorf("on a phone %s reaches out", e)
			}
			b.open(t, file, 760, "print", "dark")
			if c := ask[string](t, b, `getComputedStyle(document.body).backgroundColor`); c != "rgb(255, 255, 255)" {
				t.Errorf("paper is %s", c)
			}
			if n := ask[int](t, b, hiddenInPrint); n > 0 {
				t.Errorf("%d tables and lists are not printed", n)
			}
			if n := ask[int](t, b, `document.scripts.length + document.querySelectorAll('a, img, iframe, object, embed, form, input, link').length`); n > 0 {
				t.Errorf("there are %d elements that lead or load", n)
			}
			if n := ask[int](t, b, `[...document.querySelectorAll('svg.plot')].filter(e => e.getAttribute('role') === 'img' && e.getBoundingClientRect().height < 10).length`); n > 0 {
				t.Errorf("%d drawings are not seen", n)
			}
		})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requests {
		if !strings.HasPrefix(url, "file://"+dir+"/") {
			t.Errorf("a page asked for %s", url)
		}
	}
	if len(b.requests) < b.opened {
		t.Errorf("%d requests heard of, of %d pages", len(b.requests), b.opened)
	}
	for _, said := range b.complaints {
		t.Errorf("the browser says: %s", said)
	}
}

// A page's policy holds even if something got into it: no script runs, no
// image is asked for, no style is applied.
func TestPolicyInBrowser(t *testing.T) {
	b := openBrowser(t)
	var out stdbytes.Buffer
	if err := HTML(&out, fixtures[0].result(t)); err != nil {
		t.Fatal(err)
	}
	evil := `<script>document.title = 'evil'</script><img src="http://127.0.0.1:9/x.png" onerror="document.title='evil'"><style>body { background: rgb(1, 2, 3) !important }</style>`
	file := filepath.Join(t.TempDir(), "evil.html")
	if err := os.WriteFile(file, stdbytes.Replace(out.Bytes(), []byte("</header>"), []byte("</header>"+evil), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(t, file, 1200, "", "light")
	if title := ask[string](t, b, `document.title`); title == "evil" {
		t.Error("a script ran")
	}
	if c := ask[string](t, b, `getComputedStyle(document.body).backgroundColor`); c == "rgb(1, 2, 3)" {
		t.Error("a style was applied")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	refused := 0
	for _, said := range b.complaints {
		if strings.Contains(said, "Content Security Policy") {
			refused++
		}
	}
	if refused < 3 {
		t.Errorf("%d of the script, the image and the style were refused: %q", refused, b.complaints)
	}
}

// Where a page's style is not applied, its words and tables are there, and no
// drawing that would be black all over.
func TestUnstyledInBrowser(t *testing.T) {
	b := openBrowser(t)
	var out stdbytes.Buffer
	if err := HTML(&out, fixtures[0].result(t)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "unstyled.html")
	if err := os.WriteFile(file, unstyled(out.Bytes()), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(t, file, 1200, "", "light")
	if n := ask[int](t, b, `[...document.querySelectorAll('svg.plot')].filter(e => e.getBoundingClientRect().height).length`); n > 0 {
		t.Errorf("%d drawings are shown", n)
	}
	if n := ask[int](t, b, `[...document.querySelectorAll('table')].filter(e => e.getBoundingClientRect().height).length`); n == 0 {
		t.Error("no table is")
	}
}

// What is drawn is where the figures say: dots of starts are as high as their
// times, in the browser's own pixels.
func TestDrawnInBrowser(t *testing.T) {
	b := openBrowser(t)
	r := fixture{times: in(620)}.result(t)
	var out stdbytes.Buffer
	if err := HTML(&out, r); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "r.html")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(t, file, 1200, "", "light")
	at := ask[[]float64](t, b, `(() => { const mid = e => { const b = e.getBoundingClientRect(); return (b.left + b.right) / 2 };
		const [zero, margin] = ['zero', 'margin'].map(c => mid(document.querySelector('.change line.' + c)));
		const caps = [...document.querySelectorAll('.change line.cap')].map(mid);
		return [zero, margin, mid(document.querySelector('.change .estimate')), ...caps] })()`)
	c := r.On(bench.MetricReady)[0].Change
	if len(at) != 5 {
		t.Fatalf("drawn are %v", at)
	}
	perUnit := (at[1] - at[0]) / r.Spec.Margin
	for i, want := range []float64{c.Estimate, c.Low, c.High} {
		if got := (at[i+2] - at[0]) / perUnit; math.Abs(got-want) > 0.01 {
			t.Errorf("drawn at %v is %v", got, want)
		}
	}
}
