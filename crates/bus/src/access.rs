//! The parts of the broker's address: its servers, and the files for authentication and TLS.

use std::{fs, io, path::PathBuf, sync::Arc};

use async_nats::{ConnectOptions, ServerAddr};

use crate::{ConnectError, reconnect::Dial};

/// A parsed address.
pub(crate) struct Access {
    pub(crate) servers: Vec<ServerAddr>,
    files: Files,
}

/// Files for authentication (`creds` or `nkey`) and for TLS (`ca`, `cert` and `key`).
#[derive(Default)]
struct Files {
    creds: Option<PathBuf>,
    nkey: Option<PathBuf>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Access {
    /// Parses one or more addresses, divided by commas.
    pub(crate) fn read(text: &str) -> Result<Self, ConnectError> {
        let (mut servers, mut files) = (Vec::new(), Files::default());
        for address in text.split(',') {
            let server: ServerAddr = address.parse().map_err(ConnectError::Address)?;
            let mut url = server.into_inner();
            for (name, file) in url.query_pairs() {
                let place = match &*name {
                    "creds" => &mut files.creds,
                    "nkey" => &mut files.nkey,
                    "ca" => &mut files.ca,
                    "cert" => &mut files.cert,
                    "key" => &mut files.key,
                    _ => return Err(unknown(&name)),
                };
                *place = Some(PathBuf::from(&*file));
            }
            url.set_query(None);
            servers.push(ServerAddr::from_url(url).map_err(ConnectError::Address)?);
        }
        Ok(Self { servers, files })
    }

    /// Returns the client options for these files. Certificates are read at every connection, so that
    /// they can be renewed.
    pub(crate) fn options(&self, dial: &Arc<Dial>) -> Result<ConnectOptions, ConnectError> {
        let Files {
            creds,
            nkey,
            ca,
            cert,
            key,
        } = &self.files;
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file);
            text.map_err(|source| ConnectError::File(file.clone(), source))
        };
        let mut options = if let Some(file) = creds {
            let options = ConnectOptions::new().credentials(&read(file)?);
            options.map_err(|source| ConnectError::File(file.clone(), source))?
        } else if let Some(file) = nkey {
            let text = read(file)?;
            let mut lines = text.lines().map(str::trim);
            let seed = lines.find(|line| line.starts_with("SU"));
            let none = || io::Error::new(io::ErrorKind::InvalidData, "no seed in it");
            let seed = seed.ok_or_else(|| ConnectError::File(file.clone(), none()))?;
            ConnectOptions::with_nkey(seed.to_owned())
        } else {
            let dial = Arc::clone(dial);
            ConnectOptions::with_auth_callback(move |_| std::future::ready(Ok(dial.auth())))
        };
        if let Some(ca) = ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let (Some(cert), Some(key)) = (cert, key) {
            let certified = options.add_client_certificate(cert.clone(), key.clone());
            options = certified.require_tls(true);
        }
        Ok(options)
    }
}

fn unknown(name: &str) -> ConnectError {
    let said = format!("an address has no `{name}`");
    ConnectError::Address(io::Error::new(io::ErrorKind::InvalidInput, said))
}
