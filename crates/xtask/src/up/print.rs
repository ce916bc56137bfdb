//! Output of `up`: its own steps, the addresses, and each member's log behind its name.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stdout};
use std::sync::{Arc, Mutex, PoisonError};

use testkit::System;
use url::Url;

/// A colour for each member, as long as there are enough. (Red is for errors.)
const COLOURS: [u8; 12] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94, 37, 90];

/// The width of the column with the members' names.
const WIDTH: usize = 15;

/// Writes whole lines to the terminal.
#[derive(Clone)]
pub(super) struct Printer {
    coloured: bool,
    /// The members in the order of their first lines.
    known: Arc<Mutex<Vec<String>>>,
}

impl Printer {
    pub(super) fn new() -> Self {
        Self {
            coloured: stdout().is_terminal() && wish("NO_COLOR").is_none(),
            known: Arc::default(),
        }
    }

    /// Shows a step of our own.
    pub(super) fn step(&self, text: &str) {
        write(&format!(
            "{} {text}\n",
            self.paint(&format!("{:<WIDTH$} :", "xtask"), 1)
        ));
    }

    /// Shows a member's line.
    pub(super) fn line(&self, member: &str, line: &str) {
        let name = self.paint(&format!("{member:<WIDTH$}"), self.colour(member));
        write(&format!("{name} | {line}\n"));
    }

    /// Returns the member's colour: they are assigned in the order of the members' first lines.
    fn colour(&self, member: &str) -> u8 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|name| name == member);
        let place = place.unwrap_or_else(|| {
            known.push(member.to_owned());
            known.len() - 1
        });
        COLOURS[place % COLOURS.len()]
    }

    /// Shows the addresses.
    pub(super) fn addresses(&self, system: &System) {
        let hidden = "password in run.json";
        let at = |base: &Option<String>, path: &str| {
            let base = base.as_ref();
            base.map_or_else(|| "(left out)".to_owned(), |base| format!("{base}{path}"))
        };
        let (web, api) = (system.web(), system.api());
        let rows = [
            ("web", at(&web, ""), "the page"),
            ("system", at(&web, "/system"), "the flow of events, live"),
            ("api", at(&api, "/todo"), ""),
            ("docs", at(&api, "/docs"), "what the API can do, to try"),
            ("monitor", system.monitor(), "the broker's /connz and /jsz"),
            ("nats", without_password(&system.nats()), hidden),
            ("database", without_password(&system.database()), hidden),
        ];
        let mut table = String::from("\n");
        for (name, address, note) in rows {
            let name = self.paint(&format!("{name:<9}"), 1);
            let line = format!("{address:<44} {note}");
            let _ = writeln!(table, "  {name} {}", line.trim_end());
        }
        let members = system.members();
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        let _ = writeln!(
            table,
            "  {} {}",
            self.paint("members  ", 1),
            names.join(" ")
        );
        let _ = writeln!(
            table,
            "  {} {}",
            self.paint("data     ", 1),
            system.dir().display()
        );
        write(&format!(
            "{table}\nCtrl-C stops. In another terminal: cargo xtask todoctl status\n\n"
        ));
    }

    fn paint(&self, text: &str, colour: u8) -> String {
        if self.coloured {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Returns whether the output goes to a terminal, and `LOG_FORMAT` does not ask for another form of
/// lines.
pub(super) fn on_a_terminal() -> bool {
    stdout().is_terminal() && wish("LOG_FORMAT").is_none()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task, and no service, is told this by the terminal's user"
)]
fn wish(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|wish| !wish.is_empty())
}

/// Returns a URL without its password, to be shown.
fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return String::new();
    };
    let _ = url.set_password(None);
    url.to_string()
}

/// Writes in one piece, so that lines of several members do not mix. A reader that has gone is no error;
/// the services go on.
fn write(text: &str) {
    let mut out = stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
}
