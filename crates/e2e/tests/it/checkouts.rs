//! Portability of a checkout to other machines, and of the compose files.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::guide::root;

/// Returns the output of git; `None` if this is not a checkout.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).unwrap())
}

#[test]
fn a_checkout_that_asks_for_line_ends_of_windows_has_those_of_linux() {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("todo");
    let (from, to) = (root(), copy.to_str().unwrap().to_owned());
    let clone = [
        "clone",
        "--quiet",
        "--config",
        "core.autocrlf=true",
        "--config",
        "core.eol=crlf",
        from.to_str().unwrap(),
        &to,
    ];
    if git(&from, &clone).is_none() {
        return; // What was unpacked from an archive has no line ends but its own.
    }
    let listed = git(&copy, &["ls-files", "--eol"]).unwrap();
    assert!(listed.lines().count() > 100);
    let other: Vec<_> = listed
        .lines()
        .filter(|line| line.contains("w/crlf") || line.contains("w/mixed"))
        .collect();
    assert_eq!(other, [] as [&str; 0]);
}

#[test]
fn every_file_has_a_name_that_other_systems_can_keep() {
    let listed = git(&root(), &["ls-files", "-z"]).unwrap_or_default();
    let mut known = BTreeMap::new();
    for file in listed.split('\0').filter(|file| !file.is_empty()) {
        if let Some(other) = known.insert(file.to_lowercase(), file) {
            panic!("where case is no difference, {file} and {other} are one file");
        }
        for name in file.split('/') {
            let stem = name.split('.').next().unwrap().to_lowercase();
            let is_device = ["con", "prn", "aux", "nul"].contains(&stem.as_str());
            let is_odd = name.contains(['<', '>', ':', '"', '|', '?', '*', '\\'])
                || name.ends_with(['.', ' ']);
            assert!(!is_device && !is_odd, "Windows cannot keep {file}");
        }
    }
}

#[test]
fn the_compose_files_bear_selinux_and_a_proxy_that_every_container_is_told_of() {
    let (mut mounts, mut checks) = (0, 0);
    for entry in fs::read_dir(root()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("docker-compose") {
            continue;
        }
        for line in fs::read_to_string(&file).unwrap().lines() {
            if let Some(mount) = line.trim().strip_prefix("- ./") {
                let options = mount.rsplit_once(':').unwrap().1;
                let relabelled = options.split(',').any(|option| option == "z");
                assert!(relabelled, "{name}: {line}");
                mounts += 1;
            }
            if line.contains("\"wget\"") {
                let unasked = line.contains("\"wget\", \"-Y\", \"off\"");
                assert!(unasked, "{name}: {line}");
                checks += 1;
            }
        }
    }
    assert_eq!((mounts, checks), (1, 1));
}
