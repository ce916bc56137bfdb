//! Tables of `docs/operations.md`, compared with the programs and the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{
    guide::{root, target},
    user::between,
};

/// Returns the rows of the tables under a heading, by the words in backticks that they begin with.
fn rows<'a>(manual: &'a str, heading: &str) -> BTreeMap<&'a str, &'a str> {
    let section = between(manual, &format!("\n## {heading}\n"), "\n## ");
    let rows = section
        .lines()
        .filter_map(|line| Some((line.strip_prefix("| `")?.split_once('`')?.0, line)));
    rows.collect()
}

/// Returns the text of all files under a folder, one after the other.
fn source(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.path() {
            folder if folder.is_dir() => source(&folder),
            file => fs::read_to_string(file).unwrap(),
        })
        .collect()
}

#[test]
fn the_manual_has_every_setting_with_its_default() {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let rows = rows(&manual, "Settings");
    let programs = [
        "todo-web",
        "todo-api",
        "save-handler",
        "audit-handler",
        "housekeeper",
        "setup",
        "todoctl",
    ];
    let mut known = BTreeSet::new();
    for program in programs {
        let mut command = std::process::Command::new(target().join("debug").join(program));
        let help = String::from_utf8(command.arg("-h").output().unwrap().stdout).unwrap();
        for line in help.lines() {
            let Some((_, setting)) = line.split_once("[env: ") else {
                continue;
            };
            let name = setting.split(['=', ']']).next().unwrap();
            let row = rows.get(name);
            let row = row.unwrap_or_else(|| panic!("the manual lacks {name} of {program}"));
            if setting.contains("[default: ") {
                let default = between(setting, "[default: ", "]");
                assert!(
                    row.contains(&format!("`{default}`")),
                    "the default of {name} for {program} is {default}, and not: {row}"
                );
            }
            known.insert(name.to_owned());
        }
    }
    for file in ["", "-audit", "-api"] {
        let file = root().join(format!("docker-compose{file}.yml"));
        let compose = fs::read_to_string(file).unwrap();
        for variable in compose.split("${").skip(1) {
            let (name, rest) = variable.split_once(":-").unwrap();
            let default = rest.split_once('}').unwrap().0;
            let row = rows.get(name);
            let row = row.unwrap_or_else(|| panic!("the manual lacks {name} of the compose files"));
            assert!(row.contains(&format!("`{default}`")), "{default}: {row}");
            known.insert(name.to_owned());
        }
    }
    let listed: BTreeSet<_> = rows.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, known, "what the manual lists, and what there is");
}

#[test]
fn every_file_that_the_patterns_name_is_there() {
    let patterns = fs::read_to_string(root().join("docs/patterns.md")).unwrap();
    let words = patterns.split('`').skip(1).step_by(2);
    let named = words.filter(|word| {
        let folders = ["crates/", "docs/", "message-queue/"];
        folders.iter().any(|folder| word.starts_with(folder))
    });
    let links = patterns.split("](").skip(1);
    let links = links.map(|link| link.split([')', '#']).next().unwrap());
    let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
    let files: Vec<_> = named
        .map(|file| root().join(file))
        .chain(links.map(|link| root().join("docs").join(link)))
        .collect();
    assert!(files.len() > 30);
    let missing = files.iter().find(|file| !file.exists());
    assert_eq!(missing, None);
}

#[test]
fn every_pattern_is_in_the_table_of_contents_and_says_what_it_has_to() {
    let patterns = fs::read_to_string(root().join("docs/patterns.md")).unwrap();
    let (top, rest) = patterns.split_once("\n## ").unwrap();
    let sections: Vec<_> = rest.split("\n## ").collect();
    let listed: Vec<_> = top
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once("](#"))
        .map(|(name, rest)| (name, rest.split_once(')').unwrap().0))
        .collect();
    assert_eq!(listed.len(), sections.len());
    for (section, (name, anchor)) in sections.iter().zip(listed) {
        let (heading, text) = section.split_once('\n').unwrap();
        assert_eq!(heading, name);
        let place = heading.to_lowercase().replace(' ', "-").replace(',', "");
        assert_eq!(place, anchor);
        for part in [
            "What it is for",
            "Where the code is",
            "To see it",
            "What it costs",
            "hen not to use it",
        ] {
            assert!(text.contains(part), "{heading} does not say: {part}");
        }
        assert!(text.contains("```sh\n"), "{heading} has no command");
    }
}

#[test]
fn the_manual_has_every_metric() {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let rows = rows(&manual, "Health");
    let mut known = BTreeSet::new();
    let libraries = [
        "bus",
        "housekeeper",
        "live",
        "service",
        "store",
        "todo-api",
        "todo-web",
    ];
    for library in libraries {
        let text = source(&root().join("crates").join(library).join("src"));
        // The services that push name the gauge of their subscribers themselves.
        for kind in ["counter!(\"", "histogram!(\"", "gauge!(\"", "gauge: \""] {
            let found = text.split(kind).skip(1);
            known.extend(found.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    // The section has a table of addresses as well.
    let listed = rows.keys().filter(|name| !name.starts_with('/'));
    let listed: BTreeSet<_> = listed.map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, known, "what the manual lists, and what there is");
}
