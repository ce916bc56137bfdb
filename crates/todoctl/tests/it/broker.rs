//! Tests of the choice of the broker.

use std::{fs, process::Output};

use crate::world::World;

/// Runs the tool in a folder, without `NATS_URL`.
async fn in_folder(world: &World, folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = world.command(arguments);
    command.env_remove("NATS_URL").current_dir(folder);
    command.output().await.unwrap()
}

#[tokio::test]
async fn without_an_address_it_is_the_system_that_runs_here_or_above_which_is_said() {
    let world = World::new().await;
    let place = tempfile::tempdir().unwrap();
    let deep = place.path().join("docs/more");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir(place.path().join(".todo")).unwrap();
    let file = place.path().join(".todo/run.json");
    let run = serde_json::json!({ "web": null, "nats": world.broker.url() });
    fs::write(&file, run.to_string()).unwrap();

    let output = in_folder(&world, &deep, &["status"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let file = file.canonicalize().unwrap();
    assert_eq!(said, format!("using the system of `{}`\n", file.display()));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("tester-1"), "{shown}");

    // `NATS_URL` takes precedence, without a message.
    fs::write(&file, r#"{"nats":"nats://127.0.0.1:1"}"#).unwrap();
    let mut command = world.command(&["status"]);
    let output = command.current_dir(&deep).output().await.unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");

    fs::write(&file, r#"{"nats":"nats://u:secret@127.0.0.1:1"}"#).unwrap();
    let output = in_folder(&world, &deep, &["dead", "list"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let away = format!(
        "error: the broker at nats://127.0.0.1:1 (`{}`) is away",
        file.display()
    );
    assert!(said.contains(&away), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn without_any_address_it_says_so_and_what_it_tries() {
    let world = World::new().await;
    let place = tempfile::tempdir().unwrap();
    let output = in_folder(&world, place.path(), &["dead", "list"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "no NATS_URL is given and there is no `.todo/run.json` here or above: trying \
                    nats://localhost:4222\n";
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test]
async fn an_empty_answer_says_so_to_a_person_and_is_empty_to_a_program() {
    let world = World::new().await;
    for arguments in [
        ["dead", "list"].as_slice(),
        &["dead", "list", "--group", "save-handler"],
        &["dead", "list", "--json"],
    ] {
        let output = world.todoctl(arguments).await;
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
        let said = String::from_utf8(output.stderr).unwrap();
        let for_people = !arguments.contains(&"--json");
        assert_eq!(said == "no dead letters\n", for_people, "{said}");
    }
}
