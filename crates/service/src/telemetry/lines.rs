//! Writing of log lines to the standard output.

use std::{
    cell::RefCell,
    io::{self, Write},
};

use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    /// The lines that this thread has logged and not written yet; `None` while each line is written at once.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs `work`, and writes the lines that it logs on this thread together when it returns or panics: one
/// system call for many lines. Each line keeps the time at which it was logged. For short loops that wait
/// for nothing; their lines are held in memory. A call within another one does nothing of its own.
pub fn log_together<T>(work: impl FnOnce() -> T) -> T {
    let is_first = HELD.with_borrow_mut(|held| {
        let is_first = held.is_none();
        held.get_or_insert_default();
        is_first
    });
    let _written = is_first.then(|| Release);
    work()
}

/// Writes the held lines when it is dropped.
struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        let held = HELD.take().unwrap_or_default();
        // An error is ignored, as for lines that are written at once.
        let _ = io::stdout().lock().write_all(&held);
    }
}

/// The formatter's writer. It puts the service and the member at the beginning of JSON lines.
pub(super) struct Lines {
    /// The text that replaces the opening brace of a line.
    pub(super) opening: Option<String>,
}

pub(super) struct Line<'a> {
    opening: Option<&'a str>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            opening: self.opening.as_deref(),
        }
    }
}

impl Line<'_> {
    fn put(&self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self.opening.zip(line.strip_prefix(b"{")) {
            Some((opening, rest)) => {
                out.write_all(opening.as_bytes())?;
                out.write_all(rest)
            }
            None => out.write_all(line),
        }
    }
}

impl Write for Line<'_> {
    /// Writes a line: the formatter passes whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        HELD.with_borrow_mut(|held| match held {
            Some(lines) => self.put(line, lines),
            None => self.put(line, &mut io::stdout().lock()),
        })?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, panic::catch_unwind};

    use super::{HELD, Line, log_together};

    fn log(line: &str) {
        Line { opening: None }.write_all(line.as_bytes()).unwrap();
    }

    fn held() -> Option<String> {
        let held = HELD.with_borrow(Clone::clone);
        held.map(|lines| String::from_utf8(lines).unwrap())
    }

    #[test]
    fn what_is_logged_together_is_held_until_the_end() {
        log_together(|| {
            log("one\n");
            log_together(|| log("two\n"));
            log("three\n");

            assert_eq!(held().unwrap(), "one\ntwo\nthree\n");
        });
        assert_eq!(held(), None);
        log("four\n");
        assert_eq!(held(), None);
    }

    #[test]
    fn a_panic_ends_the_holding_too() {
        let panicked = catch_unwind(|| {
            log_together(|| {
                log("before the panic\n");
                panic!("for the test");
            });
        });

        assert!(panicked.is_err());
        assert_eq!(held(), None);
    }
}
