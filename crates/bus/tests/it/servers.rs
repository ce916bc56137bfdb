//! Connecting to the broker: the choice of its server, the credentials, and the report when none is
//! reached.

use std::{fs, path::Path, process::Command};

use bus::{Bus, Delivery, Streams};
use events::TodoEvent;
use testkit::{Broker, BrokerOptions, Cluster, eventually};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, during, new_item};

async fn bus(url: &str) -> Bus {
    Bus::connect(url, "tester", "tester-1").await.unwrap()
}

/// Returns a connection that has to be there soon.
async fn connected(url: &str) -> Bus {
    let bus = bus(url).await;
    let connected = timeout(SOON, bus.wait_connected()).await;
    assert!(connected.is_ok(), "{}", bus.disconnect_reason());
    bus
}

/// Waits until the reason why the broker is not reached has this in it.
async fn trouble(url: &str, expected: &str) -> String {
    let bus = bus(url).await;
    eventually(expected, SOON, async || {
        let trouble = bus.disconnect_reason();
        if trouble.contains(expected) {
            Ok(trouble)
        } else {
            Err(trouble)
        }
    })
    .await
}

#[tokio::test]
async fn a_new_process_gets_in_by_any_of_the_servers_that_are_named() {
    let mut cluster = Cluster::start().await.unwrap();
    let three = Streams {
        replicas: 3,
        ..Streams::default()
    };
    let url = cluster.url();
    let setup = connected(&url).await;
    eventually("the cluster has the streams", SOON * 3, async || {
        setup.ensure_streams(three).await
    })
    .await;
    cluster.server(0).stop().await.unwrap();
    let member = connected(&url).await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = member.group("mail", events::ALL_SUBJECTS);
    let working = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [working], async {
        eventually("an event is stored", SOON * 3, async || {
            member.publish(&new_item("a")).await
        })
        .await;
        seen.reach(1).await;
    })
    .await;
}

#[tokio::test]
async fn a_group_waits_for_a_cluster_that_is_not_whole_enough() {
    let mut cluster = Cluster::start().await.unwrap();
    let three = Streams {
        replicas: 3,
        ..Streams::default()
    };
    let bus = connected(&cluster.url()).await;
    eventually("the cluster has the streams", SOON * 3, async || {
        bus.ensure_streams(three).await
    })
    .await;
    for number in [1, 2] {
        cluster.server(number).stop().await.unwrap();
    }
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = bus.group("mail", events::ALL_SUBJECTS);
    let working = group.working();
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        // It is alone, and cannot create the group's consumer.
        tokio::task::yield_now().await;
        assert!(!*working.borrow());
        for number in [1, 2] {
            cluster.server(number).restart().await.unwrap();
        }
        eventually("an event is stored", SOON * 3, async || {
            bus.publish(&new_item("a")).await
        })
        .await;
        seen.reach(1).await;
    })
    .await;
}

