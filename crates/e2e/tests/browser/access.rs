//! Accessibility for users with a screen reader, a touch screen, a keyboard only, dark colours or
//! another language: each page and each state of it, by the rules of WCAG 2.2 AA as far as a program can
//! check them (axe-core).

use std::path::PathBuf;

use fantoccini::key::Key;
use serde_json::json;

use crate::{
    browser::{Browser, target},
    stage::Stage,
};

/// The rules that are checked.
const RULES: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

const PHONE: (u32, u32) = (390, 844);
const WIDE: (u32, u32) = (1280, 900);

/// Returns the script of the checks, which `cargo xtask test` installs.
fn axe() -> String {
    let directories = std::fs::read_dir(target()).unwrap().flatten();
    let mut paths = directories.map(|directory| directory.path());
    let is_axe = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("axe-core-"))
    };
    let found = paths.find(is_axe);
    let found = found.expect("there is no axe-core: run the tests with `cargo xtask test`");
    std::fs::read_to_string(found.join("node_modules/axe-core/axe.min.js")).unwrap()
}

pub(crate) struct Checks {
    axe: String,
    browser: Browser,
    /// Violations, each with the state of the page.
    found: Vec<String>,
}

impl Checks {
    pub(crate) fn of(browser: Browser) -> Self {
        Self {
            axe: axe(),
            browser,
            found: Vec::new(),
        }
    }

    /// Ends the browser; fails if there were violations.
    pub(crate) async fn end(self) {
        self.browser.close().await;
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }

    async fn look_for_small_targets(&mut self, state: &str) {
        let is_finger = self
            .browser
            .value("matchMedia('(pointer: coarse)').matches");
        assert_eq!(is_finger.await, true);
        let small = self.browser.value(SMALL).await;
        for target in small.as_array().unwrap() {
            self.found.push(format!("{state}: {target} is small"));
        }
    }

    /// Checks the shown state, in light and in dark, and takes screenshots of it.
    pub(crate) async fn check(&mut self, state: &str) {
        for (size, screen) in [(PHONE, "phone"), (WIDE, "wide")] {
            self.browser.resize(size).await;
            self.browser.touches(size == PHONE).await;
            if size == PHONE {
                self.look_for_small_targets(state).await;
            }
            for scheme in ["light", "dark"] {
                self.browser.prefers(scheme).await;
                self.browser
                    .picture(&format!("{state}-{screen}-{scheme}"))
                    .await;
                let axe = &self.axe;
                let run = format!(
                    "{axe}; const done = arguments[arguments.length - 1];
                     axe.run({{ runOnly: {} }}).then(({{ violations }}) => done(violations.map(
                         (it) => [it.id, ...it.nodes.map((node) => node.failureSummary + node.html)])),
                         (error) => done([String(error)]));",
                    json!(RULES)
                );
                let found = self.browser.waits_for(&run).await;
                for rule in found.as_array().unwrap() {
                    self.found
                        .push(format!("{state}, {screen}, {scheme}: {rule:#}"));
                }
            }
        }
        // Nothing is wider than the screen, however narrow that is.
        self.browser.resize((320, 640)).await;
        let width = "document.documentElement.scrollWidth";
        if self.browser.value(width).await != 320 {
            self.found
                .push(format!("{state} is wider than a narrow screen"));
        }
        self.browser.resize(WIDE).await;
    }
}

/// JavaScript for the touch targets that are narrower or lower than 44 pixels. Links in a text may be:
/// they are as high as the text.
const SMALL: &str = "[...document.querySelectorAll('button, input:not([type=hidden]), nav a, .filters a, .lists a, .change')]
    .map((it) => [it.getBoundingClientRect(), it.outerHTML])
    .filter(([{ width, height }]) => width > 1 && height > 1 && (width < 43.5 || height < 43.5))
    .map(([{ width, height }, html]) => `${width} x ${height}: ${html}`)";

impl Browser {
    /// Emulates a touch screen, or stops to.
    async fn touches(&self, enabled: bool) {
        let touch = json!({ "enabled": enabled });
        self.devtools("Emulation.setTouchEmulationEnabled", touch)
            .await;
    }

    /// Presses the key Tab until such an element has the focus.
    async fn tabs_to(&self, selector: &str) {
        let is_there = format!("document.activeElement.matches({selector:?})");
        for _ in 0..30 {
            self.presses(Key::Tab).await;
            if self.value(&is_there).await == true {
                return;
            }
        }
        panic!("no key leads to {selector}");
    }
}

