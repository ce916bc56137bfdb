//! TLS between us and the database.

use std::{fs, path::Path, time::Duration};

use store::{Database, ItemStore, StoreError, migrate};
use testkit::{Authority, Postgres, PostgresOptions, certificates::read};
use tokio::time::timeout;

use crate::fixture::{SOON, becomes_reachable, id};

/// A server with a certificate, which refuses connections without TLS.
async fn insisting(authority: &Authority, addresses: &str, who: &str) -> Postgres {
    let own = authority.certify("server", addresses).unwrap();
    let files = [
        ("server.crt", read(&own.certificate).unwrap()),
        ("server.key", read(&own.key).unwrap()),
        ("root.crt", read(&authority.file()).unwrap()),
        ("pg_hba.conf", who.to_owned()),
    ];
    let config = [("ssl", "on"), ("ssl_ca_file", "root.crt")];
    Postgres::start(PostgresOptions {
        config: config.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        files: files.map(|(a, b)| (a.to_owned(), b)).into(),
        ..PostgresOptions::default()
    })
    .await
    .unwrap()
}

const TLS_ONLY: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
const HERE: &str = "DNS:localhost,IP:127.0.0.1";

async fn refusal(url: &str) -> String {
    let error = migrate(url).await.unwrap_err();
    assert!(error.is_setting(), "{error:?}");
    let handle = Database::connect(url, "test", 1).unwrap();
    let refused = timeout(SOON, handle.refusal()).await.unwrap();
    assert!(!*handle.reachable().borrow());
    std::error::Error::source(&*refused).unwrap().to_string()
}

async fn works(server: &Postgres, url: &str) {
    migrate(url).await.unwrap();
    let handle = Database::connect(url, "test", 1).unwrap();
    becomes_reachable(&handle).await;
    let items = ItemStore::new(handle.clone());
    assert_eq!(items.get(id("milk")).await.unwrap(), None);
    let with_tls = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) \
        where application_name like 'test%' and not ssl";
    assert_eq!(server.execute("postgres", with_tls).await.unwrap(), "0");
}

#[tokio::test]
async fn a_server_that_insists_on_tls_gets_it_without_being_asked_and_by_each_mode() {
    let authority = Authority::new().unwrap();
    let server = insisting(&authority, HERE, TLS_ONLY).await;
    let url = server.url("postgres");
    let root = authority.file().display().to_string();
    for parameters in [
        String::new(),
        "?sslmode=prefer".to_owned(),
        "?sslmode=require".to_owned(),
        format!("?sslmode=require&sslrootcert={root}"),
        format!("?sslmode=verify-ca&sslrootcert={root}"),
        format!("?sslmode=verify-full&sslrootcert={root}"),
    ] {
        works(&server, &format!("{url}{parameters}")).await;
    }
    let refused = refusal(&format!("{url}?sslmode=disable")).await;
    assert!(
        refused.contains("no encryption") && refused.contains("sslmode=disable"),
        "{refused}"
    );
}

/// The parameters are those that providers put into the query of the URL.
#[tokio::test]
async fn the_address_that_a_managed_database_gives_out_is_taken_as_it_is() {
    let authority = Authority::new().unwrap();
    let server = insisting(&authority, HERE, TLS_ONLY).await;
    let url = server.url("postgres");
    let root = authority.file().display().to_string();
    for parameters in [
        "sslmode=require&channel_binding=require".to_owned(),
        "channel_binding=require".to_owned(),
        "sslmode=prefer&channel_binding=prefer&application_name=psql".to_owned(),
        format!("sslmode=verify-full&sslrootcert={root}&channel_binding=require"),
        "sslmode=require&pgbouncer=true&connect_timeout=15&pool_timeout=15".to_owned(),
        "ssl=true&target_session_attrs=read-write".to_owned(),
        "sslmode=require&sslnegotiation=direct&gssencmode=disable".to_owned(),
        "sslmode=require&options=-csearch_path%3Dpublic&keepalives_idle=30".to_owned(),
    ] {
        works(&server, &format!("{url}?{parameters}")).await;
    }
    let several = server
        .url("postgres")
        .replace("127.0.0.1", "127.0.0.1,127.0.0.2");
    let Err(error) = Database::connect(&several, "test", 1) else {
        panic!("two hosts were taken");
    };
    assert!(error.is_setting());
}

