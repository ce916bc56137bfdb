//! A browser, and the actions of its user.

use std::path::{Path, PathBuf};

use fantoccini::{
    Client, ClientBuilder, Locator,
    key::Key,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use testkit::{Chromedriver, eventually};
use url::{ParseError, Url};

use crate::stage::SOON;

#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    /// Base URL of all paths.
    pub(crate) home: String,
}

impl Browser {
    pub(crate) async fn open(
        driver: &Chromedriver,
        home: String,
        size: (u32, u32),
        scripts: bool,
    ) -> Self {
        let Value::Object(capabilities) = Chromedriver::capabilities(scripts) else {
            panic!("capabilities have names")
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = driver.url();
        let client = builder.capabilities(capabilities).connect(&address);
        let browser = Self {
            client: client.await.unwrap(),
            home,
        };
        browser.resize(size).await;
        browser
    }

    /// Opens the page at `path`, and returns when it is loaded.
    pub(crate) async fn visit(&self, path: &str) {
        let address = format!("{}{path}", self.home);
        self.client.goto(&address).await.unwrap();
    }

    /// Returns the value of a JavaScript expression.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let value = self.client.execute(&script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until a JavaScript expression has the expected value.
    pub(crate) async fn becomes(&self, expression: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        let what = format!("{expression} is {expected}");
        eventually(&what, SOON, async || {
            let value = self.value(expression).await;
            if value == expected {
                Ok(())
            } else {
                Err(value)
            }
        })
        .await;
    }

    /// Returns the texts of the elements, from the top.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.value(&texts_of(selector)).await;
        serde_json::from_value(texts).unwrap()
    }

    /// Waits until these are the texts of the elements.
    pub(crate) async fn shows(&self, selector: &str, texts: &[&str]) {
        self.becomes(&texts_of(selector), texts).await;
    }

    /// Clicks on the first such element.
    pub(crate) async fn click(&self, selector: &str) {
        let found = self.client.find(Locator::Css(selector)).await;
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Returns the coordinates of the middle of the first such element, from the left and the top of the
    /// screen.
    pub(crate) async fn middle(&self, selector: &str) -> (f64, f64) {
        let found = self.client.find(Locator::Css(selector)).await;
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        let (left, top, width, height) = found.rectangle().await.unwrap();
        (left + width / 2.0, top + height / 2.0)
    }

    /// Sends a mouse event.
    pub(crate) async fn mouse(&self, kind: &str, (x, y): (f64, f64), clicks: u32) {
        let pressed = i32::from(kind != "mouseReleased");
        let event = json!({
            "type": kind, "x": x, "y": y, "clickCount": clicks,
            "button": if clicks > 0 { "left" } else { "none" },
            "buttons": if clicks > 0 { pressed } else { 0 },
        });
        self.devtools("Input.dispatchMouseEvent", event).await;
    }

    /// Double-clicks on the first such element.
    pub(crate) async fn double_click(&self, selector: &str) {
        let place = self.middle(selector).await;
        self.mouse("mouseMoved", place, 0).await;
        for clicks in [1, 2] {
            self.mouse("mousePressed", place, clicks).await;
            self.mouse("mouseReleased", place, clicks).await;
        }
    }

    /// Returns the current tab.
    pub(crate) async fn tab(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Opens another tab, and switches to it.
    pub(crate) async fn opens_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.turns_to(&tab).await;
        tab
    }

    /// Closes the current tab.
    pub(crate) async fn closes_tab(&self) {
        self.client.close_window().await.unwrap();
    }

    pub(crate) async fn turns_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap();
    }

    /// Goes back in the tab's history.
    pub(crate) async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// Types into the focused element.
    pub(crate) async fn types(&self, text: &str) {
        let active = self.client.active_element().await.unwrap();
        active.send_keys(text).await.unwrap();
    }

    /// Types a line into the focused element.
    pub(crate) async fn enters(&self, text: &str) {
        self.types(text).await;
        self.presses(Key::Enter).await;
    }

    pub(crate) async fn presses(&self, key: Key) {
        self.types(&char::from(key).to_string()).await;
    }

    /// Sends a command that is not part of the WebDriver protocol but of the Chrome `DevTools` one.
    pub(crate) async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        let done = self.client.issue_cmd(DevTools(command, parameters)).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Sets the size of the screen. It is emulated, since a window is never as narrow as a phone.
    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
            .await;
    }

    /// Runs a script on each page from now on, before those of the page.
    pub(crate) async fn runs_first(&self, script: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.devtools(command, json!({ "source": script })).await;
    }

    /// Runs an asynchronous script, and returns the value that it passes to its callback.
    pub(crate) async fn waits_for(&self, script: &str) -> Value {
        let value = self.client.execute_async(script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Requests pages in this language.
    pub(crate) async fn speaks(&self, language: &str) {
        self.devtools("Network.enable", json!({})).await;
        let headers = json!({ "headers": { "Accept-Language": language } });
        self.devtools("Network.setExtraHTTPHeaders", headers).await;
    }

    /// Sets the preferred colour scheme, dark or light.
    pub(crate) async fn prefers(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        )
        .await;
    }

    /// Writes a screenshot under `target/screenshots`.
    pub(crate) async fn picture(&self, name: &str) {
        let directory = target().join("screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(directory.join(format!("{name}.png")), picture).unwrap();
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }
}

fn texts_of(selector: &str) -> String {
    format!("[...document.querySelectorAll({selector:?})].map((it) => it.textContent.trim())")
}

/// A command of the `DevTools` protocol, with its parameters.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (Method::POST, Some(body.to_string()))
    }
}

/// Returns cargo's target directory.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().find(|path| path.ends_with("target"));
    target.unwrap_or(Path::new("target")).to_owned()
}
