//! One event stream per browser for the lists of all its tabs, and recovery when one side goes silent.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";
const SAVING: &str = "document.querySelectorAll('.saving, .waiting').length";
const OFFLINE: &str = "!document.querySelector('.offline').hidden";

/// Longer than the time after which the page gives up a silent connection.
pub(crate) const SILENCE: Duration = Duration::from_mins(1);

impl Stage {
    /// Waits until the page's server has `count` streams open.
    pub(crate) async fn has_streams(&self, count: &str) {
        let name = &self.system.members_of("todo-web")[0];
        let members = self.system.members();
        let web = members.iter().find(|member| member.name == *name).unwrap();
        let metrics = format!("{}/metrics", web.http.as_ref().unwrap());
        let wanted = format!("live_browsers {count}");
        eventually(&wanted, SOON, async || {
            let text = testkit::http::get(&metrics).await.unwrap().text();
            let found = text.lines().find(|line| line.starts_with("live_browsers "));
            if found == Some(&wanted) {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    }

    /// Adds an item to a list, as another user does.
    pub(crate) async fn adds(&self, list: &str, item: &str) {
        let fields = [("list", list), ("item", item)];
        let address = format!("{}/new", self.web());
        let answer = testkit::http::post_form(&address, &fields).await;
        assert_eq!(answer.unwrap().status, 303);
    }
}

impl Browser {
    /// Waits until these are the items, as long as it takes to give up a silent connection.
    async fn shows_in_time(&self, items: &[&str]) {
        eventually("the items", SILENCE, async || {
            let found = self.texts(ITEMS).await;
            if found == items { Ok(()) } else { Err(found) }
        })
        .await;
    }

    /// Opens seven lists in seven tabs, with the script `first` before those of the page, and uses them
    /// all.
    async fn has_seven_tabs(&self, stage: &Stage, first: &str) {
        let mut tabs = vec![self.tab().await];
        for _ in 1..7 {
            tabs.push(self.opens_tab().await);
        }
        for (number, tab) in tabs.iter().enumerate() {
            self.turns_to(tab).await;
            self.runs_first(first).await;
            self.visit(&format!("/lists/seven-{number}")).await;
            self.enters("mine").await;
            self.becomes(SAVING, 0).await;
        }
        for (number, tab) in tabs.iter().enumerate() {
            stage.adds(&format!("seven-{number}"), "theirs").await;
            self.turns_to(tab).await;
            self.shows(ITEMS, &["mine", "theirs"]).await;
            self.becomes(OFFLINE, false).await;
        }
    }
}

#[tokio::test]
async fn seven_lists_in_seven_tabs_share_one_stream() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.has_seven_tabs(&stage, "").await;
    stage.has_streams("1").await;
    browser.close().await;
}

#[tokio::test]
async fn seven_lists_in_seven_tabs_work_where_there_are_no_locks() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    let without = "delete Navigator.prototype.locks;";
    browser.has_seven_tabs(&stage, without).await;
    browser.becomes("'locks' in navigator", false).await;
    browser.close().await;
}

#[tokio::test]
async fn where_tabs_cannot_talk_a_hidden_one_lets_go_and_comes_back_with_what_it_missed() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.runs_first("delete window.BroadcastChannel;").await;
    browser.visit("/lists/alone").await;
    stage.has_streams("1").await;
    let hides = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}), \
             document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    browser.value(&hides(true)).await;
    stage.has_streams("0").await;
    stage.adds("alone", "meanwhile").await;
    browser.value(&hides(false)).await;
    browser.shows(ITEMS, &["meanwhile"]).await;
    stage.has_streams("1").await;
    browser.close().await;
}

#[tokio::test]
async fn the_tab_that_is_left_goes_on_when_the_one_that_listened_is_closed() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/first").await;
    let first = browser.tab().await;
    browser.opens_tab().await;
    browser.visit("/lists/second").await;
    stage.adds("second", "one").await;
    browser.shows(ITEMS, &["one"]).await;
    browser.closes_tab().await;
    browser.turns_to(&first).await;
    stage.adds("first", "two").await;
    browser.shows(ITEMS, &["two"]).await;
    stage.has_streams("1").await;
    browser.close().await;
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_noticed_on_waking_and_otherwise_soon() {
    let stage = Stage::start(&[]).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home = stage.linked();
    browser.visit("/lists/dead").await;
    stage.adds("dead", "one").await;
    browser.shows(ITEMS, &["one"]).await;
    for (number, waking) in ["window, 'online'", "document, 'visibilitychange'"]
        .iter()
        .enumerate()
    {
        stage.link.strand();
        stage.adds("dead", &format!("after {number}")).await;
        let (target, event) = waking.split_once(", ").unwrap();
        let wakes = format!("{target}.dispatchEvent(new Event({event}))");
        browser.value(&wakes).await;
        let shown = format!("document.querySelectorAll('{ITEMS}').length");
        browser.becomes(&shown, number + 2).await;
    }
    stage.link.strand();
    stage.adds("dead", "unnoticed").await;
    browser.enters("mine").await;
    let items = ["one", "after 0", "after 1", "unnoticed", "mine"];
    browser.shows_in_time(&items).await;
    browser.becomes(SAVING, 0).await;
    browser.becomes(OFFLINE, false).await;
    browser.close().await;
}

