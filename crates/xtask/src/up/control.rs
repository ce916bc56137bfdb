//! Commands from another terminal to the running system: a socket beside its data, which only the owner
//! of the data may use.

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

/// A command.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "wish", rename_all = "lowercase")]
pub(crate) enum Command {
    /// Stops a process in good order; it is not started again.
    Stop { name: String },
    /// Starts a process, or as many members of a service as are missing until `count` run.
    Start { name: String, count: Option<usize> },
    /// Kills a process as a crash would; it is started again.
    Kill { name: String },
}

#[derive(Deserialize, Serialize)]
enum Answer {
    Done(Vec<String>),
    Failed(String),
}

/// A received command that waits for its answer.
pub(super) struct Request {
    pub(super) wish: Command,
    answer: oneshot::Sender<Answer>,
}

impl Request {
    /// Answers the command with its outcome.
    pub(super) fn answer(self, done: Result<Vec<String>>) {
        let answer = match done {
            Ok(lines) => Answer::Done(lines),
            Err(error) => Answer::Failed(format!("{error:#}")),
        };
        // The client may have disconnected.
        drop(self.answer.send(answer));
    }
}

/// Receives commands until it is dropped.
pub(super) struct Control {
    heard: mpsc::Receiver<Request>,
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

    /// Waits for the next command. May be cancelled and called again.
    pub(super) async fn next(&mut self) -> Request {
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

/// Receives one command of a client, and sends its outcome.
async fn converse(stream: UnixStream, wishes: mpsc::Sender<Request>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let wish = serde_json::from_str(&line)?;
    let (answer, answered) = oneshot::channel();
    wishes.send(Request { wish, answer }).await?;
    let answer = serde_json::to_vec(&answered.await?)?;
    stream.write_all(&answer).await?;
    Ok(())
}

/// Sends a command to the system on the data in `dir`, and returns the lines of its answer. Fails if no
/// system is running there, or if the command failed.
pub(crate) async fn tell(dir: &Path, wish: &Command) -> Result<Vec<String>> {
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

/// A short path to the socket, by a file descriptor of its directory: its own path may be longer than
/// the address of a socket can be.
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
    use super::{Command, Control, tell};

    #[tokio::test]
    async fn a_wish_is_heard_and_answered_however_long_the_way_to_the_data_is() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let mut control = Control::listen(&deep).unwrap();
        for fails in [false, true] {
            let name = "save-handler".to_owned();
            let wish = Command::Stop { name };
            let hear = async {
                let heard = control.next().await;
                let Command::Stop { name } = &heard.wish else {
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
        let error = tell(&deep, &Command::Kill { name }).await.unwrap_err();
        assert!(error.to_string().starts_with("no system is up"), "{error}");
    }
}
