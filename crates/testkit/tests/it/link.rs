use std::time::{Duration, Instant};

use testkit::Link;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Starts a server that echoes, and a link to it.
async fn echo() -> Link {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                drop(tokio::io::copy(&mut from, &mut to).await);
            });
        }
    });
    Link::start(&address).await.unwrap()
}

async fn say(stream: &mut TcpStream, word: &[u8; 5]) -> std::io::Result<[u8; 5]> {
    stream.write_all(word).await?;
    let mut back = [0; 5];
    stream.read_exact(&mut back).await?;
    Ok(back)
}

#[tokio::test]
async fn a_link_carries_both_directions_and_the_end() {
    let link = echo().await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();

    assert_eq!(&say(&mut stream, b"hello").await.unwrap(), b"hello");

    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_cut_link_closes_connections_and_refuses_new_ones_until_restored() {
    let link = echo().await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    say(&mut stream, b"hello").await.unwrap();

    link.cut().await;

    say(&mut stream, b"hello").await.unwrap_err();
    TcpStream::connect(link.address()).await.unwrap_err();

    link.restore().await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    assert_eq!(&say(&mut stream, b"again").await.unwrap(), b"again");
}

#[tokio::test]
async fn a_stalled_link_keeps_what_it_was_given_and_delivers_it_when_restored() {
    let link = echo().await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    say(&mut stream, b"hello").await.unwrap();

    link.stall();
    stream.write_all(b"later").await.unwrap();
    let mut back = [0; 5];
    timeout(Duration::from_millis(100), stream.read_exact(&mut back))
        .await
        .unwrap_err();
    let mut new = TcpStream::connect(link.address()).await.unwrap();
    timeout(Duration::from_millis(100), say(&mut new, b"hello"))
        .await
        .unwrap_err();

    link.restore().await;
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"later");
}

#[tokio::test]
async fn a_delayed_link_is_long_but_not_narrow() {
    let link = echo().await;
    let mut stream = TcpStream::connect(link.address()).await.unwrap();
    say(&mut stream, b"hello").await.unwrap();
    let delay = Duration::from_millis(100);

    link.delay(delay);
    let began = Instant::now();
    let (mut from, mut to) = stream.split();
    let writing = async {
        for _ in 0..20 {
            to.write_all(b"hello").await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let mut back = [0; 100];
    let ((), read) = tokio::join!(writing, from.read_exact(&mut back));
    read.unwrap();

    assert!(began.elapsed() >= 2 * delay);
    assert!(began.elapsed() < 10 * delay, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_url_through_a_link_keeps_everything_but_the_host() {
    let link = echo().await;
    let port = link.address().port();

    assert_eq!(
        link.url("postgres://todo:secret@localhost:5432/todo?a=b"),
        format!("postgres://todo:secret@127.0.0.1:{port}/todo?a=b")
    );
    assert_eq!(
        link.url("nats://localhost:4222"),
        format!("nats://127.0.0.1:{port}")
    );
}
