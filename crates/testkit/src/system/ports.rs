//! The ports of one system, chosen at its first start and kept with its data, so that an address in a
//! browser or in another terminal is still valid after a restart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::options::{Event, SystemOptions};
use crate::ports::{durable_port, is_free};

/// The key of the broker's port for clients, in the file.
pub(super) const BROKER: &str = "message-queue";

/// The key of the port of the broker's monitoring, in the file.
pub(super) const MONITOR: &str = "monitor";

/// The key of the database's port, in the file.
pub(super) const POSTGRES: &str = "todo-db";

/// The port of each process. Without a file the kernel chooses each time.
pub(super) struct Ports {
    file: Option<PathBuf>,
    kept: BTreeMap<String, u16>,
}

impl Ports {
    /// Reads the ports of the system in `dir`, if that is kept.
    pub(super) fn keep(options: &SystemOptions, dir: &Path) -> Result<Self> {
        let file = options.dir.is_some().then(|| dir.join("ports.json"));
        let text = file.as_ref().and_then(|file| fs::read(file).ok());
        let kept = match (&file, text) {
            (Some(file), Some(text)) => serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand `{}`", file.display()))?,
            _ => BTreeMap::new(),
        };
        Ok(Self { file, kept })
    }

    /// Returns the port for the process `name`: the `given` one, or else the one that it had, or else
    /// its usual one, or else another. One of the middle two that is taken is reported. `None` leaves
    /// the choice to the kernel, in a system that is not kept.
    pub(super) fn choose(
        &mut self,
        options: &SystemOptions,
        name: &str,
        given: Option<u16>,
    ) -> Result<Option<u16>> {
        let Some(file) = &self.file else {
            return Ok(given);
        };
        let usual = options.usual_ports.get(name).map(|(port, _)| *port);
        let wished = [self.kept.get(name).copied(), usual];
        let port = match given {
            Some(port) => port,
            None => match first_free(wished, name, options) {
                Some(port) => port,
                None => durable_port()?,
            },
        };
        if self.kept.insert(name.to_owned(), port) != Some(port) {
            fs::write(file, serde_json::to_vec_pretty(&self.kept)?)
                .with_context(|| format!("cannot write `{}`", file.display()))?;
        }
        Ok(Some(port))
    }
}

fn first_free(wished: [Option<u16>; 2], name: &str, options: &SystemOptions) -> Option<u16> {
    wished.into_iter().flatten().find(|port| {
        let is_free = is_free(*port);
        if !is_free {
            let way = options.usual_ports.get(name);
            let way = way.map_or(String::new(), |(_, flag)| format!(" (`{flag}` chooses)"));
            (options.report)(Event::Step(&format!(
                "port {port} of {name} is taken by another program; using another one{way}"
            )));
        }
        is_free
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::{Event, Ports, SystemOptions};
    use crate::ports::loopback;

    /// Chooses a port as one start after the other would, and returns it with what was reported.
    fn choose(options: &mut SystemOptions, given: Option<u16>) -> (u16, String) {
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        options.report = Arc::new(move |event| {
            if let Event::Step(step) = event {
                heard.lock().unwrap().push_str(step);
            }
        });
        let dir = options.dir.clone().unwrap();
        let mut ports = Ports::keep(options, &dir).unwrap();
        let port = ports.choose(options, "todo-web-1", given).unwrap().unwrap();
        let said = said.lock().unwrap().clone();
        (port, said)
    }

    #[test]
    fn a_port_stays_until_it_is_taken_which_is_said_with_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = SystemOptions {
            dir: Some(dir.path().to_owned()),
            ..SystemOptions::default()
        };
        let (first, said) = choose(&mut options, None);
        assert_eq!(said, "");
        assert_eq!(choose(&mut options, None), (first, String::new()));

        let _other = TcpListener::bind(loopback(first)).unwrap();
        let (second, said) = choose(&mut options, None);
        assert_ne!(second, first);
        let told = format!("port {first} of todo-web-1 is taken");
        assert!(said.starts_with(&told), "{said}");
        assert_eq!(choose(&mut options, None), (second, String::new()));

        let given = crate::ports::free_port().unwrap();
        assert_eq!(choose(&mut options, Some(given)), (given, String::new()));
        assert_eq!(choose(&mut options, None), (given, String::new()));
    }

    #[test]
    fn the_usual_port_is_the_first_choice_and_another_one_that_was_chosen_once_stays() {
        let dir = tempfile::tempdir().unwrap();
        let usual = TcpListener::bind(loopback(0)).unwrap();
        let port = usual.local_addr().unwrap().port();
        let mut options = SystemOptions {
            dir: Some(dir.path().to_owned()),
            usual_ports: [("todo-web-1".to_owned(), (port, "--web-port"))].into(),
            ..SystemOptions::default()
        };
        let (other, said) = choose(&mut options, None);
        assert_ne!(other, port);
        assert!(
            said.contains("is taken") && said.contains("--web-port"),
            "{said}"
        );

        drop(usual);
        assert_eq!(choose(&mut options, None), (other, String::new()));
    }
}
