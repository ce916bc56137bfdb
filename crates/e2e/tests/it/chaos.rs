//! `cargo xtask chaos` in small: the system is broken on purpose, from fixed seeds, and judged. Then the
//! judge itself is tested: it has to find planted faults.

use chaos::{Kind, Options, Plant, Verdict};

/// Breaks the system for so many seconds, and returns the verdict.
async fn verdict(seed: u64, seconds: u64, only: &[Kind]) -> Verdict {
    let options = Options {
        seed: Some(seed),
        seconds,
        only: only.to_vec(),
        clients: 4,
        patience: 60,
        ..Options::default()
    };
    chaos::run(&options).await.unwrap()
}

async fn assert_unharmed_by(seed: u64, seconds: u64, only: &[Kind]) {
    let verdict = verdict(seed, seconds, only).await;
    assert!(verdict.passed(), "{verdict}");
}

#[tokio::test]
async fn members_that_are_killed_lose_nothing() {
    assert_unharmed_by(1, 10, &[Kind::Kill]).await;
}

#[tokio::test]
async fn members_that_stand_still_for_longer_than_they_are_waited_for_do_no_harm() {
    assert_unharmed_by(2, 15, &[Kind::Pause]).await;
}

#[tokio::test]
async fn members_come_and_go_without_a_trace() {
    assert_unharmed_by(3, 12, &[Kind::Terminate, Kind::Members]).await;
}

/// Without a broker a member cannot return its in-flight messages; it once waited for that.
#[tokio::test]
async fn members_that_are_asked_to_stop_while_the_broker_is_away_do_so() {
    let only = [Kind::Members, Kind::Terminate, Kind::Broker];
    assert_unharmed_by(1, 8, &only).await;
}

#[tokio::test]
async fn the_broker_may_go_in_any_way() {
    assert_unharmed_by(4, 12, &[Kind::Broker]).await;
}

#[tokio::test]
async fn the_database_may_go_in_any_way() {
    assert_unharmed_by(5, 12, &[Kind::Database]).await;
}

#[tokio::test]
async fn both_servers_may_go_at_once() {
    assert_unharmed_by(6, 8, &[Kind::Both]).await;
}

#[tokio::test]
async fn links_may_be_cut_and_stuck_and_slow() {
    assert_unharmed_by(7, 12, &[Kind::Links]).await;
}

#[tokio::test]
async fn everything_may_happen_at_once() {
    assert_unharmed_by(8, 20, &[]).await;
}

/// An outage is not the events' fault: they are not returned to the broker, so their delivery counts
/// stay.
#[tokio::test]
async fn a_long_outage_of_the_database_raises_no_count_and_blames_nothing() {
    let options = Options {
        seed: Some(9),
        outage: Some(15),
        seconds: 5,
        clients: 4,
        ..Options::default()
    };
    let verdict = chaos::run(&options).await.unwrap();
    assert!(verdict.passed(), "{verdict}");
}

/// Runs with a planted fault, which the check of this name has to find.
async fn assert_found(plant: Plant, seed: u64, only: &[Kind], check: &str) {
    let options = Options {
        seed: Some(seed),
        seconds: 6,
        only: only.to_vec(),
        clients: 4,
        patience: 20,
        plant: Some(plant),
        ..Options::default()
    };
    let verdict = chaos::run(&options).await.unwrap();
    assert!(verdict.failed().contains(&check), "not found:\n{verdict}");
}

#[tokio::test]
async fn a_saver_that_acknowledges_before_it_has_saved_is_found() {
    assert_found(
        Plant::AckBeforeCommit,
        1,
        &[Kind::Kill],
        "the table is the stream's",
    )
    .await;
}

#[tokio::test]
async fn a_saver_that_takes_what_comes_last_for_the_newest_is_found() {
    // Several members of one group suffice to show this fault; nothing else has to happen.
    let only = &[Kind::Members];
    assert_found(Plant::NoVersionGuard, 2, only, "the table is the stream's").await;
}

#[tokio::test]
async fn an_api_that_says_yes_without_waiting_for_the_stream_is_found() {
    assert_found(
        Plant::YesWithoutWaiting,
        3,
        &[Kind::Broker],
        "a yes is in effect",
    )
    .await;
}

#[tokio::test]
async fn an_api_that_ignores_its_callers_keys_is_found() {
    assert_found(
        Plant::KeyIgnored,
        4,
        &[Kind::Members],
        "a repeated key makes one",
    )
    .await;
}

#[tokio::test]
async fn a_page_that_forgets_to_push_some_of_what_is_saved_is_found() {
    assert_found(
        Plant::UpdateDropped,
        5,
        &[Kind::Members],
        "visitors see what is",
    )
    .await;
}
