//! Connecting to the broker.

use anyhow::Result;
use async_nats::{Client, ConnectOptions, ServerAddr};

/// Connects to the broker at `url`. The client library ignores a user and a password in the URL, so they
/// are passed as options.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let address: ServerAddr = url.parse()?;
    let mut options = ConnectOptions::new();
    if let (Some(user), Some(password)) = (address.username(), address.password()) {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    Ok(options.connect(address).await?)
}
