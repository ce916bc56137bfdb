//! A cluster of three brokers on loopback, each with its own store, on ports of the kernel's choice.

use std::net::TcpListener;
use std::{fs, io};

use anyhow::Result;
use tempfile::TempDir;

use crate::ports::loopback;
use crate::{Broker, BrokerOptions};

/// Number of servers: the fewest that keep a quorum when one of them is gone.
const SERVERS: usize = 3;

/// A running cluster. Dropping it kills it.
pub struct Cluster {
    servers: Vec<Broker>,
    _dir: TempDir,
}

impl Cluster {
    /// Starts three brokers with routes to each other.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("todo-cluster-").tempdir()?;
        // Each server's configuration names the others' route ports, so the kernel is asked for ports
        // before any server runs.
        let asked: Vec<_> = (0..SERVERS)
            .map(|_| TcpListener::bind(loopback(0)))
            .collect::<io::Result<_>>()?;
        let ports: Vec<u16> = asked
            .iter()
            .map(|listener| Ok(listener.local_addr()?.port()))
            .collect::<io::Result<_>>()?;
        drop(asked);
        let routes: Vec<_> = ports
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let mut servers = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let home = dir.path().join(format!("server-{number}"));
            fs::create_dir_all(&home)?;
            let config = home.join("cluster.conf");
            let text = format!(
                "server_name: server-{number}\n\
                 cluster {{ name: tests, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n",
                routes.join(", ")
            );
            fs::write(&config, text)?;
            let options = BrokerOptions {
                dir: Some(home),
                config: Some(config),
                ..BrokerOptions::default()
            };
            servers.push(Broker::start(options).await?);
        }
        Ok(Self { servers, _dir: dir })
    }

    /// Returns the URLs of all servers, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(Broker::url).collect();
        urls.join(",")
    }

    /// One of the servers, counted from 0.
    pub fn server(&mut self, number: usize) -> &mut Broker {
        &mut self.servers[number]
    }
}
