//! The limit of open files and connections of the process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::debug;

/// Raises the limit as far as the process may by itself.
///
/// The soft limit is often 1024, for the sake of programs that use `select`; each browser that watches takes
/// one, and nothing here uses `select`. The new limit is the hard limit, which the operator sets.
pub(crate) fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        debug!("the limit of open files stays: {error}");
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::raise_limit;

    #[test]
    fn a_process_may_open_as_many_files_as_it_may_allow_itself() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 512, hard).unwrap();
        raise_limit();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
    }
}
