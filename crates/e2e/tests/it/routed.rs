//! Two APIs behind a load balancer that routes by `/readyz`, through outages and stops.

use std::{fmt::Write as _, fs};

use serde_json::json;
use tempfile::TempDir;
use testkit::{Output, Process, SystemOptions, eventually, http, install, ports};
use tokio::process::Command;

use crate::user::{SOON, User};

/// `HAProxy` in front of every todo-api.
struct Proxy {
    _process: Process,
    _place: TempDir,
    address: String,
}

impl Proxy {
    fn start(user: &User) -> Self {
        install::ensure_packages(&["haproxy"]).unwrap();
        let address = ports::loopback(ports::free_port().unwrap()).to_string();
        let mut config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
             frontend all\n bind {address}\n default_backend api\n\
             backend api\n option httpchk GET /readyz\n option redispatch\n \
             default-server check inter 100ms fall 1 rise 1\n"
        );
        for (number, api) in apis(user).iter().enumerate() {
            let api = api.trim_start_matches("http://");
            writeln!(config, " server api-{number} {api}").unwrap();
        }
        let place = TempDir::new().unwrap();
        let file = place.path().join("haproxy.cfg");
        fs::write(&file, config).unwrap();
        // Debian installs it in a directory that is only on root's path.
        let mut command = Command::new("/usr/sbin/haproxy");
        command.arg("-db").arg("-f").arg(file);
        Self {
            _process: Process::spawn("haproxy", command, Output::Lines(None)).unwrap(),
            _place: place,
            address: format!("http://{address}"),
        }
    }

    async fn get(&self) -> http::Response {
        http::get(&format!("{}/todo", self.address)).await.unwrap()
    }

    async fn add(&self) -> http::Response {
        let item = json!({"item": "through the proxy"});
        http::post_json(&format!("{}/todo", self.address), &item)
            .await
            .unwrap()
    }

    /// Returns whether it has no server to route to: then the 503 is its own, and no problem document.
    async fn is_empty(&self) -> bool {
        let answer = self.get().await;
        answer.status == 503 && answer.header("content-type") == Some("text/html")
    }
}

fn apis(user: &User) -> Vec<String> {
    let members = user.system.members().into_iter();
    let apis = members.filter(|member| member.service == "todo-api" && member.pid.is_some());
    apis.filter_map(|member| member.http).collect()
}

/// Returns the number of readiness requests that each API has received.
async fn asked(user: &User) -> Vec<f64> {
    let mut asked = Vec::new();
    for api in apis(user) {
        let metrics = http::get(&format!("{api}/metrics")).await.unwrap().text();
        let counters = metrics.lines().filter(|line| {
            line.starts_with("http_requests_total") && line.contains("route=\"/readyz\"")
        });
        let counts = counters.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        asked.push(counts.sum());
    }
    asked
}

/// Waits until each API reports this status, and the proxy has checked it since.
async fn noticed(user: &User, status: u16) {
    for api in apis(user) {
        eventually("the API knows", SOON, async || {
            http::get(&format!("{api}/statusz"))
                .await
                .is_ok_and(|answer| answer.status == status)
        })
        .await;
    }
    let before = asked(user).await;
    eventually("the proxy has asked", SOON, async || {
        let now = asked(user).await;
        now.iter()
            .zip(&before)
            .all(|(now, before)| now - before >= 3.0)
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_one_server_empties_no_load_balancer_and_a_stop_loses_no_request() {
    let mut user = User::start(SystemOptions::default().scale("todo-api", 2)).await;
    let proxy = Proxy::start(&user);
    eventually("the proxy routes", SOON, async || {
        let added = http::get(&format!("{}/todo", proxy.address)).await;
        added.is_ok_and(|answer| answer.status == 200)
    })
    .await;

    user.system.postgres().stop().await.unwrap();
    noticed(&user, 503).await;
    for _ in 0..10 {
        let added = proxy.add().await;
        assert_eq!(added.status, 202, "{}", added.text());
    }
    user.system.postgres().restart().await.unwrap();
    noticed(&user, 200).await;

    user.system.broker().stop().await.unwrap();
    noticed(&user, 503).await;
    for _ in 0..10 {
        let list = proxy.get().await;
        assert_eq!(list.status, 200, "{}", list.text());
    }
    user.system.postgres().stop().await.unwrap();
    eventually("there is nobody to route to", SOON, async || {
        proxy.is_empty().await
    })
    .await;

    user.system.postgres().restart().await.unwrap();
    user.system.broker().restart().await.unwrap();
    noticed(&user, 200).await;
    let leaving = user.system.members_of("todo-api").remove(0);
    let stopping = user.system.stop_member(&leaving);
    let mut stopping = std::pin::pin!(stopping);
    let ended = loop {
        tokio::select! {
            ended = &mut stopping => break ended.unwrap(),
            added = proxy.add() => assert_eq!(added.status, 202, "{}", added.text()),
        }
    };
    assert!(ended.success(), "{ended}");
    for _ in 0..10 {
        assert_eq!(proxy.add().await.status, 202);
    }
}
