//! The command line of a process, and the error messages for wrong settings.

use std::{
    env,
    error::Error as _,
    ffi::{OsStr, OsString},
    fs,
    process::ExitCode,
};

use clap::{
    ArgMatches, Args, Command,
    error::{ContextKind, ErrorKind},
};

use crate::settings::Common;

/// Builds the command line of the service `name`, which listens at `http_addr` by default.
pub(crate) fn command<S: Args>(name: &'static str, http_addr: Option<&'static str>) -> Command {
    // The first lines of `--help` would otherwise be those of the last group of settings.
    let about = "Every option can be given as the environment variable beside it";
    let healthcheck = Command::new(HEALTHCHECK)
        .about("Asks the running process whether it is ready; exits with 0 if it is");
    let command = S::augment_args(Common::augment_args(Command::new(name)))
        .about(about)
        .long_about(None)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand(healthcheck);
    match http_addr {
        Some(address) => command.mut_arg("http_addr", |arg| arg.default_value(address)),
        None => command,
    }
}

/// Reads the settings from the command line, the environment and the files that the environment
/// names. A failure has been written to the standard error already.
pub(crate) fn read(command: Command) -> Result<ArgMatches, ExitCode> {
    let mut words: Vec<OsString> = env::args_os().collect();
    let secrets = match secrets(&command) {
        Ok(secrets) => secrets,
        Err(reason) => {
            eprintln!("error: {reason}");
            return Err(ExitCode::from(2));
        }
    };
    // Before a subcommand, which would not accept them.
    let first = words.len().min(1);
    words.splice(first..first, secrets);
    let matches = command.try_get_matches_from(words);
    matches.map_err(|error| refuse(&error))
}

/// Returns the flags for secrets that the environment gives as files: `NATS_URL_FILE` names a file with the
/// value of `NATS_URL`. Containers get their secrets in this way.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is read"
)]
fn secrets(command: &Command) -> Result<Vec<OsString>, String> {
    let mut flags = Vec::new();
    for argument in command.get_arguments() {
        let (true, Some(variable), Some(flag)) = (
            argument.is_hide_env_values_set(),
            argument.get_env().and_then(OsStr::to_str),
            argument.get_long(),
        ) else {
            continue;
        };
        let by_file = format!("{variable}_FILE");
        let Some(file) = env::var_os(&by_file) else {
            continue;
        };
        if env::var_os(variable).is_some() {
            return Err(format!("{by_file}: give it or {variable}, not both"));
        }
        let secret = fs::read_to_string(&file)
            .map_err(|error| format!("{by_file}: expected a file that can be read ({error})"))?;
        flags.push(format!("--{flag}={}", secret.trim_end_matches(['\r', '\n'])).into());
    }
    Ok(flags)
}

const HEALTHCHECK: &str = "healthcheck";

pub(crate) fn is_healthcheck(matches: &ArgMatches) -> bool {
    matches.subcommand_name() == Some(HEALTHCHECK)
}

/// Writes the name of the wrong setting and the expected form to the standard error. The value itself is not
/// repeated, since it may contain a password.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let is_value = matches!(
        error.kind(),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue
    );
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let (true, Some(argument)) = (is_value, argument) else {
        // Nothing is left to do if the terminal is gone.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    };
    let variable = variable_of(argument.split_whitespace().next().unwrap_or_default());
    let choices = || {
        error
            .get(ContextKind::ValidValue)
            .map(|any| format!("expected one of {any}"))
    };
    let reason = error.source().map(ToString::to_string).or_else(choices);
    eprintln!(
        "error: {variable}: {}",
        reason.as_deref().unwrap_or("wrong value")
    );
    ExitCode::from(2)
}

/// Returns the environment variable of a flag.
fn variable_of(flag: &str) -> String {
    match flag {
        "--log-filter" => "RUST_LOG".to_owned(),
        _ => flag
            .trim_start_matches('-')
            .replace('-', "_")
            .to_uppercase(),
    }
}
