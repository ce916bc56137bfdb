//! A proxy in front of the page that can respond in its place, as the portal of a hotel's network, a
//! sign-in page and a proxy do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A response, from its status to its body.
pub(crate) type Canned = &'static str;

pub(crate) struct Portal {
    /// Its URL, without a slash at the end.
    pub(crate) home: String,
    answer: watch::Sender<Option<Canned>>,
    changes: Arc<AtomicUsize>,
}

impl Portal {
    /// Starts in front of the page at `web`, and lets everything through.
    pub(crate) async fn start(web: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let home = format!("http://{}", listener.local_addr().unwrap());
        let web = web.trim_start_matches("http://").to_owned();
        let (answer, answers) = watch::channel(None);
        let changes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&changes);
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let (web, mut answers) = (web.clone(), answers.clone());
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    let canned = *answers.borrow_and_update();
                    let serve = async {
                        match canned {
                            Some(canned) => reply(browser, canned, &counted).await,
                            None => pass(browser, &web).await,
                        }
                    };
                    // Connections that were kept alive are closed when the answer changes.
                    tokio::select! {
                        _ = serve => {}
                        _ = answers.changed() => {}
                    }
                });
            }
        });
        Self {
            home,
            answer,
            changes,
        }
    }

    /// Responds to everything in this way from now on, or forwards everything again.
    pub(crate) fn answers(&self, canned: Option<Canned>) {
        self.changes.store(0, Ordering::SeqCst);
        self.answer.send_replace(canned);
    }

    /// Returns the number of changes that it has responded to in this way.
    pub(crate) fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }
}

async fn pass(mut browser: TcpStream, web: &str) -> std::io::Result<()> {
    let mut web = TcpStream::connect(web).await?;
    copy_bidirectional(&mut browser, &mut web).await?;
    Ok(())
}

async fn reply(browser: TcpStream, canned: Canned, changes: &AtomicUsize) -> std::io::Result<()> {
    let mut browser = BufReader::new(browser);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && browser.read_line(&mut head).await? > 0 {
        let line = head.lines().last().unwrap_or_default().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    browser.read_exact(&mut body).await?;
    let (status, text) = canned.split_once("\n\n").unwrap_or((canned, ""));
    let status = status.replace('\n', "\r\n");
    let length = text.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}");
    browser.write_all(answer.as_bytes()).await?;
    browser.shutdown().await?;
    changes.fetch_add(usize::from(head.starts_with("POST")), Ordering::SeqCst);
    Ok(())
}