#[tokio::test]
async fn a_change_over_a_connection_that_died_in_silence_waits_and_is_saved_soon() {
    let stage = Stage::start(&[]).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home = stage.linked();
    browser.visit("/lists/dying").await;
    stage.has_streams("1").await;
    // Of several connections that are kept.
    let opens = "void Promise.all([1, 2, 3, 4, 5].map((number) => fetch(`/favicon.svg?${number}`, \
        { cache: 'no-store' }))).then(() => window.areOpen = true)";
    browser.value(opens).await;
    browser.becomes("window.areOpen", true).await;
    stage.link.strand();
    let start = Instant::now();
    browser.enters("mine").await;
    browser.shows(".waiting", &["mine"]).await;
    browser.becomes(SAVING, 0).await;
    let time = start.elapsed();
    assert!(time < Duration::from_secs(15), "{time:?}");
    browser.shows(ITEMS, &["mine"]).await;
    browser.close().await;
}

#[tokio::test]
async fn who_hears_nothing_is_told_so_and_sends_what_waits_when_it_hears_again() {
    let stage = Stage::start(&[]).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home = stage.linked();
    browser.visit("/lists/silent").await;
    stage.has_streams("1").await;
    stage.link.stall();
    eventually("it is told", SILENCE, async || {
        browser.value(OFFLINE).await == json!(true)
    })
    .await;
    browser.enters("waits").await;
    stage.link.restore().await;
    browser.becomes(OFFLINE, false).await;
    browser.becomes(SAVING, 0).await;
    browser.shows(ITEMS, &["waits"]).await;
    browser.close().await;
}

#[tokio::test]
async fn when_the_tab_that_listens_is_suspended_another_takes_over_and_nothing_is_lost_or_doubled()
{
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/frozen").await;
    let first = browser.tab().await;
    let second = browser.opens_tab().await;
    // It behaves like a window beside the other: switching to it does not wake it.
    let sleeps = "for (const kind of ['visibilitychange', 'pageshow', 'resume', 'online']) \
        addEventListener(kind, (event) => event.stopImmediatePropagation(), true)";
    browser.runs_first(sleeps).await;
    browser.visit("/lists/frozen").await;
    browser.turns_to(&first).await;
    // Makes this tab the one that holds the stream.
    browser
        .value("window.dispatchEvent(new Event('online'))")
        .await;
    stage.adds("frozen", "one").await;
    browser.shows(ITEMS, &["one"]).await;
    let renderer = browser.renderer().await;
    browser.turns_to(&second).await;
    browser.shows(ITEMS, &["one"]).await;

    let stopped = Instant::now();
    signal("-STOP", renderer);
    stage.adds("frozen", "two").await;
    browser.enters("mine").await;
    browser.shows_in_time(&["one", "two", "mine"]).await;
    // The other tab took over because of the silence: the one with the stream had not left.
    assert!(stopped.elapsed() > Duration::from_secs(10));
    browser.becomes(SAVING, 0).await;
    browser.becomes(OFFLINE, false).await;

    signal("-CONT", renderer);
    stage.adds("frozen", "three").await;
    for tab in [&first, &second] {
        browser.turns_to(tab).await;
        browser.shows(ITEMS, &["one", "two", "mine", "three"]).await;
    }
    stage.has_streams("1").await;
    browser.close().await;
}

impl Browser {
    /// Returns the process that runs the page's script: the one whose processor time rises with it.
    async fn renderer(&self) -> u32 {
        let before = renderers();
        self.value(
            "(() => { const end = performance.now() + 1500; while (performance.now() < end); })()",
        )
        .await;
        let worked = |(pid, time): &(u32, u64)| {
            let then = before.iter().find(|(other, _)| other == pid);
            time - then.map_or(0, |(_, then)| *then)
        };
        renderers().iter().max_by_key(|it| worked(it)).unwrap().0
    }
}

/// Returns the processes that run pages in the browsers of this test, with the processor time of each.
fn renderers() -> Vec<(u32, u64)> {
    let stat = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat.rsplit_once(')')?.1.split_whitespace();
        Some(fields.map(str::to_owned).collect::<Vec<_>>())
    };
    let parent = |pid| stat(pid)?.get(1)?.parse().ok();
    let is_ours = |pid| {
        let mut above = std::iter::successors(Some(pid), |pid| parent(*pid));
        above.any(|pid: u32| pid == std::process::id())
    };
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("--type=renderer") && is_ours(*pid)
    });
    let time = |pid| Some((pid, stat(pid)?.get(11)?.parse().ok()?));
    pids.filter_map(time).collect()
}

fn signal(kind: &str, pid: u32) {
    let sent = Command::new("kill").args([kind, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}
