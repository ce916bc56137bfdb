//! Checks that a database can hold everything that the system accepts.

use sqlx::{PgConnection, Row, raw_sql};

use crate::error::Reason;

/// The oldest major version that the system is tested with.
const OLDEST: u32 = 15;

/// Properties of a database.
pub(crate) struct Look {
    /// Set if startup parameters reach the server: no pooler in between drops them.
    pub(crate) direct: bool,
    version: String,
    encoding: String,
    strings: String,
}

/// Queries the properties, by the simple query protocol, which works behind every pooler.
pub(crate) async fn look(connection: &mut PgConnection) -> Result<Look, sqlx::Error> {
    let asked = raw_sql(
        "select coalesce(current_setting('todo.direct', true), ''), \
         current_setting('server_version_num'), current_setting('server_encoding'), \
         current_setting('standard_conforming_strings')",
    );
    let row = asked.fetch_one(connection).await?;
    Ok(Look {
        direct: row.try_get::<String, _>(0)? == "on",
        version: row.try_get(1)?,
        encoding: row.try_get(2)?,
        strings: row.try_get(3)?,
    })
}

impl Look {
    /// Fails with the reason why the items cannot be stored there, and what to do about it.
    pub(crate) fn fit(&self) -> Result<(), Reason> {
        // `server_version_num` has five digits before PostgreSQL 10, and six since.
        let major = self.version.parse::<u32>().unwrap_or_default() / 10_000;
        if major < OLDEST {
            return Err(Reason::Setting(format!(
                "the server is PostgreSQL {major}; {OLDEST} or later is needed"
            )));
        }
        // SQL_ASCII stores bytes unchanged, and ours are UTF-8.
        if !matches!(self.encoding.as_str(), "UTF8" | "SQL_ASCII") {
            return Err(Reason::Setting(format!(
                "the database's encoding is {}, which cannot hold every text; make one by \
                 `create database … template template0 encoding 'UTF8'`",
                self.encoding
            )));
        }
        if self.strings != "on" {
            return Err(Reason::Setting(
                "`standard_conforming_strings` is off, so that a backslash would not be one; say \
                 `alter database … set standard_conforming_strings = on`"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(version: &str, encoding: &str, strings: &str) -> Option<String> {
        let look = Look {
            direct: true,
            version: version.to_owned(),
            encoding: encoding.to_owned(),
            strings: strings.to_owned(),
        };
        look.fit().err().map(|reason| reason.to_string())
    }

    #[test]
    fn a_database_is_refused_by_the_name_of_what_is_wrong_with_it() {
        for fit in [
            ("150018", "UTF8"),
            ("180001", "UTF8"),
            ("150000", "SQL_ASCII"),
        ] {
            assert_eq!(told(fit.0, fit.1, "on"), None);
        }
        for (unfit, name) in [
            (told("140022", "UTF8", "on"), "PostgreSQL 14"),
            (told("90624", "UTF8", "on"), "PostgreSQL 9"),
            (told("150018", "LATIN1", "on"), "LATIN1"),
            (told("150018", "EUC_KR", "on"), "EUC_KR"),
            (told("150018", "UTF8", "off"), "standard_conforming_strings"),
        ] {
            let text = unfit.unwrap();
            assert!(text.contains(name), "{text}");
        }
    }
}