#[tokio::test]
async fn what_asks_for_tls_goes_nowhere_without_it() {
    let database = testkit::Database::create().await;
    for parameter in [
        "channel_binding=require",
        "ssl=true",
        "sslnegotiation=direct",
    ] {
        let refused = refusal(&format!("{}?{parameter}", database.url())).await;
        assert!(refused.contains("TLS"), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_of_another_host_is_refused() {
    let authority = Authority::new().unwrap();
    let server = insisting(&authority, "DNS:elsewhere.example", TLS_ONLY).await;
    let url = server.url("postgres");
    let (root, other) = (authority.file(), Authority::new().unwrap());
    let stranger = other.file();
    for (mode, file) in [
        ("require", &stranger),
        ("verify-ca", &stranger),
        ("verify-full", &stranger),
        ("verify-full", &root),
    ] {
        let parameters = format!("?sslmode={mode}&sslrootcert={}", file.display());
        let refused = refusal(&format!("{url}{parameters}")).await;
        assert!(refused.contains("certificate"), "{mode}: {refused}");
    }
    let name_aside = format!("{url}?sslmode=verify-ca&sslrootcert={}", root.display());
    works(&server, &name_aside).await;
}

#[tokio::test]
async fn a_server_that_wants_a_clients_certificate_gets_it() {
    let authority = Authority::new().unwrap();
    let server = insisting(
        &authority,
        HERE,
        "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n",
    )
    .await;
    let own = authority.certify("todo", HERE).unwrap();
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        server.url("postgres"),
        authority.file().display()
    );
    let (certificate, key) = (own.certificate.display(), own.key.display());
    let with = format!("{url}&sslcert={certificate}&sslkey={key}");
    migrate(&with).await.unwrap();
    assert!(migrate(&url).await.is_err());
    // A certificate of an authority that the server does not trust.
    let other = Authority::new().unwrap().certify("todo", HERE).unwrap();
    let keys = (other.certificate.display(), other.key.display());
    assert!(
        migrate(&format!("{url}&sslcert={}&sslkey={}", keys.0, keys.1))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let database = testkit::Database::create().await;
    let url = database.url();
    migrate(&format!("{url}?sslmode=prefer")).await.unwrap();
    let refused = refusal(&format!("{url}?sslmode=require")).await;
    assert!(refused.contains("TLS"), "{refused}");
}

#[tokio::test]
async fn a_wrong_parameter_is_told_by_its_name_before_anybody_connects() {
    let dir = std::env::temp_dir();
    let authority = Authority::new().unwrap();
    let own = authority.certify("server", HERE).unwrap();
    let (certificate, key) = (own.certificate.display(), own.key.display());
    let missing = dir.join("there is no such file.pem");
    let missing = missing.display();
    for (parameters, named) in [
        ("sslmode=allow".to_owned(), "`sslmode`"),
        ("sslmode=on".to_owned(), "`sslmode`"),
        ("channel_binding=required".to_owned(), "`channel_binding`"),
        (
            "channel_binding=require&sslmode=disable".to_owned(),
            "`channel_binding`",
        ),
        (
            "target_session_attrs=standby".to_owned(),
            "`target_session_attrs`",
        ),
        ("connection_limit=1".to_owned(), "`DATABASE_CONNECTIONS`"),
        ("ssl=false".to_owned(), "`sslmode`"),
        (
            "sslnegotiation=direct&sslmode=disable".to_owned(),
            "needs TLS",
        ),
        ("ssl_min_protocol_version=TLSv1.3".to_owned(), "1.3"),
        ("gssencmode=require".to_owned(), "GSSAPI"),
        ("sslcrl=/nowhere".to_owned(), "`sslcrl`"),
        ("host=one,two".to_owned(), "one host"),
        ("pgbouncer=yes".to_owned(), "`pgbouncer`"),
        (format!("sslrootcert={certificate}"), "`sslrootcert`"),
        (
            format!("sslmode=prefer&sslrootcert={certificate}"),
            "`sslrootcert`",
        ),
        (
            "sslmode=require&sslrootcert=system".to_owned(),
            "`sslrootcert=system`",
        ),
        (
            format!("sslmode=verify-full&sslrootcert={missing}"),
            "no such file",
        ),
        (
            format!("sslmode=verify-full&sslrootcert={key}"),
            "`sslrootcert`",
        ),
        (format!("sslmode=require&sslcert={certificate}"), "`sslkey`"),
        (
            format!("sslmode=require&sslcert={certificate}&sslkey={missing}"),
            "`sslkey`",
        ),
        (
            format!("sslmode=require&sslcert={certificate}&sslkey={certificate}"),
            "`sslkey`",
        ),
    ] {
        let url = format!("postgres://user:secret@127.0.0.1:1/todo?{parameters}");
        let Err(error @ StoreError::Url(_)) = Database::connect(&url, "test", 1) else {
            panic!("`{parameters}` was taken");
        };
        assert!(error.is_setting(), "{parameters}");
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert!(text.contains(named), "{parameters}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(fs::exists(Path::new(&own.key)).unwrap());
}

#[tokio::test]
async fn what_is_refused_after_it_worked_is_an_outage() {
    let authority = Authority::new().unwrap();
    let mut server = insisting(&authority, HERE, TLS_ONLY).await;
    let root = authority.file();
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        server.url("postgres"),
        root.display()
    );
    let handle = Database::connect(&url, "test", 1).unwrap();
    becomes_reachable(&handle).await;

    // The file is exchanged for one of another authority, so that nothing new is let in.
    let kept = fs::read(&root).unwrap();
    fs::copy(Authority::new().unwrap().file(), &root).unwrap();
    server.restart().await.unwrap();
    let items = ItemStore::new(handle.clone());
    assert!(items.get(id("milk")).await.unwrap_err().is_unavailable());
    let refused = timeout(Duration::from_secs(2), handle.refusal()).await;
    assert!(refused.is_err(), "an outage ends nothing");

    fs::write(&root, kept).unwrap();
    becomes_reachable(&handle).await;
}
