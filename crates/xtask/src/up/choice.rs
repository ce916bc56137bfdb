//! The services that can be chosen, and their number of members.

use std::fs;
use std::str::FromStr;

use testkit::system::SERVICES;

use crate::cargo::root;

/// A requested number of members.
#[derive(Clone)]
pub(crate) struct Scale {
    pub(crate) service: String,
    pub(crate) count: usize,
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "expected a service and a number, such as `save-handler=3`";
        let (name, count) = text.split_once('=').ok_or(wanted)?;
        Ok(Self {
            service: service(name)?,
            count: count.parse().map_err(|_| wanted)?,
        })
    }
}

/// Returns the service's name. Fails, with the names that there are, if there is no such service.
pub(crate) fn service(name: &str) -> Result<String, String> {
    let services = services();
    if services.iter().any(|(service, _)| service == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<_> = services.into_iter().map(|(service, _)| service).collect();
    Err(format!(
        "there is no service `{name}`, only {}",
        names.join(", ")
    ))
}

/// Returns the services and the default number of members of each: those of the system, and one member
/// of each further group that has a crate here.
pub(crate) fn services() -> Vec<(String, usize)> {
    let known = SERVICES.map(|(name, count)| (name.to_owned(), count));
    let crates = fs::read_dir(root().join("crates")).into_iter().flatten();
    let mut groups: Vec<_> = crates
        .flatten()
        .filter(|folder| folder.path().join("src/main.rs").is_file())
        .filter_map(|folder| folder.file_name().into_string().ok())
        .filter(|name| name.ends_with("-handler"))
        .filter(|name| !SERVICES.iter().any(|(known, _)| known == name))
        .map(|name| (name, 1))
        .collect();
    groups.sort();
    known.into_iter().chain(groups).collect()
}
