package main

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ucspitls/test/need"
)

// browser finds Chromium, or skips the test with the name of its package.
func browser(t *testing.T) string {
	t.Helper()
	return need.Program(t, "chromium", "chromium")
}

// dump is the page as the browser has it once its script has run.
func dump(t *testing.T, path, url string) string {
	t.Helper()
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--no-first-run", "--allow-file-access-from-files", "--window-size=1200,900", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=10000", "--dump-dom", url)
	cmd.WaitDelay = 20 * time.Second
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return string(out)
}

// sample is a small report with every kind of outcome, and with texts that
// would do harm if they were taken for markup.
func sample() *Report {
	cell := func(server, client, version, scenario, outcome, reason string) *Result {
		r := &Result{Cell: Cell{Server: server, Client: client, Version: version, Scenario: scenario}, Outcome: outcome, Reason: reason,
			Server: Side{Name: server, Ours: isBackend(server), Exit: "0", Command: "the server's command", Output: "<b id=evil>said by the server</b>"},
			Client: Side{Name: client, Ours: isBackend(client), Exit: "1", Command: "the client's command", Output: "said by the client"}}
		if outcome == "unexpected" {
			r.Why = "it went <i id=evil>wrong</i>"
		}
		return r
	}
	return &Report{
		Date: "2000-01-02 03:04 UTC", Seconds: 5,
		Programs: []Program{{Name: "our-gotls", Title: "our gotls", Ours: true, Version: "1"}, {Name: "our-utls", Title: "our utls", Ours: true, Version: "2"},
			{Name: "curl", Title: "curl", Version: "3"}, {Name: "socat", Title: "socat", Version: "4"}, {Name: "node", Title: "Node.js", Missing: "not installed"}},
		Scenarios: []scenario{{Name: "plain", About: "one line"}, {Name: "cert-good", Conditions: "cert=good", About: "a certificate"}},
		Results: []*Result{
			cell("our-gotls", "curl", "1.2", "plain", "ok", ""), cell("our-gotls", "curl", "1.3", "plain", "ok", ""),
			cell("our-utls", "curl", "1.2", "plain", "refused", ""), cell("our-utls", "curl", "1.3", "cert-good", "unexpected", ""),
			cell("our-gotls", "socat", "1.2", "plain", "unexpected", "socat is known for it"),
		},
		Differences: []Difference{
			{Role: "server", Other: "curl", Version: "1.2", Scenario: "plain", Field: "exit", Values: map[string]string{"gotls": "0", "utls": "98"}},
			{Role: "server", Other: "curl", Version: "1.3", Scenario: "plain", Field: "alert", Values: map[string]string{"gotls": "a", "utls": "b"}, Reason: "the library's choice"},
		},
	}
}

func writeSample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := sample().write(dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "index.html")
}

// The page asks nobody for anything.
func TestPageIsSelfContained(t *testing.T) {
	page, err := sample().page()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"http://", "https://", "src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML"} {
		if strings.Contains(string(page), word) {
			t.Errorf("the page has %s", word)
		}
	}
}

func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	url := "file://" + writeSample(t)
	for _, tt := range []struct {
		fragment string
		shown    int
		want     []string
	}{
		{"", 5, []string{"5 sessions between real programs", "socat is known for it", "the library's choice", "not here: not installed", "no reason given"}},
		{"#outcome=known", 1, nil},
		{"#peer=curl", 4, nil},
		{"#backend=our-utls&version=1.3", 1, nil},
		{"#text=cert%3Dgood", 0, nil}, // a condition that no cell has: they are named by scenario
		{"#text=cert-good", 1, nil},
		{"#cell=curl+%3E+our-utls+1.3+cert-good", 5, []string{"<dialog", "said by the client", "the server's command",
			"make interop ONLY='client=curl server=our-utls version=1.3 scenario=cert-good'"}},
	} {
		t.Run(tt.fragment, func(t *testing.T) {
			t.Parallel()
			dom := dump(t, chromium, url+tt.fragment)
			if !strings.Contains(dom, `data-ready="yes"`) {
				t.Fatalf("the page did not come up: %s", abbreviate(dom, 600))
			}
			if want := fmt.Sprintf(`data-shown="%d"`, tt.shown); !strings.Contains(dom, want) {
				t.Errorf("no %s", want)
			}
			if strings.Contains(dom, `id="evil"`) {
				t.Error("a program's output was taken for markup")
			}
			text := html.UnescapeString(dom)
			for _, w := range tt.want {
				if !strings.Contains(text, w) {
					t.Errorf("no %q", w)
				}
			}
			if open := strings.Contains(dom, "<dialog id=\"cell\" aria-labelledby=\"cell-title\" open="); open != strings.HasPrefix(tt.fragment, "#cell=") {
				t.Errorf("the cell's window is open: %v", open)
			}
		})
	}
}

// probe drives the page in a frame: keys, the window of a cell, and the
// width that its content needs.
const probe = `<!doctype html><body><iframe src="index.html" style="width:%dpx;height:900px;border:0"></iframe><script>
const frame = document.querySelector('iframe');
function wait(test, then, n = 300) { test() ? then() : n ? setTimeout(() => wait(test, then, n - 1), 20) : (document.body.dataset.result = 'timeout'); }
wait(() => frame.contentDocument && frame.contentDocument.body && frame.contentDocument.body.dataset.ready, () => {
  const d = frame.contentDocument, w = frame.contentWindow, say = {};
  say.overflow = d.documentElement.scrollWidth - d.documentElement.clientWidth;
  const stops = [...d.querySelectorAll('#matrix .sq')].filter((s) => s.tabIndex === 0);
  say.stops = stops.length;
  stops[0].focus();
  stops[0].dispatchEvent(new w.KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
  say.moved = d.activeElement.dataset.id !== stops[0].dataset.id && d.activeElement.classList.contains('sq');
  say.named = [...d.querySelectorAll('button')].every((b) => b.textContent.trim() || b.getAttribute('aria-label'));
  d.activeElement.click();
  wait(() => d.getElementById('cell').open, () => {
    say.opened = d.getElementById('cell-title').textContent;
    say.inside = d.getElementById('cell').scrollWidth <= d.getElementById('cell').clientWidth;
    d.getElementById('close').click();
    wait(() => !d.getElementById('cell').open, () => { document.body.dataset.result = JSON.stringify(say); });
  });
});
</script></body>`

func TestPageOnAPhoneAndByKeyboard(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	for _, width := range []int{360, 1200} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			page := writeSample(t)
			path := filepath.Join(filepath.Dir(page), "probe.html")
			if err := os.WriteFile(path, fmt.Appendf(nil, probe, width), 0o600); err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(`data-result="([^"]*)"`).FindStringSubmatch(dump(t, chromium, "file://"+path))
			if m == nil {
				t.Fatal("the page was not driven to the end")
			}
			want := `{"overflow":0,"stops":1,"moved":true,"named":true,"opened":"curl → our gotls · TLS 1.3 · plain","inside":true}`
			if got := html.UnescapeString(m[1]); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
