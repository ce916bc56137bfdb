//! The system's package manager: `apt-get`, as root or through `sudo`.

use std::fs::{self, File};
use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

/// A file of configuration: while it exists, Debian's packages create and start no cluster of their own.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/zz-no-cluster.conf";

/// The means to run a command as root.
#[derive(Clone, Copy)]
enum Power {
    Root,
    Sudo,
}

/// Installs those of the packages that are not installed, showing the package manager's progress. The
/// error, if it may not, has the command to type.
pub fn ensure_packages(packages: &[&str]) -> Result<()> {
    if missing(packages).is_empty() {
        return Ok(());
    }
    // Tests run in parallel, and the package manager works for one at a time.
    let _turn = turn()?;
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    let what = missing.join(", ");
    if !runs(Command::new("apt-get").arg("--version")) {
        bail!(
            "{what} must be installed, and there is no `apt-get`; {}",
            what_to_type(&missing)
        );
    }
    let Some(power) = find_power() else {
        bail!("{what} must be installed; {}", what_to_type(&missing));
    };
    eprintln!("Installing {what} with apt-get");
    install(power, &missing)
        .with_context(|| format!("cannot install {what}; {}", what_to_type(&missing)))?;
    eprintln!("Installed {what}");
    Ok(())
}

fn missing<'p>(packages: &[&'p str]) -> Vec<&'p str> {
    let packages = packages.iter().copied();
    packages.filter(|name| !is_installed(name)).collect()
}

/// Takes the lock that only one installation at a time may hold, waiting for it. Dropping the file
/// releases it.
fn turn() -> Result<File> {
    let name = format!("todo-packages-{}.lock", Uid::effective());
    let path = std::env::temp_dir().join(name);
    let file = File::create(&path);
    let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
    file.lock().context("cannot wait for others who install")?;
    Ok(file)
}

/// Returns whether this is Ubuntu, where some packages have other names than Debian's.
pub(super) fn is_ubuntu() -> bool {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    system.lines().any(|line| line == "ID=ubuntu")
}

/// Returns the commands for a user who has to install the packages by hand.
pub(super) fn what_to_type(packages: &[&str]) -> String {
    let list = packages.join(" ");
    if runs(Command::new("apt-get").arg("--version")) {
        let sudo = if Uid::effective().is_root() {
            ""
        } else {
            "sudo "
        };
        format!("type: {sudo}apt-get update && {sudo}apt-get install -y {list}")
    } else {
        format!(
            "install them ({list}) with this system's package manager so that the programs \
             `nats-server` and `initdb` are on the path"
        )
    }
}

fn install(power: Power, packages: &[&str]) -> Result<()> {
    let keep_quiet = packages.iter().any(|name| name.starts_with("postgresql"))
        && !Path::new(NO_CLUSTER).exists();
    if keep_quiet {
        let script = format!(
            "mkdir -p \"$(dirname {NO_CLUSTER})\" && echo 'create_main_cluster = false' > {NO_CLUSTER}"
        );
        root(power, "sh", &["-c", &script])?;
    }
    let done = apt(power, &["update"]).and_then(|()| {
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(packages);
        apt(power, &arguments)
    });
    if keep_quiet {
        root(power, "rm", &["-f", NO_CLUSTER])?;
    }
    done?;
    // These packages start a server that listens on every interface; nobody asked for that.
    for name in ["nats-server", "haproxy"] {
        if packages.contains(&name) && Path::new("/run/systemd/system").exists() {
            let unit = format!("{name}.service");
            root(power, "systemctl", &["disable", "--now", &unit])?;
        }
    }
    Ok(())
}

fn apt(power: Power, arguments: &[&str]) -> Result<()> {
    let mut command = vec!["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"];
    command.extend(arguments);
    root(power, "env", &command)
}

/// Runs a command as root; its output goes to the error stream, so that our standard output stays clean.
fn root(power: Power, program: &str, arguments: &[&str]) -> Result<()> {
    let mut command = match power {
        Power::Root => Command::new(program),
        Power::Sudo => {
            let mut command = Command::new("sudo");
            command.arg(program);
            command
        }
    };
    command.args(arguments).stdout(std::io::stderr());
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Returns how to become root: root already, or `sudo` without a password, or `sudo` with a terminal to
/// ask on. `None` if there is no way.
fn find_power() -> Option<Power> {
    if Uid::effective().is_root() {
        return Some(Power::Root);
    }
    let asks_nothing = runs(Command::new("sudo").args(["-n", "true"]));
    let can_ask = stdin().is_terminal() && runs(Command::new("sudo").arg("--version"));
    (asks_nothing || can_ask).then_some(Power::Sudo)
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f=${Status}", package])
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| output.stdout.ends_with(b" installed"))
}

fn runs(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
