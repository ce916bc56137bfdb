//! Tests of `todoctl dead`.

use crate::world::World;

/// Makes dead letters of an item and of a message that is no event: 1 and 2 of the group `saver`, and 3 and 4
/// of `printer`. Returns the item's id.
async fn four_letters() -> (World, String) {
    let world = World::new().await;
    let id = world.add("buy milk").await;
    world.refuse("saver", "the drawer is full", 1).await;
    world
        .bus
        .send_raw("events.todo.newitem", vec![0xff, 0x1b])
        .await
        .unwrap();
    world.refuse("saver", "unused", 2).await;
    world.refuse("printer", "no paper\u{1b}[2J", 4).await;
    (world, id)
}

#[tokio::test]
async fn the_list_has_a_line_for_each_letter_and_steers_no_terminal() {
    let (world, id) = four_letters().await;
    let list = world.printed(&["dead", "list"]).await;
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 5, "{list}");
    assert!(lines[0].starts_with("SEQ "), "{list}");
    let words: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(words[..4], ["1", "saver", "events.todo.newitem", &id]);
    assert!(
        lines[1].ends_with(" 1     cannot be handled: the drawer is full"),
        "{list}"
    );
    assert!(
        lines[2]
            .ends_with("the body is no NewItem: it is not JSON: expected value at line 1 column 1")
    );
    assert!(!list.contains('\u{1b}'), "{list:?}");
    let printers = world.printed(&["dead", "list", "--group", "printer"]).await;
    assert_eq!(printers.lines().count(), 3, "{printers}");
    let full = world.printed(&["dead", "list", "--reason", "drawer"]).await;
    assert_eq!(full.lines().count(), 2, "{full}");
    assert_eq!(
        world.printed(&["dead", "list", "--group", "nobody"]).await,
        ""
    );
}

#[tokio::test]
async fn a_letter_is_shown_with_everything_that_is_known() {
    let (world, id) = four_letters().await;
    let page = world.printed(&["dead", "show", "1"]).await;
    let body = format!(r#"{{"id":"{id}","item":"buy milk"}}"#);
    let expected = [
        "dead letter 1\n  group     saver\n  member    tester-1\n  died      20".to_owned(),
        "  attempts  1\n  reason    cannot be handled: the drawer is full\n".to_owned(),
        format!("  event     {id}\n  subject   events.todo.newitem\n  stored    20"),
        "  place     sequence 1 of TODO\n  headers\n    Nats-Msg-Id: ".to_owned(),
        format!("    ce-id: {id}\n"),
        format!("  body, {} bytes\n", body.len()),
        body,
    ];
    for part in expected {
        assert!(page.contains(&part), "{part}\nis not in\n{page}");
    }
    let both = world.printed(&["dead", "show", "--id", &id]).await;
    assert!(
        both.contains("dead letter 1") && both.contains("dead letter 3"),
        "{both}"
    );
    let complaint = world.complaint(&["dead", "show", "9"]).await;
    assert_eq!(complaint, "error: there is no dead letter 9\n");
}

#[tokio::test]
async fn programs_get_a_json_object_a_line() {
    let (world, id) = four_letters().await;
    let lines = world.printed(&["dead", "list", "--json"]).await;
    let letters: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(letters.len(), 4);
    let [letter, garbled, ..] = &letters[..] else {
        unreachable!()
    };
    assert_eq!(
        (&letter["sequence"], &letter["group"]),
        (&1.into(), &"saver".into())
    );
    assert_eq!(
        (&letter["attempts"], &letter["member"]),
        (&1.into(), &"tester-1".into())
    );
    let event = &letter["event"];
    assert_eq!(
        (&event["id"], &event["sequence"]),
        (&id.as_str().into(), &1.into())
    );
    assert_eq!(event["headers"]["ce-id"][0], id.as_str());
    assert!(event["body"].as_str().unwrap().contains("buy milk"));
    assert_eq!(garbled["event"]["bodyBase64"], "/xs=");
    let shown = world.printed(&["dead", "show", "1", "--json"]).await;
    assert_eq!(shown.lines().next(), lines.lines().next());
}

#[tokio::test]
async fn a_replay_is_handled_by_its_group_alone_and_only_once() {
    let (world, id) = four_letters().await;
    let said = world.printed(&["dead", "replay", "--id", &id]).await;
    assert_eq!(said, "replayed 2 dead letters\n");
    let complaint = world.complaint(&["dead", "replay", "--id", &id]).await;
    assert_eq!(complaint, "error: no dead letter matches\n");
    let handled = world.handle("saver", 1).await;
    assert!(handled[0].contains("buy milk"), "{handled:?}");
    let list = world.printed(&["dead", "list"]).await;
    assert_eq!(list.lines().count(), 3, "{list}");
    let said = world
        .printed(&[
            "dead", "replay", "--group", "printer", "--reason", "NewItem",
        ])
        .await;
    assert_eq!(said, "replayed 1 dead letter\n");
    assert_eq!(world.handle("printer", 2).await.len(), 2);
}

#[tokio::test]
async fn discarding_needs_exactly_one_kind_of_description() {
    let (world, id) = four_letters().await;
    for wrong in [
        &["dead", "discard"][..],
        &["dead", "discard", "1", "--all"],
        &["dead", "discard", "--id", &id, "--group", "saver"],
        &["dead", "replay", "--all", "--reason", "drawer"],
        &["dead", "show", "1", "--id", &id],
    ] {
        let output = world.todoctl(wrong).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let output = world.todoctl(&["dead", "discard", "1", "9"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "discarded 1 dead letter\n"
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "dead letter 9: there is no dead letter 9\nerror: 1 dead letter not discarded\n"
    );
    let said = world.printed(&["dead", "discard", "--all"]).await;
    assert_eq!(said, "discarded 3 dead letters\n");
    world.letters_become(0).await;
}

#[tokio::test]
async fn whoever_discards_at_a_terminal_is_asked_first() {
    let (world, _) = four_letters().await;
    let refused = world.at_a_terminal("dead discard 1", "n\n").await;
    let screen = String::from_utf8_lossy(&refused.stdout);
    assert!(screen.contains("discard 1 dead letter? [y/N]"), "{screen}");
    assert!(screen.contains("nothing was discarded"), "{screen}");
    assert_eq!(refused.status.code(), Some(1));
    world.letters_become(4).await;

    let agreed = world.at_a_terminal("dead discard 1", "y\n").await;
    assert!(agreed.status.success(), "{agreed:?}");
    world.letters_become(3).await;
    let unasked = world.at_a_terminal("dead discard --all --yes", "").await;
    assert!(unasked.status.success(), "{unasked:?}");
    world.letters_become(0).await;
}
