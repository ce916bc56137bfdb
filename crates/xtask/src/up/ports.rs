//! Which ports people find the system on.

use anyhow::{Result, ensure};
use testkit::ports::is_free;

use super::print::Printer;

/// The port that was given, or else the usual one; nothing when that is taken, which lets the kernel
/// choose.
pub(super) fn choose(
    flag: &str,
    given: Option<u16>,
    usual: u16,
    printer: &Printer,
) -> Result<Option<u16>> {
    if let Some(port) = given {
        ensure!(
            port == 0 || is_free(port),
            "port {port} is taken: give another one by `{flag}`"
        );
        return Ok(Some(port).filter(|port| *port != 0));
    }
    if is_free(usual) {
        return Ok(Some(usual));
    }
    printer.step(&format!(
        "port {usual} is taken, using a free one (`{flag}` chooses)"
    ));
    Ok(None)
}
