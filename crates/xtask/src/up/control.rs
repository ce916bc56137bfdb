//! The way from another terminal to the system that is up: a socket beside its data, which only the
//! owner of that may use.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// The socket's name in the data directory.
const NAME: &str = "control";

/// What is wished.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "wish", rename_all = "lowercase")]
pub(crate) enum Wish {
    /// That it ends in good order and is not started again.
    Stop { name: String },
    /// That it runs; of a service, that so many members do.
    Start { name: String, count: Option<usize> },
    /// That it ends as by a crash, after which it is started again.
    Kill { name: String },
}

#[derive(Deserialize, Serialize)]
enum Answer {
    Done(Vec<String>),
    Failed(String),
}

/// A wish that was heard and waits for its answer.
pub(super) struct Heard {
    pub(super) wish: Wish,
    answer: oneshot::Sender<Answer>,
}

impl Heard {
    /// Tells whoever wished what came of it.
    pub(super) fn answer(self, done: Result<Vec<String>>) {
        let answer = match done {
            Ok(lines) => Answer::Done(lines),
            Err(error) => Answer::Failed(format!("{error:#}")),
        };
        // Whoever wished may be gone.
        drop(self.answer.send(answer));
    }
}

/// Hears wishes while it is there.
pub(super) struct Control {
    heard: mpsc::Receiver<Heard>,
    socket: PathBuf,
}

impl Control {
    /// Listens beside the data in `dir`.
    pub(super) fn listen(dir: &Path) -> Result<Self> {
        let socket = dir.join(NAME);
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let near = Near::to(dir)?;
        let listener = UnixListener::bind(near.path())
            .with_context(|| format!("cannot listen on `{}`", socket.display()))?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        let (sender, heard) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, sender.clone()));
            }
        });
        Ok(Self { heard, socket })
    }

    /// Waits for the next wish. May be cancelled and called again.
    pub(super) async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.socket));
    }
}

/// Hears one wish, and passes on what came of it.
async fn converse(stream: UnixStream, wishes: mpsc::Sender<Heard>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let wish = serde_json::from_str(&line)?;
    let (answer, answered) = oneshot::channel();
    wishes.send(Heard { wish, answer }).await?;
    let answer = serde_json::to_vec(&answered.await?)?;
    stream.write_all(&answer).await?;
    Ok(())
}

/// Tells the system on the data in `dir` a wish, and returns what it did.
pub(crate) async fn tell(dir: &Path, wish: &Wish) -> Result<Vec<String>> {
    let not_up = || {
        format!(
            "no system is up on the data in `{}` (start it by `cargo xtask up`)",
            dir.display()
        )
    };
    let near = Near::to(dir).with_context(not_up)?;
    let mut stream = UnixStream::connect(near.path())
        .await
        .with_context(not_up)?;
    let mut line = serde_json::to_vec(wish)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    match serde_json::from_slice(&answer).context("the system ended before it answered")? {
        Answer::Done(lines) => Ok(lines),
        Answer::Failed(reason) => bail!(reason),
    }
}

/// A short way to the socket: its path may be longer than an address of a socket can be.
struct Near(File);

impl Near {
    fn to(dir: &Path) -> Result<Self> {
        Ok(Self(File::open(dir)?))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd())).join(NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, Wish, tell};

    #[tokio::test]
    async fn a_wish_is_heard_and_answered_however_long_the_way_to_the_data_is() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let mut control = Control::listen(&deep).unwrap();
        for fails in [false, true] {
            let name = "save-handler".to_owned();
            let wish = Wish::Stop { name };
            let hear = async {
                let heard = control.next().await;
                let Wish::Stop { name } = &heard.wish else {
                    panic!("{:?}", heard.wish)
                };
                assert_eq!(name, "save-handler");
                heard.answer(if fails {
                    Err(anyhow::anyhow!("nobody is called so"))
                } else {
                    Ok(vec!["stopped".to_owned()])
                });
            };
            let (told, ()) = tokio::join!(tell(&deep, &wish), hear);
            match told {
                Ok(lines) => assert_eq!((lines, fails), (vec!["stopped".to_owned()], false)),
                Err(error) => {
                    assert_eq!(
                        (error.to_string().as_str(), fails),
                        ("nobody is called so", true)
                    );
                }
            }
        }
        drop(control);
        let name = "todo-db".to_owned();
        let error = tell(&deep, &Wish::Kill { name }).await.unwrap_err();
        assert!(error.to_string().starts_with("no system is up"), "{error}");
    }
}
