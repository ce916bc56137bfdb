//! Classification of SQLSTATE codes.

use crate::ErrorKind;

/// Returns the kind of an SQLSTATE, by the code or else by its class, the first two characters. An unknown
/// class is a fault.
pub(crate) fn kind_of_sqlstate(code: &str) -> ErrorKind {
    let class = code.get(..2).unwrap_or_default();
    of_code(code)
        .or_else(|| of_class(class))
        .unwrap_or(ErrorKind::Fault)
}

/// Codes whose kind differs from that of their class.
#[expect(
    clippy::match_same_arms,
    reason = "each has its own reason, which stands above it"
)]
fn of_code(code: &str) -> Option<ErrorKind> {
    use ErrorKind::Unavailable;
    match code {
        // The text is one that we accept, and the database's encoding does not have it: the database has
        // to be replaced, and the event is to be saved then.
        "22P05" => Some(Unavailable),
        // Before setup has run, or has run again after an upgrade: no table, column, function, type or
        // constraint of the name, or no right to it yet.
        "42P01" | "42703" | "42883" | "42704" | "42P10" | "42501" => Some(Unavailable),
        // A prepared statement of the name is there already, of another client of the pooler in front.
        "42P05" => Some(Unavailable),
        _ => None,
    }
}

/// All classes of PostgreSQL's appendix A, each decided deliberately.
///
/// Only errors about the values themselves reject a row, since a rejected row becomes a dead letter at once.
/// A fault is retried a few times first. Errors that may pass without a change of row or program are waited
/// for, without limit.
#[expect(
    clippy::match_same_arms,
    reason = "each has its own reason, which stands above it"
)]
fn of_class(class: &str) -> Option<ErrorKind> {
    use ErrorKind::{Fault, Rejected, Unavailable};
    Some(match class {
        // 22 data exception, 23 integrity constraint violation, 44 a view's check: what a row says.
        "22" | "23" | "44" => Rejected,
        // 08 connection; also a pooler that lost its own, or does not know what it is asked.
        "08" => Unavailable,
        // 0A not supported: a prepared statement whose table has changed, well again on the next
        // connection.
        "0A" => Unavailable,
        // The state of a connection, as a pooler or a failover leaves it: 0B, 2D and 3B begin and end of
        // transactions and savepoints, 24 and 34 cursors and portals, 25 a transaction that failed or may
        // only read (a standby), 26 a prepared statement that is elsewhere.
        "0B" | "24" | "25" | "26" | "2D" | "34" | "3B" => Unavailable,
        // Who asks where, which setup or an operator puts right: 0L and 0P roles, 28 logging in, 3D no
        // such database, 3F no such schema.
        "0L" | "0P" | "28" | "3D" | "3F" => Unavailable,
        // 40 rollback (deadlock, serialization), 55 not in the state for it (locks), 72 an old snapshot:
        // the same again may well succeed.
        "40" | "55" | "72" => Unavailable,
        // 53 resources (connections, memory, disk), 57 an operator steps in (shutdown, start, time limit),
        // 58 the system under it.
        "53" | "57" | "58" => Unavailable,
        // F0 a broken configuration file, XX an internal error or damaged data; poolers say XX for much
        // that is away. None of it is about the row.
        "F0" | "XX" => Unavailable,
        // 00 success, 01 warning, 02 no data, 03 not complete: no failures, so a mistake if one comes.
        "00" | "01" | "02" | "03" => Fault,
        // What our statements do not have, so somebody has put it there or we made a mistake: 09 and 27
        // triggers, 0F locators, 0Z and 20 and P0 procedures, 10 XQuery, 21 cardinality, 2B privileges that
        // depend, 2F and 38 and 39 functions, 42 syntax, 54 limits of a statement, HV foreign tables.
        "09" | "0F" | "0Z" | "10" | "20" | "21" | "27" | "2B" | "2F" | "38" | "39" | "42"
        | "54" | "HV" | "P0" => Fault,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use testkit::install;

    use super::*;

    /// The classes of the documentation of PostgreSQL 15 to 18, appendix A.
    const CLASSES: &str = "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F \
        34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX";

    #[test]
    fn every_class_of_the_appendix_is_decided() {
        for class in CLASSES.split_whitespace() {
            assert!(of_class(class).is_some(), "{class}");
        }
        assert_eq!(of_class("ZZ"), None);
    }

    #[test]
    fn every_class_that_the_installed_server_knows_is_decided() {
        let bin = install::postgres().unwrap().bin;
        let version = bin.parent().unwrap();
        // /usr/lib/postgresql/15/bin goes with /usr/share/postgresql/15.
        let shared = [
            version.to_string_lossy().replace("/lib/", "/share/") + "/errcodes.txt",
            format!("{}/share/errcodes.txt", version.display()),
        ];
        let listed = shared.iter().find_map(|file| fs::read_to_string(file).ok());
        let listed = listed.unwrap_or_else(|| panic!("none of {shared:?} is there"));
        let codes = listed
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        let codes: BTreeSet<_> = codes
            .filter(|code| code.len() == 5 && code.chars().all(|c| c.is_ascii_alphanumeric()))
            .filter(|code| code.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase()))
            .collect();
        assert!(codes.len() > 200, "{}", codes.len());
        for code in codes {
            assert!(of_class(&code[..2]).is_some(), "{code}");
        }
    }

    #[test]
    fn each_sqlstate_has_the_kind_that_its_meaning_asks_for() {
        let unavailable = [
            "08006", // connection failure
            "08P01", // a pooler that does not know what it is asked
            "0A000", // the table of a prepared statement has changed
            "22P05", // a text that the database's encoding does not have
            "25006", // read-only transaction
            "25P02", // failed transaction
            "26000", // no such prepared statement
            "28P01", // wrong password
            "34000", // no such portal
            "3D000", // no such database
            "3F000", // no such schema
            "40001", // serialization failure
            "40P01", // deadlock
            "42P01", // no such table
            "42P05", // prepared statement that is there already
            "42501", // no permission
            "42883", // no such function
            "53100", // disk full
            "53300", // too many connections
            "55P03", // lock timeout
            "57014", // statement timeout
            "57P01", // shutdown
            "57P03", // starting up
            "58030", // input/output error
            "XX000", // internal error
            "XX001", // damaged data
        ];
        for code in unavailable {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Unavailable, "{code}");
        }
        for code in ["22021", "22003", "23505", "23514", "23502", "44000"] {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Rejected, "{code}");
        }
        for code in [
            "42601", "42804", "21000", "54000", "P0001", "", "2", "é", "ZZ000",
        ] {
            assert_eq!(kind_of_sqlstate(code), ErrorKind::Fault, "{code}");
        }
    }
}
