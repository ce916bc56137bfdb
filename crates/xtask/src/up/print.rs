//! What `up` shows: its own steps, the addresses, and each member's log behind its name.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stdout};

use testkit::System;
use url::Url;

/// One colour after the other, for one member after the other.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// The width of the column with the members' names.
const WIDTH: usize = 15;

/// Writes whole lines to the terminal.
#[derive(Clone)]
pub(super) struct Printer {
    coloured: bool,
}

impl Printer {
    pub(super) fn new() -> Self {
        Self {
            coloured: stdout().is_terminal(),
        }
    }

    /// Tells of a step of our own.
    pub(super) fn step(&self, text: &str) {
        write(&format!(
            "{} {text}\n",
            self.paint(&format!("{:<WIDTH$} :", "xtask"), 1)
        ));
    }

    /// Passes on a member's line.
    pub(super) fn line(&self, member: &str, line: &str) {
        let sum: usize = member.bytes().map(usize::from).sum();
        let name = self.paint(&format!("{member:<WIDTH$}"), COLOURS[sum % COLOURS.len()]);
        write(&format!("{name} | {line}\n"));
    }

    /// Shows where everything is.
    pub(super) fn addresses(&self, system: &System) {
        let left_out = || "(left out)".to_owned();
        let hidden = "password in run.json";
        let rows = [
            ("web", system.web().unwrap_or_else(left_out), ""),
            (
                "api",
                system
                    .api()
                    .map_or_else(left_out, |api| format!("{api}/todo")),
                "",
            ),
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
        write(&format!("{table}\nCtrl-C stops.\n\n"));
    }

    fn paint(&self, text: &str, colour: u8) -> String {
        if self.coloured {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The address as one may show it to somebody who looks over the shoulder.
fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return String::new();
    };
    let _ = url.set_password(None);
    url.to_string()
}

/// Writes at once, so that lines of several members do not mix. Whoever reads may have gone; the
/// services go on.
fn write(text: &str) {
    let mut out = stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
}
