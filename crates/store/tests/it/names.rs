//! Names of lists that earlier versions took, and how their items are reached now.

use events::{ItemEvent, ListName};

use crate::fixture::{Fixture, id, item_added, list};

/// The migration that gives such lists their names.
const NAMES: &str = include_str!("../../../../migrations/20261128030000_list_names.sql");

#[tokio::test]
async fn items_of_lists_with_names_that_are_not_taken_any_more_can_be_reached() {
    let fixture = Fixture::new().await;
    let names = [
        ("한글", "한글"),
        ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", "한글"),
        (".", "(.)"),
        ("..", "(..)"),
        ("\u{200b}", "(blank)"),
        ("\u{3164}\u{3000}\u{e0020}", "(blank)"),
        ("shopping", "shopping"),
        ("🙂\u{fe0f}", "🙂\u{fe0f}"),
    ];
    for (before, _) in names {
        let mut event = item_added(before, before.escape_unicode().to_string().as_str(), 1.0);
        event.list = ListName::stored(before.to_owned()).unwrap();
        fixture.apply_one(&[(1, ItemEvent::Added(event))]).await;
    }
    fixture.database.execute(NAMES).await.unwrap();
    for (before, now) in names {
        let page = fixture.items.list(&list(now), None, 10).await.unwrap();
        let mut found = page.items.iter().filter(|item| item.id == id(before));
        let version = if before == now { 1 } else { 2 };
        assert_eq!(
            found.next().map(|item| item.version),
            Some(version),
            "{before:?}"
        );
    }
}
