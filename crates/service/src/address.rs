//! Addresses of what a service needs. They may hold a password, so they are shown without it.

use std::{fmt, marker::PhantomData, str::FromStr};

use url::Url;

/// The address of a NATS server.
pub type NatsUrl = Address<Nats>;

/// The address of a PostgreSQL database.
pub type PostgresUrl = Address<Postgres>;

/// The address of something of the kind `K`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address<K> {
    url: Url,
    kind: PhantomData<K>,
}

/// What an address is of.
pub trait Kind {
    /// The schemes that it may have.
    const SCHEMES: &[&str];
    /// What is said to an address of something else.
    const EXPECTED: &str;
}

/// See [`NatsUrl`].
#[derive(Clone, PartialEq, Eq)]
pub struct Nats;

impl Kind for Nats {
    const SCHEMES: &[&str] = &["nats", "tls"];
    const EXPECTED: &str =
        "expected a NATS address, such as nats://user:password@message-queue:4222";
}

/// See [`PostgresUrl`].
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres;

impl Kind for Postgres {
    const SCHEMES: &[&str] = &["postgres", "postgresql"];
    const EXPECTED: &str =
        "expected a PostgreSQL address, such as postgres://user:password@todo-db:5432/todo";
}

impl<K> Address<K> {
    /// The address as it stands, secrets included.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The address for `user`, unless it names a user already.
    pub(crate) fn signed(&self, user: &str, password: &str) -> Self {
        let mut url = self.url.clone();
        if url.username().is_empty() {
            // An address without a host would refuse them, and each of ours has one.
            let _ = url.set_username(user);
            let _ = url.set_password(Some(password));
        }
        Self {
            url,
            kind: PhantomData,
        }
    }

    /// Whether the password is the user's own name, as it is for development.
    pub(crate) fn is_for_development(&self) -> bool {
        self.url.password() == Some(self.url.username())
    }
}

impl<K: Kind> FromStr for Address<K> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Url::parse(text) {
            Ok(url) if K::SCHEMES.contains(&url.scheme()) && url.has_host() => Ok(Self {
                url,
                kind: PhantomData,
            }),
            _ => Err(K::EXPECTED),
        }
    }
}

impl<K> fmt::Debug for Address<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Shows the address without user and password.
impl<K> fmt::Display for Address<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())?;
        match self.url.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NatsUrl;

    fn signed(address: &str) -> (String, bool) {
        let address: NatsUrl = address.parse().unwrap();
        let signed = address.signed("save-handler", "a/b");
        (signed.as_str().to_owned(), signed.is_for_development())
    }

    #[test]
    fn an_address_without_a_user_is_the_services_and_one_with_a_user_stays() {
        let own = ("nats://save-handler:a%2Fb@mq:4222".to_owned(), false);
        assert_eq!(signed("nats://mq:4222"), own);
        let given = ("nats://todo:todo@mq:4222".to_owned(), true);
        assert_eq!(signed("nats://todo:todo@mq:4222"), given);
    }
}
