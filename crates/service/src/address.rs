//! Addresses of the broker and of the database. They may contain a password, so they are shown without it.

use std::{fmt, marker::PhantomData, str::FromStr};

use url::Url;

use crate::key_files::KeyFiles;

/// The address of a NATS server, or of several servers of a cluster.
pub type NatsUrl = Address<Nats>;

/// The address of a PostgreSQL database.
pub type PostgresUrl = Address<Postgres>;

/// The address of a server of the kind `K`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address<K> {
    /// At least one.
    urls: Vec<Url>,
    /// All of them, separated by commas.
    text: String,
    kind: PhantomData<K>,
}

/// The kind of server that an address is of.
pub trait Kind {
    /// The schemes that it may have.
    const SCHEMES: &[&str];
    /// The reason of the error for an address of another kind.
    const EXPECTED: &str;
    /// True if there may be several addresses, separated by commas, and credentials in files.
    const IS_BROKER: bool = false;
}

/// The kind of a [`NatsUrl`].
#[derive(Clone, PartialEq, Eq)]
pub struct Nats;

impl Kind for Nats {
    const SCHEMES: &[&str] = &["nats", "tls"];
    const EXPECTED: &str = "expected a NATS address, such as nats://user:password@message-queue:4222, or several, divided by commas";
    const IS_BROKER: bool = true;
}

/// The kind of a [`PostgresUrl`].
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres;

impl Kind for Postgres {
    const SCHEMES: &[&str] = &["postgres", "postgresql"];
    const EXPECTED: &str =
        "expected a PostgreSQL address, such as postgres://user:password@todo-db:5432/todo";
}

impl<K> Address<K> {
    fn of(urls: Vec<Url>) -> Self {
        let texts: Vec<_> = urls.iter().map(Url::as_str).collect();
        Self {
            text: texts.join(","),
            urls,
            kind: PhantomData,
        }
    }

    /// Returns the address with user and password.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a password is the user's own name, as it is for development.
    pub(crate) fn is_for_development(&self) -> bool {
        let same = |url: &Url| url.password() == Some(url.username());
        self.urls.iter().any(same)
    }
}

impl<K: Kind> Address<K> {
    /// Returns the address with `user` and `password`, where it names no user already and no file of
    /// credentials does, and with the paths of these files.
    pub(crate) fn signed(&self, user: &str, password: &str, files: &KeyFiles) -> Self {
        let mut urls = self.urls.clone();
        let known_by_file = K::IS_BROKER && files.tell_who();
        for url in &mut urls {
            if url.username().is_empty() && !known_by_file {
                // An address without a host would refuse them, and each of ours has one.
                let _ = url.set_username(user);
                let _ = url.set_password(Some(password));
            }
        }
        Self::of(urls).with(files)
    }

    /// Returns the address with the paths of these files, if it is the broker's.
    pub(crate) fn with(self, files: &KeyFiles) -> Self {
        let mut urls = self.urls;
        if K::IS_BROKER
            && let Some(first) = urls.first_mut()
        {
            for (name, file) in files.all() {
                first
                    .query_pairs_mut()
                    .append_pair(name, &file.to_string_lossy());
            }
        }
        Self::of(urls)
    }
}

impl<K: Kind> FromStr for Address<K> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |text: &str| match Url::parse(text.trim()) {
            Ok(url) if K::SCHEMES.contains(&url.scheme()) && url.has_host() => Some(url),
            _ => None,
        };
        let urls: Option<Vec<_>> = if K::IS_BROKER {
            text.split(',').map(read).collect()
        } else {
            read(text).map(|url| vec![url])
        };
        urls.map(Self::of).ok_or(K::EXPECTED)
    }
}

impl<K> fmt::Debug for Address<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes the address without user and password.
impl<K> fmt::Display for Address<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, url) in self.urls.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let host = url.host_str().unwrap_or_default();
            write!(f, "{comma}{}://{host}", url.scheme())?;
            if let Some(port) = url.port() {
                write!(f, ":{port}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{NatsUrl, PostgresUrl};
    use crate::key_files::KeyFiles;

    fn signed(address: &str) -> (String, bool) {
        let address: NatsUrl = address.parse().unwrap();
        let signed = address.signed("save-handler", "a/b", &KeyFiles::default());
        (signed.as_str().to_owned(), signed.is_for_development())
    }

    #[test]
    fn an_address_without_a_user_is_the_services_and_one_with_a_user_stays() {
        let own = ("nats://save-handler:a%2Fb@mq:4222".to_owned(), false);
        assert_eq!(signed("nats://mq:4222"), own);
        let given = ("nats://todo:todo@mq:4222".to_owned(), true);
        assert_eq!(signed("nats://todo:todo@mq:4222"), given);
    }
    #[test]
    fn of_several_servers_each_has_its_own_user_or_the_services() {
        let both = "nats://save-handler:a%2Fb@one:4222,tls://todo:todo@two".to_owned();
        assert_eq!(signed("nats://one:4222, tls://todo:todo@two"), (both, true));
        let shown: NatsUrl = "nats://a:b@one:4222,tls://two".parse().unwrap();
        assert_eq!(shown.to_string(), "nats://one:4222,tls://two");
        assert!("nats://one:4222,".parse::<NatsUrl>().is_err());
        assert!("nats://one,http://two".parse::<NatsUrl>().is_err());
        assert!(
            "postgres://one/a,postgres://two/b"
                .parse::<PostgresUrl>()
                .is_ok(),
            "a path may have commas"
        );
    }

    #[test]
    fn who_is_known_by_a_file_is_sent_with_no_password() {
        let address: NatsUrl = "tls://one,tls://two".parse().unwrap();
        let files = KeyFiles {
            nats_creds: Some("/run/secrets/a, b.creds".into()),
            nats_ca: Some("/ca.pem".into()),
            ..KeyFiles::default()
        };
        let signed = address.signed("save-handler", "secret", &files);
        let text = "tls://one?creds=%2Frun%2Fsecrets%2Fa%2C+b.creds&ca=%2Fca.pem,tls://two";
        assert_eq!(signed.as_str(), text);
        assert_eq!(signed.to_string(), "tls://one,tls://two");
    }
}
