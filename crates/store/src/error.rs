//! What can go wrong, told by step, and what to do about it, told by kind.

use sqlx::migrate::MigrateError;

/// Why a step failed. Its text names the step; its source, the [`Cause`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The text that should say where the database is says something else.
    #[error("cannot read the database URL")]
    Url(#[source] Cause),
    /// [`crate::ItemStore::apply`].
    #[error("cannot save items")]
    Apply(#[source] Cause),
    /// [`crate::ItemStore::list`].
    #[error("cannot list items")]
    List(#[source] Cause),
    /// [`crate::ItemStore::count`].
    #[error("cannot count items")]
    Count(#[source] Cause),
    /// [`crate::ItemStore::get`] and [`crate::ItemStore::absence`].
    #[error("cannot get an item")]
    Get(#[source] Cause),
    /// [`crate::AuditLog::append`].
    #[error("cannot append to the audit log")]
    Append(#[source] Cause),
    /// [`crate::migrate`].
    #[error("cannot migrate the database")]
    Migrate(#[source] Cause),
    /// [`crate::ensure_roles`].
    #[error("cannot give the services their roles")]
    Roles(#[source] Cause),
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Nothing is wrong with what was asked: the database is away, busy or not set up yet. Wait,
    /// then ask again.
    Unavailable,
    /// The database refuses what one of the rows says, and always will.
    Rejected,
    /// A mistake in a program or in the stored data. Asking again may help after a repair.
    Fault,
}

impl StoreError {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Url(cause)
            | Self::Apply(cause)
            | Self::List(cause)
            | Self::Count(cause)
            | Self::Get(cause)
            | Self::Append(cause)
            | Self::Migrate(cause)
            | Self::Roles(cause) => cause.kind(),
        }
    }

    /// Whether waiting and asking again is the thing to do.
    pub fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }
}

/// What the step failed of.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Cause(#[from] Reason);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error("the scheme is not `postgres` or `postgresql`")]
    Scheme,
    #[error("no connection could be had in time")]
    NoConnection,
    #[error("the database stopped answering")]
    Silent,
    #[error("the database did not finish in time")]
    Overdue,
    #[error("{0} (SQLSTATE {1})")]
    Refused(String, String),
    #[error("a time is in no year of the calendar in UTC")]
    Year,
    #[error("a stored `{0}` is not what it should be")]
    Stored(&'static str),
    #[error("migration {0} failed")]
    Migration(i64, #[source] Box<Reason>),
    // The driver's errors say in their text what their sources say, so they go without sources.
    #[error("{0}")]
    Migrator(MigrateError),
    #[error("{0}")]
    Driver(sqlx::Error),
}

impl Cause {
    pub(crate) fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        Self(error.into())
    }
}

impl From<MigrateError> for Cause {
    fn from(error: MigrateError) -> Self {
        Self(match error {
            MigrateError::Execute(error) => error.into(),
            MigrateError::ExecuteMigration(error, version) => {
                Reason::Migration(version, Box::new(error.into()))
            }
            other => Reason::Migrator(other),
        })
    }
}

impl From<sqlx::Error> for Reason {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::NoConnection,
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default().into_owned();
                // Only the message: the detail may quote a row, and with it a user's text.
                Self::Refused(refusal.message().to_owned(), code)
            }
            other => Self::Driver(other),
        }
    }
}

impl Reason {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoConnection | Self::Silent | Self::Overdue => ErrorKind::Unavailable,
            Self::Refused(_, code) => kind_of_sqlstate(code),
            Self::Year => ErrorKind::Rejected,
            Self::Driver(error) => kind_of_driver(error),
            // A migration that fails of what it says is a mistake, unless it only waited for a lock.
            Self::Migration(_, reason) if reason.kind() == ErrorKind::Unavailable => {
                ErrorKind::Unavailable
            }
            Self::Scheme | Self::Stored(_) | Self::Migration(..) | Self::Migrator(_) => {
                ErrorKind::Fault
            }
        }
    }
}