/// Uses the keyboard for everything that a mouse can do.
async fn by_keys(browser: &Browser) {
    browser.visit("/lists/keys").await;
    for item in ["one", "two"] {
        browser.enters(item).await;
    }
    browser.tabs_to("li:nth-child(1) .toggle").await;
    browser.types(" ").await;
    browser.shows(".completed", &["one"]).await;
    browser.tabs_to("li:nth-child(1) .change").await;
    browser.presses(Key::Enter).await;
    browser.enters(" and a half").await;
    browser
        .shows(".todo-list li", &["one and a half", "two"])
        .await;
    browser.tabs_to(".todo-list li:nth-child(1) .down").await;
    browser.presses(Key::Enter).await;
    let rows = ".todo-list li";
    browser.shows(rows, &["two", "one and a half"]).await;
    browser.presses(Key::Up).await;
    browser.shows(rows, &["one and a half", "two"]).await;
    browser.tabs_to(".todo-list li:nth-child(2) .destroy").await;
    browser.presses(Key::Enter).await;
    browser.shows(rows, &["one and a half"]).await;
    browser.tabs_to(".undo button").await;
    browser.presses(Key::Enter).await;
    browser.shows(rows, &["one and a half", "two"]).await;
    browser.tabs_to(".filters li:nth-child(3) a").await;
    browser.presses(Key::Enter).await;
    browser.shows(rows, &["one and a half"]).await;
}

#[tokio::test]
async fn everybody_can_use_each_page_in_each_state() {
    let mut stage = Stage::start(&[]).await;
    let mut checks = Checks::of(stage.browser(WIDE).await);
    checks.browser.visit("/").await;
    checks.check("home-empty").await;
    by_keys(&checks.browser).await;
    states_of_a_list(&mut stage, &mut checks).await;
    other_pages(&mut checks).await;
    checks.end().await;
}

async fn states_of_a_list(stage: &mut Stage, checks: &mut Checks) {
    let browser = checks.browser.clone();

    browser.visit("/lists/groceries").await;
    let long = "ask the neighbours whether they would water the plants while we are away, and where \
                the key is to be left";
    for item in [
        "buy milk",
        "bread, cheese and apples",
        long,
        "무엇보다 먼저 우유 사기",
    ] {
        browser.enters(item).await;
    }
    browser.click(".todo-list li:nth-child(2) .toggle").await;
    browser
        .becomes("document.querySelectorAll('.saving').length", 0)
        .await;
    checks.check("list").await;
    stage.system.stop_member("save-handler-1").await.unwrap();
    browser.click(".todo-list li:nth-child(1) .destroy").await;
    browser.click(".todo-list li:nth-child(1) .toggle").await;
    browser
        .becomes("document.querySelectorAll('.saving').length", 1)
        .await;
    let quiet = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    browser.devtools("Emulation.setEmulatedMedia", quiet).await;
    browser.becomes("document.getAnimations().length", 0).await;
    checks.check("saving-and-undo").await;
    stage.system.restart_member("save-handler-1").await.unwrap();
    browser
        .becomes("document.querySelectorAll('.saving').length", 0)
        .await;
    browser
        .double_click(".todo-list li:nth-child(2) label")
        .await;
    checks.check("editing").await;
    browser.click(".new-todo").await;
    browser.enters(&"x".repeat(257)).await;
    browser
        .becomes("document.querySelector('.problem').hidden", false)
        .await;
    checks.check("too-long").await;
}

async fn other_pages(checks: &mut Checks) {
    let browser = checks.browser.clone();

    browser
        .value("void document.querySelector('.add').submit()")
        .await;
    browser.becomes("location.pathname", "/new").await;
    checks.check("refused").await;
    browser.visit("/list").await;
    checks.check("whole-list-empty").await;
    browser.visit("/lists/groceries/all").await;
    checks.check("whole-list").await;
    browser.click(".todo-list li:nth-child(1) .change").await;
    browser
        .becomes("location.pathname.startsWith('/items/')", true)
        .await;
    checks.check("item").await;
    browser.visit("/lists").await;
    checks.check("lists").await;
    browser.visit("/lists?name=").await;
    checks.check("lists-refused").await;
    browser.visit("/nowhere").await;
    checks.check("not-found").await;
    browser.visit("/system").await;
    checks.check("system").await;

    browser.speaks("ko").await;
    browser.visit("/lists/groceries").await;
    checks.check("list-korean").await;
    browser.visit("/lists").await;
    checks.check("lists-korean").await;
    browser.visit("/system").await;
    checks.check("system-korean").await;
    browser
        .visit("/lists/%EB%8B%A4%EB%A5%B8%20%EB%AA%A9%EB%A1%9D")
        .await;
    checks.check("home-empty-korean").await;
}
