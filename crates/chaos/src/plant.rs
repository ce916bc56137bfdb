//! Planted faults, which show whether the judge finds them.

use clap::ValueEnum;

/// A fault that a service may have; `bin/faulty.rs` implements it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// The saver acknowledges events before they are saved.
    AckBeforeCommit,
    /// The saver lets the event that it handles last win, and not the one that was published last.
    NoVersionGuard,
    /// The API accepts requests without waiting for the publish ack.
    YesWithoutWaiting,
    /// The API ignores its callers' idempotency keys.
    KeyIgnored,
    /// The page's service drops some of the server-sent events of saved items.
    UpdateDropped,
}

impl Plant {
    /// Returns the service that has it.
    pub fn service(self) -> &'static str {
        match self {
            Self::AckBeforeCommit | Self::NoVersionGuard => "save-handler",
            Self::YesWithoutWaiting | Self::KeyIgnored => "todo-api",
            Self::UpdateDropped => "todo-web",
        }
    }

    /// Returns its name on the command line.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