fn kind_of_driver(error: &sqlx::Error) -> ErrorKind {
    match error {
        // What the driver could not make sense of is mostly half an answer from a broken link.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => ErrorKind::Unavailable,
        sqlx::Error::Encode(_) => ErrorKind::Rejected,
        _ => ErrorKind::Fault,
    }
}

/// Judges by the code's class, its first two characters (PostgreSQL documentation, appendix A).
///
/// Only the two classes that speak of the values themselves reject a row, since a rejected row goes
/// to the dead letters. Whatever may pass without anybody touching the row is worth waiting for.
fn kind_of_sqlstate(code: &str) -> ErrorKind {
    match (code.get(..2).unwrap_or_default(), code) {
        // Data exception; integrity constraint violation.
        ("22" | "23", _) => ErrorKind::Rejected,
        // Connection; transaction state (a standby is read-only); transaction rollback (deadlock);
        // resources (connections, memory, disk); prerequisite state (locks); operator intervention
        // (shutdown, start, statement timeout); system error.
        ("08" | "25" | "40" | "53" | "55" | "57" | "58", _) => ErrorKind::Unavailable,
        // Before setup has run, or has run again after an upgrade: no such role, database, schema,
        // table or column, or no permission yet; and a prepared statement whose table has changed,
        // which is well again on the next connection.
        ("28" | "3D" | "3F", _) | (_, "42P01" | "42703" | "42501" | "0A000") => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Fault,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn kind(error: sqlx::Error) -> ErrorKind {
        StoreError::Apply(error.into()).kind()
    }

    #[test]
    fn a_broken_link_is_worth_waiting_for() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        for error in [
            sqlx::Error::Io(refused),
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::Protocol("half a message".to_owned()),
        ] {
            let text = error.to_string();
            assert_eq!(kind(error), ErrorKind::Unavailable, "{text}");
        }
        for reason in [Reason::Silent, Reason::Overdue] {
            assert!(StoreError::List(reason.into()).is_unavailable());
        }
    }

    #[test]
    fn each_sqlstate_has_the_kind_that_its_meaning_asks_for() {
        let unavailable = [
            "08006", // connection failure
            "25006", // read-only transaction
            "28P01", // wrong password
            "3D000", // no such database
            "3F000", // no such schema
            "40001", // serialization failure
            "40P01", // deadlock
            "42P01", // no such table
            "42501", // no permission
            "53100", // disk full
            "53300", // too many connections
            "55P03", // lock timeout
            "57014", // statement timeout
            "57P01", // shutdown
            "57P03", // starting up
            "58030", // input/output error
        ];
        for code in unavailable {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Unavailable, "{code}");
        }
        for code in ["22P05", "22021", "23505", "23514", "23502"] {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Rejected, "{code}");
        }
        for code in ["42601", "42804", "XX000", "54000", "", "2", "é"] {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Fault, "{code}");
        }
    }

    #[test]
    fn a_mistake_in_the_data_is_neither_waited_for_nor_blamed_on_a_row() {
        assert_eq!(kind(sqlx::Error::RowNotFound), ErrorKind::Fault);
        let stored = StoreError::Get(Reason::Stored("item").into());
        assert_eq!(stored.kind(), ErrorKind::Fault);
    }

    #[test]
    fn a_migration_is_worth_trying_again_only_if_it_had_to_wait() {
        let migration = |code: &str| {
            let reason = Reason::Refused("refused".to_owned(), code.to_owned());
            StoreError::Migrate(Reason::Migration(1, Box::new(reason)).into()).kind()
        };
        assert_eq!(migration("55P03"), ErrorKind::Unavailable);
        assert_eq!(migration("23505"), ErrorKind::Fault);
        assert_eq!(migration("42601"), ErrorKind::Fault);
    }

    #[test]
    fn an_error_does_not_repeat_its_source() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = StoreError::Apply(sqlx::Error::Io(refused).into());
        assert_eq!(error.to_string(), "cannot save items");
        let source = std::error::Error::source(&error).unwrap();
        let text = "error communicating with database: connection refused";
        assert_eq!(source.to_string(), text);
        assert!(source.source().is_none());
    }
}
