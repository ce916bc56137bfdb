//! Which services, and how many.

use std::str::FromStr;

use testkit::system::SERVICES;

/// A wish for a number of members.
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

/// Checks a service's name.
pub(crate) fn service(name: &str) -> Result<String, String> {
    if SERVICES.iter().any(|(service, _)| *service == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<_> = SERVICES.iter().map(|(service, _)| *service).collect();
    Err(format!(
        "there is no service `{name}`, only {}",
        names.join(", ")
    ))
}
