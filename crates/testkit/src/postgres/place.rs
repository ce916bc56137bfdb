//! Directory and user of a cluster: PostgreSQL refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;
use tokio::process::Command;

use crate::install::PostgresTools;

/// Parent of the fallback directory, for a cluster whose user cannot reach the requested one.
const ELSEWHERE: &str = "/var/lib";

/// The user that the server runs as if we are root.
#[derive(Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

/// The directory of a cluster: its data and its log.
pub(crate) struct Cluster {
    dir: PathBuf,
    owner: Option<Owner>,
    _temporary: Option<TempDir>,
}

impl Cluster {
    /// Returns the directory for a cluster that is kept in `dir`, or a temporary one. With `afresh`, a
    /// cluster in the fallback directory that no link at `dir` leads to is the rest of one that was
    /// removed, and is removed too.
    pub(crate) fn find(dir: Option<&Path>, afresh: bool) -> Result<Self> {
        let owner = if Uid::effective().is_root() {
            Some(unprivileged()?)
        } else {
            None
        };
        let (dir, temporary) = if let Some(dir) = dir {
            (kept(dir, owner, afresh)?, None)
        } else {
            let temporary = temporary(owner)?;
            (temporary.path().to_owned(), Some(temporary))
        };
        if let Some(owner) = owner {
            chown(&dir, Some(owner.uid), Some(owner.gid))
                .with_context(|| format!("cannot give `{}` away", dir.display()))?;
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        Ok(Self {
            dir,
            owner,
            _temporary: temporary,
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Returns the major version that made the cluster, if it exists: each has its own format of files.
    pub(super) fn made_by(&self) -> Result<Option<u32>> {
        let file = self.data().join("PG_VERSION");
        if !self.data().exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)
            .with_context(|| format!("`{}` cannot be read", file.display()))?;
        let major = text.trim().parse();
        major
            .map(Some)
            .with_context(|| format!("`{}` has no version", file.display()))
    }

    /// Returns a command that runs as the cluster's user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir);
        if let Some(owner) = self.owner {
            // The standard library drops root's supplementary groups along with its user.
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    }

    /// Writes a file that only the cluster's user can read.
    pub(crate) fn write(&self, name: &Path, content: &str) -> Result<()> {
        let file = self.dir.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write `{}`", file.display()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        if let Some(owner) = self.owner {
            chown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(())
    }

    /// Makes the cluster (`initdb`). An interrupted attempt leaves nothing that looks like one.
    pub(super) async fn initialise(
        &self,
        tools: &PostgresTools,
        user: &str,
        password: &str,
        durable: bool,
    ) -> Result<()> {
        let unfinished = self.dir.join("data.unfinished");
        drop(fs::remove_dir_all(&unfinished));
        let password_file = tempfile::NamedTempFile::new_in(&self.dir)?;
        fs::write(password_file.path(), password)?;
        if let Some(owner) = self.owner {
            chown(password_file.path(), Some(owner.uid), Some(owner.gid))?;
        }
        let mut command = self.command(&tools.program("initdb"));
        command
            .arg("--pgdata")
            .arg(&unfinished)
            .arg("--pwfile")
            .arg(password_file.path());
        command.args(["--username", user, "--auth", "scram-sha-256"]);
        command.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]);
        if !durable {
            command.arg("--no-sync");
        }
        let output = command
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start initdb")?;
        ensure!(
            output.status.success(),
            "initdb ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        fs::rename(&unfinished, self.data())?;
        Ok(())
    }
}

/// Returns the child processes of a process, read from `/proc`.
pub(super) fn children(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The fields after the name in parentheses are the state and the parent.
            let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
            fields.split_whitespace().nth(1) == Some(parent.to_string().as_str())
        })
        .map(Pid::from_raw)
        .collect()
}

fn unprivileged() -> Result<Owner> {
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Owner {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            });
        }
    }
    anyhow::bail!(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`"
    )
}

fn kept(dir: &Path, owner: Option<Owner>, afresh: bool) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    let place = match owner {
        Some(owner) if !can_reach(&dir, owner) => elsewhere(&dir, afresh)?,
        _ => dir,
    };
    fs::create_dir_all(&place).with_context(|| format!("cannot make `{}`", place.display()))?;
    Ok(place)
}

/// Returns the fallback directory for `dir`, and makes a link to it at `dir` unless one is there.
fn elsewhere(dir: &Path, afresh: bool) -> Result<PathBuf> {
    let id = uuid::Uuid::new_v5(
        &uuid::Uuid::NAMESPACE_URL,
        dir.as_os_str().as_encoded_bytes(),
    );
    let place = Path::new(ELSEWHERE).join(format!("todo-{}", &id.simple().to_string()[..12]));
    if fs::symlink_metadata(dir).is_err() {
        if afresh && place.exists() {
            fs::remove_dir_all(&place)
                .with_context(|| format!("cannot remove `{}`", place.display()))?;
        }
        let above = dir.parent().context("a directory needs a place")?;
        fs::create_dir_all(above).with_context(|| format!("cannot make `{}`", above.display()))?;
        symlink(&place, dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    }
    Ok(place)
}

fn temporary(owner: Option<Owner>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("todo-postgres-");
    let temporary = builder.tempdir()?;
    match owner {
        Some(owner) if !can_reach(temporary.path(), owner) => Ok(builder.tempdir_in(ELSEWHERE)?),
        _ => Ok(temporary),
    }
}

/// Returns whether a user may pass through all directories above `dir`. Those that do not exist yet will
/// be made by us, open to pass.
fn can_reach(dir: &Path, owner: Owner) -> bool {
    dir.ancestors()
        .skip(1)
        .filter_map(|above| fs::metadata(above).ok())
        .all(|above| {
            let bit = if above.uid() == owner.uid {
                0o100
            } else if above.gid() == owner.gid {
                0o010
            } else {
                0o001
            };
            above.mode() & bit != 0
        })
}
