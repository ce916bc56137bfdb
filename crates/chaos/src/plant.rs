//! Faults that are planted to see whether they are found.

use clap::ValueEnum;

/// A fault that a service may have, as `bin/faulty.rs` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// The saver acknowledges events before they are saved.
    AckBeforeCommit,
    /// The saver lets the event that comes last win, and not the one that was published last.
    NoVersionGuard,
    /// The API says yes without waiting for the stream.
    YesWithoutWaiting,
    /// The API takes no notice of its callers' keys.
    KeyIgnored,
    /// The page's service forgets to push some of what is saved.
    UpdateDropped,
}

impl Plant {
    /// The service that has it.
    pub fn service(self) -> &'static str {
        match self {
            Self::AckBeforeCommit | Self::NoVersionGuard => "save-handler",
            Self::YesWithoutWaiting | Self::KeyIgnored => "todo-api",
            Self::UpdateDropped => "todo-web",
        }
    }

    /// Its name, as it is given to the program.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
