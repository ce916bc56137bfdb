//! Rules on the structure of the source, such as the dependencies that each crate may have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crates that run nowhere but on a developer's machine.
const TOOLS: [&str; 5] = ["bench", "chaos", "e2e", "testkit", "xtask"];

/// The greatest length of a file, in lines, with which it still has one subject.
const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap()
}

/// Returns the dependencies of each crate among our crates, without those of tests and builds.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata().packages.into_iter();
    packages
        .map(|package| {
            let normal = package.dependencies.iter();
            let normal = normal.filter(|dependency| dependency.kind == DependencyKind::Normal);
            (
                package.name.to_string(),
                normal.map(|dependency| dependency.name.clone()).collect(),
            )
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn is_service(name: &str) -> bool {
    !TOOLS.contains(&name) && !["bus", "events", "live", "service", "store"].contains(&name)
}

#[test]
fn arrows_between_crates_point_one_way() {
    let arrows = arrows();
    let ours: BTreeSet<_> = arrows.keys().cloned().collect();
    for (name, dependencies) in &arrows {
        let known: BTreeSet<_> = dependencies
            .intersection(&ours)
            .map(String::as_str)
            .collect();
        let allowed: &[&str] = match name.as_str() {
            "events" | "service" | "testkit" | "e2e" => &[],
            "bus" | "store" => &["events"],
            "live" => &["bus", "events", "service"],
            "xtask" => &["testkit"],
            "bench" => &["bus", "events", "service", "store", "testkit"],
            // Its faulty services are the real ones but for the fault.
            "chaos" => &[
                "bus", "events", "service", "store", "testkit", "todo-api", "todo-web",
            ],
            _ => &["bus", "events", "live", "service", "store"],
        };
        let allowed: BTreeSet<_> = allowed.iter().copied().collect();
        let wrong: Vec<_> = known.difference(&allowed).collect();
        assert!(wrong.is_empty(), "`{name}` must not know {wrong:?}");
    }
}

#[test]
fn each_outside_thing_has_one_crate() {
    for (dependency, only) in [
        ("async-nats", "bus"),
        ("sqlx", "store"),
        ("metrics-exporter-prometheus", "service"),
        ("opentelemetry-otlp", "service"),
    ] {
        let arrows = arrows();
        let knowing = arrows.iter().filter(|(name, dependencies)| {
            dependencies.contains(dependency) && !TOOLS.contains(&name.as_str())
        });
        let knowing: Vec<_> = knowing.map(|(name, _)| name.as_str()).collect();
        assert_eq!(knowing, [only], "who names `{dependency}`");
    }
}

#[test]
fn only_service_reads_the_environment() {
    for name in arrows()
        .keys()
        .filter(|name| !TOOLS.contains(&name.as_str()) && *name != "service")
    {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let reads = ["env::var", "env::vars", "env::set_var", "dotenv"];
            let found = reads.iter().find(|call| text.contains(**call));
            assert!(found.is_none(), "{} calls {found:?}", file.display());
        }
    }
}

#[test]
fn versions_and_lints_are_stated_once() {
    for package in metadata().packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        let name = package.name.as_str();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "`{name}` has lints of its own"
        );
        let version = manifest.lines().find(|line| {
            let own = line.contains("version = \"") || line.contains(" = \"");
            own && !line.starts_with("name")
                && !line.starts_with("description")
                && !line.starts_with("path")
        });
        assert!(version.is_none(), "`{name}` states {version:?}");
        let folder = package.manifest_path.parent().unwrap().file_name();
        assert_eq!(folder, Some(name), "a crate's folder has the crate's name");
    }
}

#[test]
fn every_service_has_one_name_everywhere() {
    let compose = [
        "docker-compose.yml",
        "docker-compose-audit.yml",
        "docker-compose-api.yml",
    ];
    let compose = compose
        .map(|file| fs::read_to_string(root().join(file)).unwrap())
        .concat();
    for package in metadata()
        .packages
        .iter()
        .filter(|package| is_service(&package.name))
    {
        let binaries = package.targets.iter().filter(|target| target.is_bin());
        let binaries: Vec<_> = binaries.map(|target| target.name.as_str()).collect();
        assert_eq!(binaries, [package.name.as_str()]);
        let entry = format!("\n  {}:\n", package.name);
        assert!(
            compose.contains(&entry),
            "no compose file has `{}`",
            package.name
        );
    }
}

#[test]
fn files_are_short_enough_to_have_one_subject() {
    let long: Vec<_> = sources(&root().join("crates"))
        .into_iter()
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_group_costs_less_than_sixty_lines() {
    let guide = fs::read_to_string(root().join("docs/adding-a-group.md")).unwrap();
    let code = crate::user::between(&guide, "```rust\n", "```");
    assert!(
        code.lines().count() < 60,
        "the guide's group has {} lines",
        code.lines().count()
    );
}

/// Returns the structure of a document: its headings by depth, list items, table rows and lines of code.
/// The text after a `#` in code is prose, in the language of the file.
fn structure(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let mut in_code = false;
    let lines = text.lines().filter_map(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        if in_code || fence {
            return Some(line.split(" #").next().unwrap().trim_end().to_owned());
        }
        let first = line.split_whitespace().next()?;
        let is_mark = first.bytes().all(|byte| byte == b'#') || ["*", "|", "1."].contains(&first);
        is_mark.then(|| first.to_owned())
    });
    lines.collect()
}

#[test]
fn every_document_in_korean_has_the_structure_and_the_commands_of_the_english_one() {
    let docs = root().join("docs");
    let korean = fs::read_dir(docs.join("ko")).unwrap();
    let mut pairs: Vec<_> = korean
        .map(|entry| entry.unwrap())
        .map(|entry| (docs.join(entry.file_name()), entry.path()))
        .collect();
    pairs.push((root().join("README.md"), root().join("README.ko.md")));
    for (english, korean) in pairs {
        let expected = structure(&english);
        let found = structure(&korean);
        let differs = expected
            .iter()
            .zip(&found)
            .position(|(one, other)| one != other);
        if let Some(at) = differs {
            let part = at.saturating_sub(3)..(at + 2).min(expected.len()).min(found.len());
            panic!(
                "{}: {:#?} in place of {:#?}",
                korean.display(),
                &found[part.clone()],
                &expected[part]
            );
        }
        assert_eq!(expected.len(), found.len(), "{}", korean.display());
    }
}

#[test]
fn the_command_that_ci_runs_is_the_readmes() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(readme.contains("cargo xtask test") && ci.contains("cargo xtask test"));
}

#[test]
fn every_column_is_explained_in_its_migration() {
    for entry in fs::read_dir(root().join("migrations")).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let mut explained = false;
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            inside = (inside || line.starts_with("create table")) && !line.starts_with(')');
            let is_column = inside
                && !line.is_empty()
                && ![
                    "create table",
                    "--",
                    "constraint",
                    "check",
                    "primary key",
                    "(",
                    ")",
                    "or",
                    "and",
                ]
                .iter()
                .any(|start| line.starts_with(start));
            assert!(
                !is_column || explained,
                "{}: `{line}` is not explained",
                file.display()
            );
            explained = line.starts_with("--") || (is_column && line.contains("--"));
        }
    }
}