#[tokio::test]
async fn each_server_is_told_its_own_name_and_password() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("users.conf");
    fs::write(&config, "authorization { user: one, password: \"a/b\" }\n").unwrap();
    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let port = broker.port();
    let gone = Broker::start(BrokerOptions::default()).await.unwrap();
    let gone_port = gone.port();
    drop(gone);
    connected(&format!(
        "nats://two:c@127.0.0.1:{gone_port},nats://one:a%2Fb@127.0.0.1:{port}"
    ))
    .await;
    let said = trouble(
        &format!("nats://one:secret@127.0.0.1:{port}"),
        "authorization",
    )
    .await;
    assert!(said.contains(&format!("127.0.0.1:{port}: ")), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn who_cannot_get_to_the_broker_says_where_it_tried_and_why() {
    let gone = Broker::start(BrokerOptions::default()).await.unwrap();
    let port = gone.port();
    drop(gone);
    let said = trouble(&format!("nats://127.0.0.1:{port}"), "refused").await;
    assert!(said.starts_with(&format!("127.0.0.1:{port}: ")), "{said}");
}

fn openssl(dir: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(dir);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Makes an authority, and certificates of a broker on this machine and of a client.
fn certificates(dir: &Path) {
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        dir,
        &format!("{new} -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"),
    );
    fs::write(
        dir.join("extensions"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    for name in ["broker", "client"] {
        openssl(
            dir,
            &format!("{new} -subj /CN={name} -keyout {name}.key -out {name}.request"),
        );
        let sign = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions";
        openssl(dir, &format!("{sign} -in {name}.request -out {name}.pem"));
    }
}

#[tokio::test]
async fn a_broker_is_known_by_its_authority_and_asks_for_a_certificate_in_turn() {
    testkit::install::ensure_packages(&["openssl"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let config = dir.path().join("tls.conf");
    let (cert, key, ca) = (file("broker.pem"), file("broker.key"), file("ca.pem"));
    let tls = format!(
        "tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}\n"
    );
    fs::write(&config, tls).unwrap();
    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let address = format!("tls://127.0.0.1:{}", broker.port());
    let (cert, key) = (file("client.pem"), file("client.key"));
    connected(&format!("{address}?ca={ca}&cert={cert}&key={key}")).await;
    trouble(&format!("{address}?cert={cert}&key={key}"), "certificate").await;
    let without = bus(&format!("{address}?ca={ca}")).await;
    eventually("it is refused", SOON, async || {
        let trouble = without.disconnect_reason();
        if trouble.ends_with("no answer yet") {
            Err(trouble)
        } else {
            Ok(())
        }
    })
    .await;
    assert!(!*without.connected().borrow());
}

#[tokio::test]
async fn a_broker_knows_who_has_the_seed_of_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let user = nkeys::KeyPair::new_user();
    let config = dir.path().join("users.conf");
    let users = format!(
        "authorization {{ users: [ {{ nkey: {} }} ] }}\n",
        user.public_key()
    );
    fs::write(&config, users).unwrap();
    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let address = format!("nats://127.0.0.1:{}", broker.port());
    let write = |name: &str, seed: String| {
        let file = dir.path().join(name);
        fs::write(&file, format!("{seed}\n")).unwrap();
        file.display().to_string()
    };
    let mine = write("mine.nk", user.seed().unwrap());
    connected(&format!("{address}?nkey={mine}")).await;
    let other = write("other.nk", nkeys::KeyPair::new_user().seed().unwrap());
    trouble(&format!("{address}?nkey={other}"), "authorization").await;
}

/// Returns a JSON web token as NATS wants it, signed by `issuer`.
fn token(
    issuer: &nkeys::KeyPair,
    subject: &nkeys::KeyPair,
    name: &str,
    nats: &serde_json::Value,
) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    let header = serde_json::json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = serde_json::json!({
        "jti": name, "iat": 1_790_000_000, "iss": issuer.public_key(),
        "name": name, "sub": subject.public_key(), "nats": nats,
    });
    let part = |value: &serde_json::Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64.encode(signature))
}

#[tokio::test]
async fn a_broker_knows_who_has_credentials_that_its_operator_vouches_for() {
    let dir = tempfile::tempdir().unwrap();
    let (operator, system, account, user) = (
        nkeys::KeyPair::new_operator(),
        nkeys::KeyPair::new_account(),
        nkeys::KeyPair::new_account(),
        nkeys::KeyPair::new_user(),
    );
    let claims = |kind: &str| serde_json::json!({ "type": kind, "version": 2 });
    let mut of_account = claims("account");
    of_account["limits"] = serde_json::json!({
        "subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1,
        "wildcards": true,
    });
    let mut of_user = claims("user");
    of_user["subs"] = (-1).into();
    of_user["data"] = (-1).into();
    of_user["payload"] = (-1).into();
    let vouched = token(&operator, &operator, "operator", &claims("operator"));
    let known = |account: &nkeys::KeyPair| {
        let token = token(&operator, account, "account", &of_account);
        format!("{}: {token}", account.public_key())
    };
    let mine = token(&account, &user, "user", &of_user);
    let config = dir.path().join("operator.conf");
    let text = format!(
        "operator: {vouched}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}, {} }}\n",
        system.public_key(),
        known(&system),
        known(&account)
    );
    fs::write(&config, text).unwrap();
    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let creds = dir.path().join("me.creds");
    let seed = user.seed().unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{mine}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    fs::write(&creds, text).unwrap();
    let address = format!("nats://127.0.0.1:{}", broker.port());
    connected(&format!("{address}?creds={}", creds.display())).await;
    trouble(&address, "authorization").await;
}
