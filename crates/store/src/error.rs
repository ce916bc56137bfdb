//! Errors of the store: a variant for each step that failed, and a kind that says what to do.

use std::io;

use sqlx::migrate::MigrateError;

use crate::{address::Mistake, sqlstate::kind_of_sqlstate};

/// An error of a step. Its text names the step; its source, the [`Cause`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL is invalid.
    #[error("cannot read the database URL")]
    Url(#[source] Cause),
    /// [`crate::Database::refusal`].
    #[error("cannot use the database")]
    Use(#[source] Cause),
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
    /// [`crate::Owner`] removing rows past their retention.
    #[error("cannot remove what is kept no longer")]
    Retain(#[source] Cause),
    /// [`crate::Owner::erase_item`] and its companions.
    #[error("cannot erase a text")]
    Erase(#[source] Cause),
}

/// Kind of an error, by the reaction to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The statement is fine: the database is unavailable, busy or not set up yet. Wait, then retry.
    Unavailable,
    /// The database rejects the values of a row, and always will.
    Rejected,
    /// A bug in a program or wrong stored data. A retry may succeed after a repair.
    Fault,
}

impl StoreError {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// Returns whether a setting, the address or the database itself, is wrong: then no retry succeeds before
    /// somebody has changed it.
    pub fn is_setting(&self) -> bool {
        self.cause().0.is_setting()
    }

    fn cause(&self) -> &Cause {
        match self {
            Self::Url(cause)
            | Self::Use(cause)
            | Self::Apply(cause)
            | Self::List(cause)
            | Self::Count(cause)
            | Self::Get(cause)
            | Self::Append(cause)
            | Self::Migrate(cause)
            | Self::Roles(cause)
            | Self::Retain(cause)
            | Self::Erase(cause) => cause,
        }
    }

    /// Returns whether to wait and retry.
    pub fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }
}

/// Cause of a failed step.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Cause(#[from] Reason);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error(transparent)]
    Address(#[from] Mistake),
    #[error("{0}")]
    Setting(String),
    /// Connecting failed, so that even an SQLSTATE about values says nothing about a row.
    #[error("{0}")]
    Connection(Box<Reason>),
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
    // The texts of the driver's errors repeat their sources, so these have none.
    #[error("{0}")]
    Migrator(MigrateError),
    #[error("{0}")]
    Driver(sqlx::Error),
}

impl Cause {
    pub(crate) fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// See [`Reason::of_owner`].
    pub(crate) fn of_owner(self) -> Self {
        Self(self.0.of_owner())
    }

    /// Returns whether a prepared statement or a portal is missing or exists already: then a pooler ran it on
    /// another server connection than the one it was prepared on.
    pub(crate) fn is_of_a_pooler(&self) -> bool {
        matches!(self.0.code(), Some("26000" | "42P05" | "34000"))
    }
}

impl From<Mistake> for Cause {
    fn from(mistake: Mistake) -> Self {
        Self(mistake.into())
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
                // Only the message: the detail may quote a row, and with it the text of an item.
                Self::Refused(refusal.message().to_owned(), code)
            }
            other => Self::Driver(other),
        }
    }
}

impl Reason {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoConnection | Self::Silent | Self::Overdue | Self::Connection(_) => {
                ErrorKind::Unavailable
            }
            Self::Refused(_, code) => kind_of_sqlstate(code),
            Self::Year => ErrorKind::Rejected,
            Self::Driver(error) => kind_of_driver(error),
            // A failed migration is a bug, unless it only waited for a lock.
            Self::Migration(_, reason) if reason.kind() == ErrorKind::Unavailable => {
                ErrorKind::Unavailable
            }
            Self::Address(_)
            | Self::Setting(_)
            | Self::Stored(_)
            | Self::Migration(..)
            | Self::Migrator(_) => ErrorKind::Fault,
        }
    }

    fn is_setting(&self) -> bool {
        match self {
            Self::Address(_) | Self::Setting(_) => true,
            Self::Driver(error) => is_tls(error),
            Self::Connection(reason) | Self::Migration(_, reason) => reason.is_setting(),
            _ => false,
        }
    }

    /// SQLSTATE of the database's error.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(_, code) => Some(code),
            Self::Connection(reason) | Self::Migration(_, reason) => reason.code(),
            _ => None,
        }
    }

    /// Turns missing rights and a read-only database into setting errors, for steps that log in as the owner
    /// of the tables: no one else grants the owner rights meanwhile.
    pub(crate) fn of_owner(self) -> Self {
        let advice = match self.code() {
            Some("42501") => {
                "setup has to log in as the owner of the tables, who may create schemas in this \
                 database, tables in its schema public, and roles"
            }
            Some("25006") => {
                "the database is read-only here, a standby or by `default_transaction_read_only`; \
                 give the address of the one that is written to"
            }
            _ => return self,
        };
        Self::Setting(format!("{self}; {advice}"))
    }
}

/// Returns whether TLS could not be set up: the server does not support it, or a certificate or another of
/// the files is invalid.
pub(crate) fn is_tls(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => true,
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

fn kind_of_driver(error: &sqlx::Error) -> ErrorKind {
    match error {
        // A protocol error is mostly a truncated answer from a broken connection. Settings that worked at the
        // start and fail now, such as an expired certificate, are waited for.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => ErrorKind::Unavailable,
        sqlx::Error::Encode(_) => ErrorKind::Rejected,
        _ => ErrorKind::Fault,
    }
}

#[cfg(test)]
mod tests {
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
    fn what_is_refused_when_connecting_is_never_a_rows_fault() {
        let refused = Reason::Refused("invalid value".to_owned(), "22023".to_owned());
        let error = StoreError::Apply(Reason::Connection(Box::new(refused)).into());
        assert!(error.is_unavailable());
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
