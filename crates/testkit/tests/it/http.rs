use testkit::http;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers one request with `answer`; the handle yields the request.
async fn answer(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/todo?limit=2", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    });
    (url, asked)
}

#[tokio::test]
async fn a_plain_answer_is_read() {
    let text =
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ngone";
    let (url, asked) = answer(text).await;

    let response = http::get(&url).await.unwrap();

    assert_eq!((response.status, response.text()), (404, "gone".to_owned()));
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert!(
        asked
            .await
            .unwrap()
            .starts_with("GET /todo?limit=2 HTTP/1.1\r\n")
    );
}

#[tokio::test]
async fn an_answer_in_chunks_is_joined() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n4;x=y\r\nbar!\r\n0\r\n\r\n";
    let (url, _asked) = answer(text).await;

    assert_eq!(http::get(&url).await.unwrap().text(), "foobar!");
}

#[tokio::test]
async fn an_answer_that_ends_early_is_an_error() {
    let (url, _asked) = answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfoo").await;

    let error = http::get(&url).await.unwrap_err();

    assert!(format!("{error:#}").contains("ended early"), "{error:#}");
}
